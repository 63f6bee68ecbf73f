// The lines on the screen: at most four, of words that do not move within their line once they are there.

import { create, write } from "../shared/dom.js";

/**
 * @import { Line } from "./lines.js"
 *
 * @typedef {object} Animation
 * @property {boolean} roll whether older lines move up smoothly
 * @property {boolean} rise whether lines leave at the top; otherwise the block keeps its place
 * @property {boolean} stagger whether new words appear one by one
 * @property {"auto" | "ltr" | "rtl"} direction
 * @property {(name: string) => number} voice the number of a voice, from 0
 */

const ROLL = 160; // milliseconds
const VOICES = 8; // colors
const STAGGER = 70; // milliseconds from one word to the next, where they appear one by one
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

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
   * @param {Animation} animation
   */
  show(lines, animation) {
    const keys = new Set(lines.map((line) => line.key));
    let removed = 0;
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
      removed++;
    }
    const kept = this.rows.size;
    const added = lines.filter((line) => !this.rows.has(line.key)).length;
    for (const line of lines) this.draw(line, animation);
    // a block at the bottom grows upwards, a full one rolls: either way the older lines move up by the number of new ones
    const lifted = animation.rise ? added : Math.min(removed, added);
    if (animation.roll && kept && lifted && !reducedMotion.matches) this.roll(lifted);
  }

  /** Let all lines move up into their place. @param {number} lines by how many */
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

  /** @param {Line} line @param {Animation} animation */
  draw(line, animation) {
    const row = this.rows.get(line.key) ?? this.add(line, animation);
    const shown = /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll(".word"));
    let fresh = 0;
    line.words.forEach((word, index) => {
      let span = shown[index];
      if (!span) {
        span = create("span");
        if (animation.stagger && fresh) span.style.animationDelay = `${fresh * STAGGER}ms`;
        fresh++;
        row.append(span);
      }
      const className = word.tentative ? "word tentative" : "word committed";
      if (span.className !== className) span.className = className;
      write(span, word.text);
    });
    for (const span of [...shown].slice(line.words.length)) span.remove();
  }

  /** An empty row for a line. @param {Line} line @param {Animation} animation */
  add(line, { direction, voice }) {
    const row = create("p", "line");
    const own = line.rtl ? "rtl" : "ltr";
    row.dir = direction === "auto" ? own : direction;
    row.dataset.voice = String((voice(line.voice) % VOICES) + 1);
    if (line.name) row.append(create("span", "name", `${line.name}: `));
    this.rows.set(line.key, row);
    this.box.append(row);
    return row;
  }
}
