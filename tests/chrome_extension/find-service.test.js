import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { findService } from "../../chrome-extension/shared/find-service.js";
import { StatusWatcher } from "../../chrome-extension/shared/service-status.js";
import { FakeSocket } from "./fake-socket.js";

const STATUS = { engine: "whisper", model: "base", channels: [], notice: "" };
const OTHER_PORT = "http://127.0.0.1:9000";

beforeEach(() => {
  FakeSocket.all = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

const urls = () => FakeSocket.all.map((socket) => socket.url);

test("it asks this computer only, and takes the first that answers", async () => {
  const found = findService(OTHER_PORT, "a.token", FakeSocket.create);
  assert.deepEqual(urls(), ["127.0.0.1", "localhost", "[::1]"].map((host) => `ws://${host}:8000/api/status?token=a.token`));
  FakeSocket.all[0].break();
  FakeSocket.all[1].receive(STATUS);
  assert.equal(await found, "http://localhost:8000");
});

test("the address that did not answer is not asked again", async () => {
  findService("http://127.0.0.1:8000", "", FakeSocket.create);
  assert.deepEqual(urls(), ["ws://localhost:8000/api/status", "ws://[::1]:8000/api/status"]);
});

test("then it tries the ports that the program takes if another one has its port, without the token", async () => {
  const found = findService(OTHER_PORT, "a.token", FakeSocket.create);
  for (const socket of FakeSocket.all) socket.break();
  await settled();
  assert.deepEqual(urls().slice(3), [8001, 8002, 8003, 8004].map((port) => `ws://127.0.0.1:${port}/api/status`));
  FakeSocket.last.receive(STATUS);
  assert.equal(await found, "http://127.0.0.1:8004");
});

test("another program, a refusal and silence are no service", async () => {
  const found = findService(OTHER_PORT, "", FakeSocket.create);
  FakeSocket.all[0].receive({ hello: "world" });
  FakeSocket.all[1].onmessage?.({ data: "not JSON" });
  mock.timers.tick(1500);
  await settled();
  mock.timers.tick(1500);
  assert.equal(await found, null);
  assert.ok(FakeSocket.all.every((socket) => socket.readyState === 3));
});

test("the token of another computer stays with it", async () => {
  assert.equal(await findService("https://captions.example", "a.token", FakeSocket.create), null);
  assert.equal(FakeSocket.all.length, 0);
});

test("the watcher looks elsewhere only if that is wanted", async () => {
  globalThis.WebSocket = /** @type {typeof WebSocket} */ (/** @type {unknown} */ (FakeSocket));
  /** @type {unknown[]} */
  const events = [];
  let wanted = false;
  const watcher = new StatusWatcher((status, problem) => events.push(status ?? problem), {
    wanted: () => wanted, found: (server) => events.push(server),
  });
  watcher.watch(OTHER_PORT, "");
  FakeSocket.last.break();
  await settled();
  assert.deepEqual(events, [{ code: "unreachable" }]);
  wanted = true;
  mock.timers.tick(500);
  FakeSocket.last.break();
  await settled();
  FakeSocket.all.find(({ url }) => url.includes("127.0.0.1:8000"))?.receive(STATUS);
  await settled();
  assert.deepEqual(events.slice(1), ["http://127.0.0.1:8000"]);
});

/** Let promises continue. */
async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
