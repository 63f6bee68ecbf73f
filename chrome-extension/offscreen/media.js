// The offscreen page: owns all media, and knows what runs when the worker has forgotten it.

import { answer, ask } from "../shared/messages.js";
import { Session } from "./session.js";

/** @typedef {import("./session.js").Order} Order */
/** @typedef {import("../shared/state.js").TabState} TabState */

const LOOK = 125; // milliseconds between two looks at the levels

/** @type {Map<number, Session>} by tab */
const sessions = new Map();
/** @type {Set<Session>} that have ended, but for their last words */
const draining = new Set();
/** @type {Set<chrome.runtime.Port>} */
const watchers = new Set();
let told = "";

answer("offscreen", {
  state: () => report(),
  open: ({ order }) => open(order),
  stop: ({ tabId }) => end(tabId),
  microphone: ({ tabId, on, name }) => microphone(tabId, on, name),
  box: ({ tabId, on }) => sessions.get(tabId)?.showBox(on),
});

chrome.runtime.onConnect.addListener((port) => {
  if (port.name === "box") {
    const session = sessions.get(port.sender?.tab?.id ?? -1);
    if (session) session.addBox(port);
    else port.postMessage({ type: "bye" });
  } else if (port.name === "watch" && port.sender?.origin === location.origin) {
    watchers.add(port);
    port.onDisconnect.addListener(() => watchers.delete(port));
  }
});

setInterval(() => {
  if (!watchers.size) return;
  const tabs = [...sessions.values()].map((session) => ({ ...session.state, levels: session.levels }));
  for (const port of watchers) port.postMessage({ tabs });
}, LOOK);

/** @param {Order} order */
async function open(order) {
  if (sessions.has(order.tabId)) return;
  const session = new Session(order, { changed: tell, gone: () => end(order.tabId, true), unseen: wake });
  sessions.set(order.tabId, session);
  try {
    await session.begin();
  } catch (error) {
    sessions.delete(order.tabId);
    throw new Error(`capture|${error instanceof Error ? error.message : error}`);
  }
}

/** @param {number} tabId @param {boolean} [gone] whether nobody asked for it */
function end(tabId, gone = false) {
  const session = sessions.get(tabId);
  if (!session) return;
  sessions.delete(tabId);
  draining.add(session);
  session.end();
  tell(gone ? tabId : undefined);
}

/** There is one microphone, so it goes with one tab. @param {number} tabId @param {boolean} on @param {string} name */
async function microphone(tabId, on, name) {
  const session = sessions.get(tabId);
  if (!session) return;
  if (!on) return session.removeMicrophone();
  for (const one of sessions.values()) if (one !== session) one.removeMicrophone();
  try {
    await session.addMicrophone(name);
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    throw new Error(denied ? "microphoneDenied" : `microphone|${error instanceof Error ? error.message : error}`);
  }
}

function report() {
  for (const session of draining) if (!session.isDraining) draining.delete(session);
  return { tabs: [...sessions.values()].map((session) => session.state), busy: sessions.size + draining.size > 0 };
}

/** Tell the worker what it decides by, and only that: every message keeps it awake. @param {number} [gone] */
function tell(gone) {
  const now = report();
  const outline = JSON.stringify([
    now.busy,
    now.tabs.map(({ tabId, box, tab, microphone: mic }) => [tabId, box, tab.phase, tab.problem, mic?.phase]),
  ]);
  if (outline === told && gone === undefined) return;
  told = outline;
  wake(gone);
}

/** Let the worker look. @param {number} [gone] */
function wake(gone) {
  ask("worker", "changed", { gone }).catch(() => {}); // it asks when it wakes up
}
