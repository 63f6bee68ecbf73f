import assert from "node:assert/strict";
import test from "node:test";

import { Resampler } from "../../chrome-extension/capture/worklet/resampler.js";

const RATE = 16_000;

/** A tone of half of full scale after conversion from a rate. @param {number} from @param {number} hertz */
function converted(from, hertz) {
  const resampler = new Resampler(from, RATE);
  /** @type {number[]} */
  const result = [];
  for (let at = 0; at < from; at += 128) {
    const block = Float32Array.from({ length: 128 }, (_, index) => 0.5 * Math.sin((2 * Math.PI * hertz * (at + index)) / from));
    resampler.push(block, (sample) => result.push(sample));
  }
  return result;
}

/** Decibels of full scale, without the beginning. @param {number[]} samples */
function loudness(samples) {
  const settled = samples.slice(1000);
  return 10 * Math.log10(settled.reduce((sum, sample) => sum + sample * sample, 0) / settled.length + 1e-12);
}

for (const from of [48_000, 44_100, 32_000, 8000]) {
  test(`from ${from} Hz, speech keeps its length, level and pitch`, () => {
    const samples = converted(from, 1000);
    assert.ok(Math.abs(samples.length - RATE) < 150);
    assert.ok(Math.abs(loudness(samples) - -9.03) < 0.1);
    const crossings = samples.slice(1000).filter((sample, at, all) => at && all[at - 1] < 0 && sample >= 0).length;
    assert.ok(Math.abs(crossings - (1000 * (samples.length - 1000)) / RATE) < 3);
  });
}

for (const from of [48_000, 44_100]) {
  test(`from ${from} Hz, what is too high does not alias`, () => {
    assert.ok(loudness(converted(from, 10_000)) < -60);
  });
}
