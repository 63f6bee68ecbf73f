import assert from "node:assert/strict";
import { test } from "node:test";

import { Backlog, RATE } from "../../chrome-extension/capture/backlog.js";

/** @param {number} first @param {number} count */
const frame = (first, count = 1600) => Int16Array.from({ length: count }, (_, at) => (first + at) % 30_000);

test("what was pushed is read from any position on", () => {
  const backlog = new Backlog(10);
  for (let at = 0; at < 4800; at += 1600) backlog.push(frame(at));
  assert.deepEqual([backlog.oldest, backlog.newest], [0, 4800]);
  const read = [];
  for (let at = 100; at < backlog.newest; ) {
    const { samples, lost } = backlog.read(at);
    assert.equal(lost, false);
    read.push(...samples);
    at += samples.length;
  }
  assert.deepEqual(read, [...frame(100, 4700)]);
});

test("it is bounded, and positions continue", () => {
  const backlog = new Backlog(2);
  for (let at = 0; at < 5 * RATE; at += 1600) backlog.push(frame(at));
  assert.deepEqual([backlog.oldest, backlog.newest], [3 * RATE, 5 * RATE]);
  assert.equal(backlog.read(3 * RATE).samples[0], (3 * RATE) % 30_000);
});

test("what is gone is silence of the same length, a second at a time", () => {
  const backlog = new Backlog(2);
  for (let at = 0; at < 5 * RATE; at += 1600) backlog.push(frame(at));
  let at = RATE / 2;
  const pieces = [];
  while (at < backlog.oldest) {
    const { samples, lost } = backlog.read(at);
    assert.equal(lost, true);
    assert.ok(samples.every((sample) => sample === 0));
    pieces.push(samples.length);
    at += samples.length;
  }
  assert.deepEqual(pieces, [RATE, RATE, RATE / 2]);
  assert.equal(backlog.read(at).lost, false);
});

test("an empty one has no oldest sound", () => {
  const backlog = new Backlog(1);
  assert.deepEqual([backlog.oldest, backlog.newest], [0, 0]);
});
