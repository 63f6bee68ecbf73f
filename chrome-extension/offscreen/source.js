// One source: what is captured, what is kept of it, and where it is sent.

import { newSource, reduce } from "../shared/state.js";
import { Backlog } from "./backlog.js";
import { Publisher } from "./publisher.js";

/** @typedef {import("../shared/state.js").Problem} Problem */
/** @typedef {import("./capture.js").Capture} Capture */
/** @typedef {import("./capture.js").Listener} Frames */

// Longer than a service keeps a lost source (30 s): what it may have heard without having told its captions
// has to be sent again too.
const KEPT = 60; // seconds
const QUIET = -90; // dB
const FALL = 3; // dB that the level falls in a tenth of a second

export class Source {
  #publish;
  #changed;
  #backlog = new Backlog(KEPT);
  /** @type {Capture | null} */
  #capture = null;
  /** @type {Publisher | null} */
  #publisher = null;
  #state;
  /** @type {Problem | null} */
  #problem = null;
  level = QUIET;

  /**
   * @param {"tab" | "microphone"} kind
   * @param {string} name that readers see
   * @param {() => string} address to publish to
   * @param {{lang?: string, token?: string}} start
   * @param {{changed: () => void} & Omit<import("./publisher.js").Listener, "told">} listener
   */
  constructor(kind, name, address, start, { changed, ...listener }) {
    this.#changed = changed;
    this.#state = newSource(kind, name);
    const told = (/** @type {import("../shared/state.js").Event} */ event) => this.#tell(event);
    const whole = { ...start, source: name, resume: crypto.randomUUID() };
    this.#publish = () => new Publisher(address, whole, this.#backlog, { ...listener, told });
  }

  get state() {
    return this.#state;
  }

  /** A time on the channel's clock as a position in this source. @param {number} seconds */
  position(seconds) {
    return this.#publisher?.position(seconds) ?? 0;
  }

  /**
   * Begin to capture, and to publish.
   * @param {(frames: Frames) => Promise<Capture>} open
   * @param {() => void} ended the tab was closed, or the device is gone
   */
  async begin(open, ended) {
    this.#capture = await open({
      frame: (samples, level) => {
        this.#backlog.push(samples);
        this.level = Math.max(level, this.level - FALL);
        this.#publisher?.push();
      },
      ended,
    });
    this.#publisher = this.#publish();
  }

  /** No more sound; the last words are still told. @param {Problem | null} [problem] why */
  end(problem = null) {
    this.#problem = problem;
    this.#capture?.stop();
    this.level = QUIET;
    this.#publisher?.end();
  }

  /** @param {import("../shared/state.js").Event} event */
  #tell(event) {
    this.#state = reduce(this.#state, event.type === "ended" ? { ...event, problem: this.#problem } : event);
    this.#changed();
  }
}
