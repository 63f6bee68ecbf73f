import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Backoff, Link, judge } from "../../chrome-extension/offscreen/link.js";
import { FakeSocket } from "./socket.js";

beforeEach(() => {
  FakeSocket.made = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

function made() {
  /** @type {any[]} */
  const told = [];
  const link = new Link(() => "ws://service/", {
    opened: () => told.push("opened"),
    message: (message) => told.push(message),
    lost: (problem, final) => told.push([problem, final]),
  }, /** @type {any} */ ((url) => new FakeSocket(url)));
  link.open();
  return { link, told };
}

test("waits double, up to a limit, and begin anew", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 7 }, () => backoff.next(0.5));
  assert.deepEqual(waits, [300, 600, 1200, 2400, 4000, 4000, 4000]);
  backoff.reset();
  assert.ok(backoff.next(0) < backoff.next(1));
});

test("close codes say whether trying again is of use", () => {
  for (const code of [4400, 4401, 4403, 4404]) assert.equal(judge(code).final, true, String(code));
  for (const code of [1000, 1006, 1011, 1012, 4408, 4413, 4429]) assert.equal(judge(code).final, false, String(code));
  assert.deepEqual(judge(4429, "16 sources run."), { problem: { code: "busy", detail: "16 sources run." }, final: false });
});

test("it comes back by itself", () => {
  const { told } = made();
  FakeSocket.last.open();
  FakeSocket.last.say({ type: "x" });
  FakeSocket.last.break();
  assert.deepEqual(told, ["opened", { type: "x" }, [{ code: "unreachable" }, false]]);
  mock.timers.tick(500);
  assert.equal(FakeSocket.made.length, 2);
});

test("a refusal is final, and its sentence is told", () => {
  const { told } = made();
  FakeSocket.last.open();
  FakeSocket.last.say({ type: "error", code: "forbidden", message: "Not you." });
  FakeSocket.last.break(4403);
  mock.timers.tick(60_000);
  assert.deepEqual(told.at(-1), [{ code: "forbidden", detail: "Not you." }, true]);
  assert.equal(FakeSocket.made.length, 1);
});

test("a connection that does not open is given up", () => {
  const { told } = made();
  mock.timers.tick(5000);
  assert.deepEqual(told, [[{ code: "unreachable" }, false]]);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.made.length, 2);
});

test("closed is closed", () => {
  const { link, told } = made();
  link.close();
  mock.timers.tick(60_000);
  link.now();
  assert.equal(FakeSocket.made.length, 1);
  assert.deepEqual(told, []);
});
