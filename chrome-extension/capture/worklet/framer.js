// Runs in the audio thread: collects 16 bit samples in frames of a tenth of a second.

import { Resampler } from "./resampler.js";

const RATE = 16_000; // samples per second
const FRAME = RATE / 10; // samples

class Framer extends AudioWorkletProcessor {
  #frame = new Int16Array(FRAME);
  #filled = 0;
  #power = 0;
  #resampler = sampleRate === RATE ? null : new Resampler(sampleRate, RATE);

  /** @param {Float32Array[][]} inputs */
  process([[input]]) {
    if (!input) return true; // nothing is connected at the moment
    if (this.#resampler) this.#resampler.push(input, (sample) => this.#put(sample));
    else for (const sample of input) this.#put(sample);
    return true;
  }

  /** @param {number} sample */
  #put(sample) {
    this.#power += sample * sample;
    this.#frame[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    if (this.#filled === FRAME) this.#send();
  }

  #send() {
    const level = 10 * Math.log10(this.#power / FRAME + 1e-9); // decibels below full scale
    this.port.postMessage({ samples: this.#frame, level }, [this.#frame.buffer]);
    this.#frame = new Int16Array(FRAME);
    this.#filled = 0;
    this.#power = 0;
  }
}

registerProcessor("framer", Framer);
