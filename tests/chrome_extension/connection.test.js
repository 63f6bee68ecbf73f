import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Backoff, Connection } from "../../chrome-extension/shared/connection.js";
import { FakeSocket } from "./fake-socket.js";

beforeEach(() => {
  FakeSocket.all = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** @param {import("../../chrome-extension/shared/connection.js").Options} [options] */
function opened(options) {
  /** @type {any[]} */
  const events = [];
  const connection = new Connection(() => "ws://service/", {
    opened: () => events.push("opened"),
    message: (message) => events.push(message),
    lost: (loss) => events.push(loss),
  }, { isFinal: (code) => code === 4403, createSocket: FakeSocket.create, ...options });
  connection.open();
  return { connection, events };
}

const BROKEN = { code: 1006, detail: "", final: false };

test("waiting times double up to a limit, and start again", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 7 }, () => backoff.next(0.5));
  assert.deepEqual(waits, [300, 600, 1200, 2400, 4000, 4000, 4000]);
  backoff.reset();
  assert.ok(backoff.next(0) < backoff.next(1));
});

test("it reconnects by itself", () => {
  const { events } = opened();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: "x" });
  FakeSocket.last.break();
  assert.deepEqual(events, ["opened", { type: "x" }, BROKEN]);
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
});

test("a refusal is final, and reported with the service's sentence", () => {
  const { events } = opened();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: "error", code: "forbidden", message: "Not you." });
  FakeSocket.last.break(4403);
  mock.timers.tick(60_000);
  assert.deepEqual(events.at(-1), { code: 4403, detail: "Not you.", final: true });
  assert.equal(FakeSocket.all.length, 1);
});

test("a connection that does not open is given up", () => {
  const { events } = opened();
  mock.timers.tick(5000);
  assert.deepEqual(events, [BROKEN]);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, 2);
});

test("a connection may be allowed more time to open", () => {
  const { events } = opened({ openTimeout: 20_000 });
  mock.timers.tick(19_000);
  FakeSocket.last.open();
  mock.timers.tick(60_000);
  assert.deepEqual(events, ["opened"]);
});

test("a retry does not wait for its time", () => {
  const { connection } = opened();
  FakeSocket.last.break();
  connection.retryNow();
  assert.equal(FakeSocket.all.length, 2);
  connection.retryNow();
  assert.equal(FakeSocket.all.length, 2);
});

test("a closed connection stays closed", () => {
  const { connection, events } = opened();
  connection.close();
  mock.timers.tick(60_000);
  connection.retryNow();
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(events, []);
});
