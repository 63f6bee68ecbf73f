import assert from "node:assert/strict";
import { test } from "node:test";

import { RATE } from "../../chrome-extension/offscreen/backlog.js";
import { Transcript } from "../../chrome-extension/offscreen/transcript.js";

/** @param {number} seconds */
const position = (seconds) => seconds * RATE;

/** @param {string} id @param {number} rev @param {string} text @param {object} [more] */
const caption = (id, rev, text, more = {}) => ({
  id, rev, source: "Tab", speaker: null, start: 0, end: 1, text, tentative: "", final: false, ...more,
});

/** What a publisher asks of it, one after the other. @param {Transcript} transcript @param {"tab" | "microphone"} kind @param {number} oldest */
function restart(transcript, kind, oldest) {
  const from = transcript.covered(kind, oldest);
  transcript.restart(kind, oldest);
  return from;
}

/** @param {Transcript} transcript */
const shown = (transcript) => transcript.rows.map((row) => row.committed + row.tentative);

test("the highest revision wins, and empty ones are taken back", () => {
  const transcript = new Transcript();
  assert.equal(transcript.put(caption("a", 2, "hello", { tentative: " wor" }), "tab", position), true);
  assert.equal(transcript.put(caption("a", 1, "hell"), "tab", position), false);
  transcript.put(caption("b", 1, "next"), "tab", position);
  transcript.put(caption("a", 3, "Hello world."), "tab", position);
  assert.deepEqual(shown(transcript), ["Hello world.", "next"]);
  assert.equal(transcript.put(caption("b", 2, ""), "tab", position), true);
  assert.deepEqual(shown(transcript), ["Hello world."]);
});

test("it is bounded", () => {
  const transcript = new Transcript();
  for (let at = 0; at < 200; at++) transcript.put(caption(`c${at}`, 1, `${at}`, { final: true }), "tab", position);
  assert.equal(transcript.rows.length, 60);
  assert.equal(transcript.rows.at(-1)?.committed, "199");
});

test("after a restart what is final stays, and what is open is told again from its beginning", () => {
  const transcript = new Transcript();
  transcript.put(caption("a", 1, "One.", { start: 0, end: 2, final: true }), "tab", position);
  transcript.put(caption("b", 1, "Two", { start: 2.1, end: 3, tentative: " thr" }), "tab", position);
  const from = restart(transcript, "tab", 0) / RATE;
  assert.ok(from >= 2 && from < 2.1, String(from));
  assert.deepEqual(shown(transcript), ["One.", "Two thr"]); // until it comes again
  transcript.put(caption("n1", 1, "", { start: 0, end: 0.5, tentative: "Two" }), "tab", position);
  assert.deepEqual(shown(transcript), ["One.", "Two"]);
});

test("restarts before anything was final tell everything again", () => {
  const transcript = new Transcript();
  assert.equal(restart(transcript, "tab", 0), 0);
  transcript.put(caption("a", 1, "One", { start: 1, end: 2 }), "tab", position);
  assert.equal(restart(transcript, "tab", 0), 0);
  assert.equal(restart(transcript, "tab", 0), 0); // a second time, before the first was of use
  transcript.put(caption("n1", 1, "One two"), "tab", position);
  assert.deepEqual(shown(transcript), ["One two"]);
});

test("after a pause, sending begins behind the last word", () => {
  const transcript = new Transcript();
  transcript.put(caption("a", 1, "One.", { start: 0, end: 2, final: true }), "tab", position);
  assert.equal(restart(transcript, "tab", 0), 2.2 * RATE);
});

test("an open caption whose sound is gone keeps its committed words", () => {
  const transcript = new Transcript();
  transcript.put(caption("a", 1, "One two", { start: 1, end: 4, tentative: " three" }), "tab", position);
  transcript.put(caption("b", 1, "", { start: 4, end: 5, tentative: "four" }), "tab", position);
  assert.equal(restart(transcript, "tab", 3 * RATE), 4 * RATE);
  transcript.put(caption("n1", 1, "three four"), "tab", position);
  assert.deepEqual(shown(transcript), ["One two", "three four"]);
});

test("what was cleared away is not told again", () => {
  const transcript = new Transcript();
  transcript.put(caption("a", 1, "One.", { end: 2, final: true }), "tab", position);
  transcript.clear();
  assert.deepEqual(shown(transcript), []);
  assert.equal(restart(transcript, "tab", 0), 2.2 * RATE);
});

test("sources do not touch each other", () => {
  const transcript = new Transcript();
  transcript.put(caption("a", 1, "Tab speaks", { end: 5 }), "tab", position);
  transcript.put(caption("b", 1, "I speak.", { source: "You", end: 7, final: true }), "microphone", position);
  assert.equal(restart(transcript, "tab", 0), 0);
  assert.equal(restart(transcript, "microphone", 0), 7.2 * RATE);
  transcript.put(caption("n1", 1, "Again"), "tab", position);
  assert.deepEqual(shown(transcript), ["I speak.", "Again"]);
});
