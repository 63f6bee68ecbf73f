// Whole captions, one after the other, each for as long as it takes to read.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { PageQueue } from "../../obs_overlay/static/overlay/page-queue.js";

/** @type {string[]} */
let shown = [];
let rests = 0;
let pages = new PageQueue(() => {}, () => {});

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  shown = [];
  rests = 0;
  pages = new PageQueue((page) => shown.push(page.map((line) => line.words.map((word) => word.text).join("")).join("/")), () => rests++);
});

/** @param {string[]} rows */
function page(...rows) {
  return rows.map((row, index) => ({ key: `c/${index}`, voice: "", name: "", rtl: false, words: [{ text: row, tentative: false }] }));
}

/** Time, in steps. @param {number} seconds */
function pass(seconds) {
  for (let step = 0; step < seconds * 100; step++) mock.timers.tick(10);
}

test("the first is shown at once, the next when it has been read", () => {
  pages.add(page("x".repeat(30), "y".repeat(30))); // 60 characters, at 20 a second
  pages.add(page("next"));
  assert.deepEqual(shown.length, 1);
  mock.timers.tick(2999);
  assert.deepEqual(shown.length, 1);
  mock.timers.tick(1);
  assert.deepEqual(shown, [`${"x".repeat(30)}/${"y".repeat(30)}`, "next"]);
  assert.equal(rests, 0);
});

test("even a short one stays for five sixths of a second, and then nothing waits", () => {
  pages.add(page("No."));
  mock.timers.tick(832);
  assert.equal(rests, 0);
  mock.timers.tick(1);
  assert.equal(rests, 1);
  pages.add(page("Yes."));
  assert.deepEqual(shown, ["No.", "Yes."]);
});

test("when many wait each is hurried, and none is left out", () => {
  const all = Array.from({ length: 20 }, (_, number) => `${number} ${"x".repeat(78)}`);
  for (const text of all) pages.add(page(text));
  pass(18);
  assert.ok(shown.length >= 17, String(shown.length)); // unhurried it would be five
  pass(20);
  assert.deepEqual(shown, all);
  assert.equal(rests, 1);
});

test("when cleared, it shows nothing more and starts again", () => {
  pages.add(page("one"));
  pages.add(page("two"));
  pages.clear();
  mock.timers.tick(60_000);
  assert.deepEqual(shown, ["one"]);
  assert.equal(rests, 0);
  pages.add(page("three"));
  assert.deepEqual(shown, ["one", "three"]);
});
