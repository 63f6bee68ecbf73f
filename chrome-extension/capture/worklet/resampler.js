// Converts the sample rate, without aliasing, for browsers that capture a microphone at its own rate only. Pure.

const REACH = 16; // samples of the lower rate on each side of the filter
const CUTOFF = 0.46; // of the lower rate

/** Converts one stream of samples, block after block. */
export class Resampler {
  #step; // whole samples of the input from one of the output to the next
  #phases; // parts of a sample in which positions are counted
  #rest; // of such parts from one sample of the output to the next
  /** @type {Float32Array[]} the filter for each part of a sample */
  #filters;
  #reach;
  #input = new Float32Array(0);
  #position; // in the input, whole samples
  #phase = 0;

  /** @param {number} from samples per second @param {number} to the same */
  constructor(from, to) {
    const lower = Math.min(from, to);
    this.#phases = to / divisor(from, to);
    this.#step = Math.floor(from / to);
    this.#rest = (from % to) / divisor(from, to);
    this.#reach = Math.ceil((REACH * from) / lower);
    this.#position = this.#reach;
    this.#input = new Float32Array(this.#reach);
    this.#filters = Array.from({ length: this.#phases }, (_, phase) =>
      filter(this.#reach, phase / this.#phases, (2 * CUTOFF * lower) / from));
  }

  /** @param {Float32Array} samples @param {(sample: number) => void} output called for each sample of the result */
  push(samples, output) {
    const input = new Float32Array(this.#input.length + samples.length);
    input.set(this.#input);
    input.set(samples, this.#input.length);
    const reach = this.#reach;
    while (this.#position + reach < input.length) {
      const taps = this.#filters[this.#phase];
      const start = this.#position - reach;
      let sum = 0;
      for (let at = 0; at < taps.length; at++) sum += taps[at] * input[start + at];
      output(sum);
      this.#position += this.#step;
      this.#phase += this.#rest;
      if (this.#phase >= this.#phases) {
        this.#phase -= this.#phases;
        this.#position++;
      }
    }
    const used = Math.min(this.#position - reach, input.length);
    this.#input = input.slice(used);
    this.#position -= used;
  }
}

/** A windowed sinc around a position `fraction` after its middle. @param {number} reach @param {number} fraction @param {number} cutoff share of the input's bandwidth */
function filter(reach, fraction, cutoff) {
  const taps = Float32Array.from({ length: 2 * reach + 1 }, (_, index) => {
    const at = index - reach - fraction;
    const window = 0.42 + 0.5 * Math.cos((Math.PI * at) / (reach + 1)) + 0.08 * Math.cos((2 * Math.PI * at) / (reach + 1));
    return window * (at ? Math.sin(Math.PI * cutoff * at) / (Math.PI * at) : cutoff);
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** The greatest common divisor. @param {number} one @param {number} other @returns {number} */
function divisor(one, other) {
  return other ? divisor(other, one % other) : one;
}
