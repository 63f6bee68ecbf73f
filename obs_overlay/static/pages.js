// Captions that are shown whole, one after the other, each for as long as it takes to read.

/** @typedef {import("./lines.js").Line} Line */

const READING = 20; // characters a second (Netflix timed text guide)
const LEAST = 833; // milliseconds (5/6 s, the same guide)
const HURRIED = 3; // pages waiting, from which each is shown for the least time only

export class Pages {
  /** @param {(page: Line[]) => void} present @param {() => void} rest called when the last page has been read */
  constructor(present, rest) {
    this.present = present;
    this.rest = rest;
    /** @type {Line[][]} */
    this.waiting = [];
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /** @param {Line[]} page */
  put(page) {
    this.waiting.push(page);
    if (this.timer === undefined) this.next();
  }

  clear() {
    this.waiting = [];
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  next() {
    const page = this.waiting.shift();
    this.timer = undefined;
    if (!page) {
      this.rest();
      return;
    }
    this.present(page);
    const length = page.flatMap((line) => line.words).reduce((sum, word) => sum + word.text.length, 0);
    const time = this.waiting.length >= HURRIED ? LEAST : Math.max(LEAST, (length / READING) * 1000);
    this.timer = setTimeout(() => this.next(), time);
  }
}
