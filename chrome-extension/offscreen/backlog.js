// The sound of the last minute, on a clock of samples. Pure.

/** Samples in a second: what is captured and sent. */
export const RATE = 16_000;

/**
 * Keeps what may have to be sent again. Positions count samples from the start of the capture, and
 * go on counting when the oldest sound is dropped.
 */
export class Backlog {
  /** @type {{at: number, samples: Int16Array}[]} */
  #frames = [];
  #limit;
  #newest = 0;

  /** @param {number} seconds that are kept at most */
  constructor(seconds) {
    this.#limit = Math.round(seconds * RATE);
  }

  /** The position of the first sample that is kept. */
  get oldest() {
    return this.#frames[0]?.at ?? this.#newest;
  }

  /** The position after the last sample. */
  get newest() {
    return this.#newest;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    this.#frames.push({ at: this.#newest, samples });
    this.#newest += samples.length;
    while (this.#newest - this.#frames[0].at > this.#limit) this.#frames.shift();
  }

  /**
   * The next piece from a position on. What is gone is replaced by silence of the same length, so that the clock stays
   * true; at most a second of it at a time.
   * @param {number} position before `newest`
   * @returns {{samples: Int16Array, lost: boolean}}
   */
  read(position) {
    if (position < this.oldest) {
      return { samples: new Int16Array(Math.min(RATE, this.oldest - position)), lost: true };
    }
    const frame = this.#frames.findLast((one) => one.at <= position);
    return { samples: frame ? frame.samples.subarray(position - frame.at) : new Int16Array(0), lost: false };
  }
}
