import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Backlog, RATE } from "../../chrome-extension/capture/backlog.js";
import { Publisher } from "../../chrome-extension/capture/publisher.js";
import { FakeSocket } from "./fake-socket.js";

const SECOND = RATE;

beforeEach(() => {
  FakeSocket.all = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
});

/** Sample number n has the value n / 100, so that what was sent shows where it was from. @param {{kept?: number, resendFrom?: (oldest: number) => number}} [options] */
function created({ kept = 60, resendFrom = () => 0 } = {}) {
  /** @type {any[]} */
  const events = [];
  const backlog = new Backlog(kept);
  const publisher = new Publisher(() => "ws://service/", { source: "Tab", resume: "r-12345678", lang: "en" }, backlog, {
    event: (event) => events.push(event),
    resendFrom,
    forgotten: () => {},
    lost: () => {},
    readable: async () => {},
  }, FakeSocket.create);
  /** @param {number} seconds */
  const speak = (seconds) => {
    for (let at = 0; at < seconds * 10; at++) {
      const first = backlog.newest;
      backlog.push(Int16Array.from({ length: 1600 }, (_, n) => (first + n) / 100));
      publisher.push();
    }
  };
  return { publisher, backlog, events, speak };
}

/** @param {object} [more] */
async function ready(more = {}) {
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: "ready", source: "Tab", engine: "e", recipient: "", language: "en", resumed: false, received: 0, clock: 0, ...more });
  await Promise.resolve();
  await Promise.resolve();
}

const next = () => mock.timers.tick(10_000);

test("nothing is sent before ready, then everything", async () => {
  const { events, speak } = created();
  speak(1);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ op: "start", rate: RATE, channels: 1, source: "Tab", resume: "r-12345678", lang: "en", age: 1 }]);
  await ready();
  assert.equal(FakeSocket.last.samples.length, SECOND);
  speak(1);
  assert.equal(FakeSocket.last.samples.length, 2 * SECOND);
  assert.deepEqual(events[0], { type: "ready", name: "Tab", engine: "e", language: "en", recipient: "" });
});

test("a service that has kept the source is sent what it has not", async () => {
  const { events, speak } = created();
  await ready();
  speak(3);
  FakeSocket.last.break();
  speak(2);
  next();
  await ready({ resumed: true, received: 2.5 });
  const { samples } = FakeSocket.last;
  assert.equal(samples.length, 2.5 * SECOND);
  assert.equal(samples[0], 2.5 * SECOND / 100);
  assert.deepEqual(events.map((event) => event.type), ["ready", "lost", "ready"]);
});

test("a service that has forgotten it is sent what was not final", async () => {
  const { publisher, speak } = created({ resendFrom: () => 2 * SECOND });
  await ready({ clock: 5 });
  assert.equal(publisher.position(6), SECOND);
  speak(3);
  FakeSocket.last.break(1012);
  speak(1);
  next();
  await ready({ clock: 0 });
  assert.equal(FakeSocket.last.sent[0].age, 2);
  assert.equal(FakeSocket.last.samples.length, 2 * SECOND);
  assert.equal(FakeSocket.last.samples[0], 2 * SECOND / 100);
  assert.equal(publisher.position(1), 3 * SECOND);
});

test("a source that was resumed before anything was sent begins where it should", async () => {
  const { publisher, speak } = created({ resendFrom: () => 2 * SECOND });
  await ready();
  speak(3);
  FakeSocket.last.break();
  next();
  FakeSocket.last.open(); // and its ready is lost
  FakeSocket.last.break();
  next();
  await ready({ resumed: true, received: 0 });
  assert.equal(FakeSocket.last.samples[0], 2 * SECOND / 100);
  assert.equal(publisher.position(0), 2 * SECOND);
});

