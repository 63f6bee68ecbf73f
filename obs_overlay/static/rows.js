// The lines on the screen: at most four, made of words that are put there once and then left alone.

/** @typedef {import("./lines.js").Line} Line */

const ROLL = 160; // milliseconds
const VOICES = 8; // colours
const STAGGER = 70; // milliseconds from one word to the next, where they come one by one
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Rows {
  /** @param {HTMLElement} box */
  constructor(box) {
    this.box = box;
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** @type {Promise<unknown> | undefined} */
    this.rolling = undefined;
  }

  /**
   * Show these lines and no others.
   * @param {Line[]} lines
   * @param {{roll: boolean, rise: boolean, stagger: boolean, direction: string, voice: (name: string) => number}} how
   *   `roll`: older lines move up smoothly; `rise`: they leave at the top, else all stand still
   */
  show(lines, how) {
    const keys = new Set(lines.map((line) => line.key));
    let left = 0;
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
      left++;
    }
    const stayed = this.rows.size;
    const came = lines.filter((line) => !this.rows.has(line.key)).length;
    for (const line of lines) this.draw(line, how);
    // a block at the bottom grows upwards, one that is full rolls: either way what is there moves up by the new lines
    const lifted = how.rise ? came : Math.min(left, came);
    if (how.roll && stayed && lifted && !still.matches) this.roll(lifted);
  }

  /** Let the lines come up from below by so many, within the block. @param {number} lines */
  roll(lines) {
    const from = `translateY(calc(${lines} * var(--caption-row)))`;
    const timing = { duration: ROLL, easing: "cubic-bezier(0.2, 0.7, 0.3, 1)" };
    const moves = [...this.rows.values()].map((row) => row.animate([{ transform: from }, { transform: "none" }], timing));
    this.box.dataset.rolling = "true";
    const rolling = (this.rolling = Promise.allSettled(moves.map((move) => move.finished)));
    rolling.then(() => {
      if (this.rolling === rolling) delete this.box.dataset.rolling;
    });
  }

  clear() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  /** @param {Line} line @param {{stagger: boolean, direction: string, voice: (name: string) => number}} how */
  draw(line, how) {
    let row = this.rows.get(line.key);
    if (!row) {
      row = document.createElement("p");
      row.className = "line";
      row.dir = how.direction === "auto" ? (line.rtl ? "rtl" : "ltr") : how.direction;
      row.dataset.voice = String((how.voice(line.voice) % VOICES) + 1);
      if (line.name) {
        const name = document.createElement("span");
        name.className = "name";
        name.textContent = `${line.name}: `;
        row.append(name);
      }
      this.rows.set(line.key, row);
      this.box.append(row);
    }
    const shown = /** @type {HTMLElement[]} */ ([...row.querySelectorAll(".word")]);
    let fresh = 0;
    line.words.forEach((word, index) => {
      let span = shown[index];
      if (!span) {
        span = document.createElement("span");
        if (how.stagger && fresh) span.style.animationDelay = `${fresh * STAGGER}ms`;
        fresh++;
        row.append(span);
      }
      const kind = word.tentative ? "word tentative" : "word committed";
      if (span.className !== kind) span.className = kind;
      if (span.textContent !== word.text) span.textContent = word.text;
    });
    for (const span of shown.slice(line.words.length)) span.remove();
  }
}
