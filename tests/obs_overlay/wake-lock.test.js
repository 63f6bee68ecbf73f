// The screen stays on while captions run and the page is visible, and not for longer.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { WakeLock } from "../../obs_overlay/static/viewer/wake-lock.js";

/** @type {any[]} */
let sentinels = [];
let refuse = false;

class Page extends EventTarget {
  visibilityState = "visible";

  /** @param {"visible" | "hidden"} state */
  become(state) {
    this.visibilityState = state;
    if (state === "hidden") for (const sentinel of sentinels) sentinel.release(); // as browsers do
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

class Sentinel extends EventTarget {
  released = false;

  async release() {
    if (this.released) return;
    this.released = true;
    this.dispatchEvent(new Event("release"));
  }
}

const locks = {
  /** @param {"screen"} type */
  async request(type) {
    assert.equal(type, "screen");
    if (refuse) throw new DOMException("no", "NotAllowedError");
    const sentinel = new Sentinel();
    sentinels.push(sentinel);
    return sentinel;
  },
};

/** All locks that are held. */
const held = () => sentinels.filter(({ released }) => !released).length;
const settle = async () => {
  for (let round = 0; round < 5; round++) await Promise.resolve();
};

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  sentinels = [];
  refuse = false;
});

/** @param {boolean} wanted */
function created(wanted = true) {
  const page = new Page();
  /** @type {string[]} */
  const states = [];
  const lock = new WakeLock(locks, page, (state) => states.push(state));
  lock.wanted = wanted;
  return { page, lock, states };
}

test("nothing is locked before captions run, and once while they do", async () => {
  const { lock, states } = created();
  await settle();
  assert.equal(held(), 0);
  for (let caption = 0; caption < 5; caption++) lock.touch();
  await settle();
  assert.equal(sentinels.length, 1);
  assert.equal(states.at(-1), "on");
});

test("it is released some minutes after the last caption, and locked again with the next", async () => {
  const { lock, states } = created();
  lock.touch();
  await settle();
  mock.timers.tick(170_000);
  lock.touch();
  mock.timers.tick(170_000);
  assert.equal(held(), 1);
  mock.timers.tick(20_000);
  await settle();
  assert.equal(held(), 0);
  assert.equal(states.at(-1), "waiting");
  lock.touch();
  await settle();
  assert.equal(held(), 1);
});

test("a page that was hidden locks again when it is visible, if captions still run", async () => {
  const { page, lock } = created();
  lock.touch();
  await settle();
  page.become("hidden");
  lock.touch();
  await settle();
  assert.equal(held(), 0);
  page.become("visible");
  await settle();
  assert.equal(held(), 1);
  page.become("hidden");
  mock.timers.tick(190_000);
  page.become("visible");
  await settle();
  assert.equal(held(), 0);
});

test("the switch releases it at once, even while it is being requested", async () => {
  const { lock, states } = created();
  lock.touch();
  lock.wanted = false;
  await settle();
  assert.equal(held(), 0);
  assert.equal(states.at(-1), "off");
  lock.wanted = true;
  await settle();
  assert.equal(held(), 1);
});

test("a browser that refuses is not asked with every caption, but again later", async () => {
  const { page, lock, states } = created();
  refuse = true;
  lock.touch();
  await settle();
  assert.equal(states.at(-1), "refused");
  refuse = false;
  lock.touch();
  await settle();
  assert.equal(held(), 0);
  page.become("visible");
  await settle();
  assert.equal(states.at(-1), "on");
});