test("dropped sound is silence on the same clock, and counted", async () => {
  const { events, speak } = created({ kept: 2 });
  await ready();
  speak(1);
  FakeSocket.last.break();
  speak(5);
  next();
  await ready({ resumed: true, received: 1 });
  const { samples } = FakeSocket.last;
  assert.equal(samples.length, 5 * SECOND);
  assert.ok(samples.slice(0, 3 * SECOND).every((sample) => sample === 0));
  assert.equal(samples[3 * SECOND], Math.trunc(4 * SECOND / 100));
  const gaps = events.filter((event) => event.type === "gap").map((event) => event.seconds);
  assert.equal(gaps.reduce((sum, seconds) => sum + seconds), 3);
});

test("sound that a forgetful service can no longer get is counted", async () => {
  const { events, speak } = created({ kept: 2, resendFrom: () => SECOND });
  await ready();
  speak(1);
  FakeSocket.last.break();
  speak(5);
  next();
  await ready();
  assert.equal(FakeSocket.last.samples.length, 2 * SECOND);
  assert.deepEqual(events.filter((event) => event.type === "gap"), [{ type: "gap", seconds: 3 }]);
});

test("a source that has lasted as long as it may continues with a new one", async () => {
  const { events, speak, publisher } = created();
  await ready({ clock: 5 });
  speak(3);
  FakeSocket.last.receive({ type: "error", code: "too_long", message: "Continue with a new one." });
  FakeSocket.last.break(4408);
  speak(1);
  next();
  await ready({ resumed: true, received: 2.5, clock: 5 });
  assert.equal(FakeSocket.last.sent[0].resume, "r-12345678");
  assert.equal(FakeSocket.last.samples.length, 1.5 * SECOND);
  assert.equal(FakeSocket.last.samples[0], 2.5 * SECOND / 100);
  assert.equal(publisher.position(6), SECOND);
  assert.deepEqual(events.map((event) => event.type), ["ready", "lost", "ready"]);
});

test("a socket that takes nothing is not stuffed, and is given up", async () => {
  const { events, speak } = created();
  await ready();
  FakeSocket.last.bufferedAmount = 1e6;
  speak(1);
  assert.equal(FakeSocket.last.samples.length, 0);
  mock.timers.tick(11_000);
  speak(1);
  assert.equal(events.at(-1).type, "lost");
  next();
  assert.equal(FakeSocket.all.length, 2);
});

test("the end is sent after the last sound, and answered", async () => {
  const { publisher, events, speak } = created();
  await ready();
  speak(1);
  publisher.end();
  assert.deepEqual(FakeSocket.last.sent.at(-1), { op: "end" });
  FakeSocket.last.receive({ type: "end" });
  assert.deepEqual(events.at(-1), { type: "ended", problem: null });
  next();
  assert.equal(FakeSocket.all.length, 1);
});

test("the last words wait for a service that is away, but not indefinitely", async () => {
  const { publisher, events, speak } = created();
  await ready();
  speak(1);
  FakeSocket.last.break();
  publisher.end();
  await ready({ resumed: true, received: 0.5 });
  assert.equal(FakeSocket.last.samples.length, SECOND / 2);
  assert.deepEqual(FakeSocket.last.sent.at(-1), { op: "end" });
  FakeSocket.last.break();
  mock.timers.tick(31_000);
  assert.equal(events.at(-1).type, "ended");
});

test("after a refusal there is nothing to wait for", async () => {
  const { publisher, events, speak } = created();
  FakeSocket.last.open();
  FakeSocket.last.break(4400);
  speak(1);
  publisher.end();
  assert.deepEqual(events.map((event) => event.type), ["failed", "ended"]);
});

test("a service that never says ready is given up", () => {
  const { events } = created();
  FakeSocket.last.open();
  mock.timers.tick(31_000);
  assert.equal(events.at(-1).type, "lost");
});

test("how long captions take is measured on the sound's clock", async () => {
  const { events, speak } = created();
  await ready({ clock: 10 });
  speak(3);
  FakeSocket.last.receive({ type: "partial", id: "a", rev: 1, text: "hello", stable: 0, ts: 11, te: 12 });
  FakeSocket.last.receive({ type: "partial", id: "a", rev: 2, text: "hello", stable: 5, ts: 11, te: 12 });
  assert.deepEqual(events.filter((event) => event.type === "delay"), [{ type: "delay", seconds: 1 }]);
});
