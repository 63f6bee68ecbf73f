import assert from "node:assert/strict";
import { test } from "node:test";

import { isChannelName, pageLinks, serverAddress, socketAddress } from "../../chrome-extension/shared/address.js";
import { badge, newSource, reduce } from "../../chrome-extension/shared/state.js";

/** @param {any[]} events */
const after = (...events) => events.reduce(reduce, newSource("tab", "Tab"));
const ready = /** @type {const} */ ({ type: "ready", name: "Tab 2", engine: "whisper", language: "en" });

test("a source's life", () => {
  assert.equal(after().phase, "connecting");
  assert.equal(after(ready).name, "Tab 2");
  const lost = after(ready, { type: "lost", problem: { code: "unreachable" } });
  assert.deepEqual([lost.phase, lost.problem?.code], ["reconnecting", "unreachable"]);
  assert.deepEqual([reduce(lost, ready).phase, reduce(lost, ready).problem], ["live", null]);
  const ended = after(ready, { type: "ended", problem: null }, ready);
  assert.equal(ended.phase, "ended");
});

test("what was lost is counted, whoever lost it", () => {
  const state = after(ready, { type: "gap", seconds: 1.5 }, { type: "lag", seconds: 3, skipped: 2 }, { type: "lag", seconds: 0, skipped: 2.5 });
  assert.equal(state.lost, 4);
  assert.equal(state.lag, 0);
});

test("who receives the sound is known until another recognizer takes over", () => {
  assert.equal(after(ready).recipient, "");
  const remote = after({ ...ready, recipient: "Deepgram (api.deepgram.com)" }, { type: "notice", notice: "It is slow." });
  assert.equal(remote.recipient, "Deepgram (api.deepgram.com)");
  assert.equal(reduce(remote, { type: "notice", engine: "whisper", recipient: "", notice: "" }).recipient, "");
});

test("the badge says the worst of it", () => {
  const source = (/** @type {string} */ phase) => /** @type {any} */ ({ ...newSource("tab", "Tab"), phase });
  const tab = (/** @type {string} */ phase, /** @type {string} */ microphone = "") => /** @type {any} */ ({
    tabId: 1, server: "", channel: "", box: true, tab: source(phase), microphone: microphone ? source(microphone) : null,
  });
  assert.equal(badge(undefined), "off");
  assert.equal(badge(undefined, { problem: { code: "tabEnded" } }), "error");
  assert.equal(badge(tab("live")), "on");
  assert.equal(badge(tab("live", "live"), { boxLost: true }), "box");
  assert.equal(badge({ ...tab("live"), box: false }, { boxLost: true }), "on");
  assert.equal(badge(tab("live", "reconnecting"), { boxLost: true }), "reconnecting");
  assert.equal(badge(tab("reconnecting", "ended")), "error");
  assert.equal(badge(tab("failed")), "error");
});

test("addresses as people type them", () => {
  assert.equal(serverAddress(" 127.0.0.1:8000/ "), "http://127.0.0.1:8000");
  assert.equal(serverAddress("localhost:9"), "http://localhost:9");
  assert.equal(serverAddress("ws://[::1]:8000"), "http://[::1]:8000");
  assert.equal(serverAddress("https://captions.example/a/"), "https://captions.example/a");
  for (const wrong of ["", "   ", "http://", "ftp://x", "javascript:alert(1)", "http://u:p@x", "http://x/?a=1", "a b"]) {
    assert.equal(serverAddress(wrong), null, wrong);
  }
});

test("addresses of what is at the service", () => {
  assert.equal(socketAddress("https://x/a", "/api/status", { last: "", token: "a b" }), "wss://x/a/api/status?token=a+b");
  assert.deepEqual(pageLinks("http://x", "über"), { viewer: "http://x/view/%C3%BCber", overlay: "http://x/overlay/%C3%BCber" });
  assert.equal(pageLinks("http://x", "main", "pt").overlay, "http://x/overlay/main?lang=pt");
  assert.ok(isChannelName("main") && isChannelName("über-1.2"));
  assert.ok(!isChannelName("") && !isChannelName("a b") && !isChannelName("-a") && !isChannelName("a".repeat(65)));
});
