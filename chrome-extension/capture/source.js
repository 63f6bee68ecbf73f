// One source: its capture, the backlog of its sound, and the publisher that sends it.

import { newSource, reduce } from "../shared/state.js";
import { Backlog } from "./backlog.js";
import { Publisher } from "./publisher.js";

/**
 * @import { Kind, Problem, SourceEvent } from "../shared/state.js"
 * @import { Capture, Listener as CaptureListener } from "./capture.js"
 * @import { Identity, Listener as PublisherListener } from "./publisher.js"
 */

// Longer than the service keeps a disconnected source (30 s), because sound whose captions were not received yet has to be
// sent again too.
const BACKLOG = 60; // seconds
const SILENCE = -90; // decibels below full scale
const FALL = 3; // decibels that the displayed level falls in a tenth of a second

export class Source {
  #createPublisher;
  #changed;
  #backlog = new Backlog(BACKLOG);
  /** @type {Capture | null} */
  #capture = null;
  /** @type {Publisher | null} */
  #publisher = null;
  #state;
  /** @type {Problem | null} */
  #endReason = null;
  #muted = false;
  #over = false;
  level = SILENCE;

  /**
   * @param {Kind} kind
   * @param {string} name that readers see
   * @param {() => string} address to publish to
   * @param {Pick<Identity, "lang" | "token">} identity
   * @param {{changed: () => void} & Omit<PublisherListener, "event">} listener
   */
  constructor(kind, name, address, identity, { changed, ...listener }) {
    this.#changed = changed;
    this.#state = newSource(kind, name);
    const whole = { ...identity, source: name, resume: crypto.randomUUID() };
    this.#createPublisher = () => new Publisher(address, whole, this.#backlog, {
      ...listener, event: (event) => this.#update(event),
    });
  }

  get state() {
    return this.#state;
  }

  /** The position of a time in this source's sound. @param {number} seconds on the channel's clock */
  position(seconds) {
    return this.#publisher?.position(seconds) ?? 0;
  }

  /**
   * Start the capture, and publish it.
   * @param {(listener: CaptureListener) => Promise<Capture>} openCapture
   * @param {() => void} ended the tab was closed, or the device was unplugged
   */
  async start(openCapture, ended) {
    this.#capture = await this.#open(openCapture, ended);
    this.#publisher = this.#createPublisher();
  }

  /** Continue with another capture, such as that of another microphone. @param {(listener: CaptureListener) => Promise<Capture>} openCapture @param {() => void} ended */
  async switchCapture(openCapture, ended) {
    const before = this.#capture;
    const after = await this.#open(openCapture, ended);
    before?.stop();
    if (this.#over) return after.stop(); // it was ended meanwhile
    this.#capture = after;
  }

  /** Whether silence is sent instead of what is captured. */
  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    if (this.#capture) this.#capture.muted = muted;
  }

  /** Stop the capture; its last words are still captioned. @param {Problem | null} [reason] */
  end(reason = null) {
    this.#endReason = reason;
    this.#over = true;
    this.#capture?.stop();
    this.level = SILENCE;
    this.#publisher?.end();
  }

  /** @param {(listener: CaptureListener) => Promise<Capture>} openCapture @param {() => void} ended */
  async #open(openCapture, ended) {
    const capture = await openCapture({
      frame: (samples, level) => {
        this.#backlog.push(samples);
        this.level = Math.max(level, this.level - FALL);
        this.#publisher?.push();
      },
      ended,
    });
    capture.muted = this.#muted;
    return capture;
  }

  /** @param {SourceEvent} event */
  #update(event) {
    this.#state = reduce(this.#state, event.type === "ended" ? { ...event, problem: this.#endReason } : event);
    this.#changed();
  }
}
