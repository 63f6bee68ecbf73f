import assert from "node:assert/strict";
import { test } from "node:test";

import { RATE } from "../../chrome-extension/capture/backlog.js";
import { CaptionLog } from "../../chrome-extension/capture/caption-log.js";

/** @param {number} seconds */
const position = (seconds) => seconds * RATE;

/** @param {string} id @param {number} rev @param {string} text @param {object} [more] */
const caption = (id, rev, text, more = {}) => ({
  id, rev, source: "Tab", speaker: null, start: 0, end: 1, text, tentative: "", final: false, lang: "en", ...more,
});

/** What a publisher does when the service has forgotten its source. @param {CaptionLog} log @param {"tab" | "microphone"} kind @param {number} oldest */
function restart(log, kind, oldest) {
  const from = log.resendFrom(kind, oldest);
  log.restart(kind, oldest);
  return from;
}

/** @param {CaptionLog} log */
const shown = (log) => log.rows.map((row) => row.committed + row.tentative);

test("the highest revision wins, and an empty one removes the caption", () => {
  const log = new CaptionLog();
  assert.equal(log.put(caption("a", 2, "hello", { tentative: " wor" }), "tab", position), true);
  assert.equal(log.put(caption("a", 1, "hell"), "tab", position), false);
  log.put(caption("b", 1, "next"), "tab", position);
  log.put(caption("a", 3, "Hello world."), "tab", position);
  assert.deepEqual(shown(log), ["Hello world.", "next"]);
  assert.equal(log.put(caption("b", 2, ""), "tab", position), true);
  assert.deepEqual(shown(log), ["Hello world."]);
});

test("it is bounded", () => {
  const log = new CaptionLog();
  for (let at = 0; at < 200; at++) log.put(caption(`c${at}`, 1, `${at}`, { final: true }), "tab", position);
  assert.equal(log.rows.length, 60);
  assert.equal(log.rows.at(-1)?.committed, "199");
});

test("after a restart what is final stays, and what is open is told again from its beginning", () => {
  const log = new CaptionLog();
  log.put(caption("a", 1, "One.", { start: 0, end: 2, final: true }), "tab", position);
  log.put(caption("b", 1, "Two", { start: 2.1, end: 3, tentative: " thr" }), "tab", position);
  const from = restart(log, "tab", 0) / RATE;
  assert.ok(from >= 2 && from < 2.1, String(from));
  assert.deepEqual(shown(log), ["One.", "Two thr"]); // until it comes again
  log.put(caption("n1", 1, "", { start: 0, end: 0.5, tentative: "Two" }), "tab", position);
  assert.deepEqual(shown(log), ["One.", "Two"]);
});

test("restarts before anything was final tell everything again", () => {
  const log = new CaptionLog();
  assert.equal(restart(log, "tab", 0), 0);
  log.put(caption("a", 1, "One", { start: 1, end: 2 }), "tab", position);
  assert.equal(restart(log, "tab", 0), 0);
  assert.equal(restart(log, "tab", 0), 0); // a second time, before the first was of use
  log.put(caption("n1", 1, "One two"), "tab", position);
  assert.deepEqual(shown(log), ["One two"]);
});

test("after a pause, sending begins behind the last word", () => {
  const log = new CaptionLog();
  log.put(caption("a", 1, "One.", { start: 0, end: 2, final: true }), "tab", position);
  assert.equal(restart(log, "tab", 0), 2.2 * RATE);
});

test("an open caption whose sound is gone keeps its committed words", () => {
  const log = new CaptionLog();
  log.put(caption("a", 1, "One two", { start: 1, end: 4, tentative: " three" }), "tab", position);
  log.put(caption("b", 1, "", { start: 4, end: 5, tentative: "four" }), "tab", position);
  assert.equal(restart(log, "tab", 3 * RATE), 4 * RATE);
  log.put(caption("n1", 1, "three four"), "tab", position);
  assert.deepEqual(shown(log), ["One two", "three four"]);
});

test("what was cleared away is not told again", () => {
  const log = new CaptionLog();
  log.put(caption("a", 1, "One.", { end: 2, final: true }), "tab", position);
  log.clear();
  assert.deepEqual(shown(log), []);
  assert.equal(restart(log, "tab", 0), 2.2 * RATE);
});

test("sources do not touch each other", () => {
  const log = new CaptionLog();
  log.put(caption("a", 1, "Tab speaks", { end: 5 }), "tab", position);
  log.put(caption("b", 1, "I speak.", { source: "You", end: 7, final: true }), "microphone", position);
  assert.equal(restart(log, "tab", 0), 0);
  assert.equal(restart(log, "microphone", 0), 7.2 * RATE);
  log.put(caption("n1", 1, "Again"), "tab", position);
  assert.deepEqual(shown(log), ["I speak.", "Again"]);
});
