// Captions that are shown as a whole, one page after the other, each for as long as it takes to read.

/** @import { Line } from "./lines.js" */

const READING_SPEED = 20; // characters a second (Netflix timed text style guide)
const MIN_DURATION = 833; // milliseconds (5/6 s, the same guide)
const BEHIND = 3; // pages waiting, from which each is shown for the minimum only

export class PageQueue {
  /** @param {(page: Line[]) => void} show @param {() => void} finished called when the last page has been read */
  constructor(show, finished) {
    this.show = show;
    this.finished = finished;
    /** @type {Line[][]} */
    this.waiting = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {Line[]} page */
  add(page) {
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
      this.finished();
      return;
    }
    this.show(page);
    const length = page.flatMap((line) => line.words).reduce((sum, word) => sum + word.text.length, 0);
    const hurry = this.waiting.length >= BEHIND;
    const time = hurry ? MIN_DURATION : Math.max(MIN_DURATION, (length / READING_SPEED) * 1000);
    this.timer = setTimeout(() => this.next(), time);
  }
}
