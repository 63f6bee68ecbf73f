// The captured sound of the last minute, addressed by sample positions. Pure.

/** Samples per second of what is captured and sent. */
export const RATE = 16_000;

/**
 * Keeps sound that may have to be sent again. Positions count samples since the start of the capture, also those that
 * have been dropped.
 */
export class Backlog {
  /** @type {{at: number, samples: Int16Array<ArrayBuffer>}[]} */
  #frames = [];
  #limit;
  #newest = 0;

  /** @param {number} seconds of capacity */
  constructor(seconds) {
    this.#limit = Math.round(seconds * RATE);
  }

  /** The position of the first sample that is still here. */
  get oldest() {
    return this.#frames[0]?.at ?? this.#newest;
  }

  /** The position after the last sample. */
  get newest() {
    return this.#newest;
  }

  /** @param {Int16Array<ArrayBuffer>} samples */
  push(samples) {
    this.#frames.push({ at: this.#newest, samples });
    this.#newest += samples.length;
    while (this.#newest - this.#frames[0].at > this.#limit) this.#frames.shift();
  }

  /**
   * The next piece at a position. Dropped sound is replaced by silence of the same length, at most a second at a time, so
   * that times stay right.
   * @param {number} position before `newest`
   * @returns {{samples: Int16Array<ArrayBuffer>, lost: boolean}} `lost`: it is silence instead of dropped sound
   */
  read(position) {
    if (position < this.oldest) {
      return { samples: new Int16Array(Math.min(RATE, this.oldest - position)), lost: true };
    }
    const frame = this.#frames.findLast(({ at }) => at <= position);
    return { samples: frame ? frame.samples.subarray(position - frame.at) : new Int16Array(0), lost: false };
  }
}
