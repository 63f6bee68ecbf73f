// The offscreen page: owns all captures, which survive the worker.

import { closeBox } from "../shared/caption-boxes.js";
import { answer, ask } from "../shared/messages.js";
import { ProblemError, messageOf } from "../shared/problem.js";
import { CapturedTab } from "./captured-tab.js";

/** @import { CaptureOrder, Captures, WatchPortMessage } from "../shared/message-types.js" */

const WATCH_INTERVAL = 125; // milliseconds between two updates of the popup

/** @type {Map<number, CapturedTab>} by tab id */
const tabs = new Map();
/** @type {Set<CapturedTab>} that have ended, but whose last words are awaited */
const draining = new Set();
/** @type {Set<chrome.runtime.Port>} of popups */
const watchers = new Set();
let reported = ""; // what the worker knows

answer("offscreen", {
  getCaptures,
  startCapture: ({ order }) => startCapture(order),
  stopCapture: ({ tabId }) => endCapture(tabId),
  captureMicrophone: ({ tabId, on, name }) => captureMicrophone(tabId, on, name),
  showBox: ({ tabId, on }) => tabs.get(tabId)?.showBox(on),
});

chrome.runtime.onConnect.addListener((port) => {
  if (port.name === "box") {
    const tab = tabs.get(port.sender?.tab?.id ?? -1);
    if (tab) tab.addBox(port);
    else closeBox(port);
  } else if (port.name === "watch" && port.sender?.origin === location.origin) {
    watchers.add(port);
    port.onDisconnect.addListener(() => watchers.delete(port));
  }
});

setInterval(() => {
  if (!watchers.size) return;
  /** @type {WatchPortMessage} */
  const message = { tabs: [...tabs.values()].map((tab) => ({ ...tab.state, levels: tab.levels })) };
  for (const port of watchers) port.postMessage(message);
}, WATCH_INTERVAL);

/** @param {CaptureOrder} order */
async function startCapture(order) {
  if (tabs.has(order.tabId)) return;
  const tab = new CapturedTab(order, {
    changed: reportChange, ended: () => endCapture(order.tabId, true), boxLost: () => notifyWorker(),
  });
  tabs.set(order.tabId, tab);
  try {
    await tab.start();
  } catch (error) {
    tabs.delete(order.tabId);
    throw new ProblemError({ code: "capture", detail: messageOf(error) }, { cause: error });
  }
}

/** @param {number} tabId @param {boolean} [byItself] whether nobody asked for it */
function endCapture(tabId, byItself = false) {
  const tab = tabs.get(tabId);
  if (!tab) return;
  tabs.delete(tabId);
  draining.add(tab);
  tab.end();
  if (byItself) notifyWorker(tabId);
  else reportChange();
}

/** There is one microphone, so only one tab can have it. @param {number} tabId @param {boolean} on @param {string} name */
async function captureMicrophone(tabId, on, name) {
  const tab = tabs.get(tabId);
  if (!tab) return;
  if (!on) return tab.removeMicrophone();
  for (const other of tabs.values()) if (other !== tab) other.removeMicrophone();
  try {
    await tab.addMicrophone(name);
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    const problem = denied ? { code: "microphoneDenied" } : { code: "microphone", detail: messageOf(error) };
    throw new ProblemError(problem, { cause: error });
  }
}

/** @returns {Captures} */
function getCaptures() {
  for (const tab of draining) if (!tab.isDraining) draining.delete(tab);
  return { tabs: [...tabs.values()].map((tab) => tab.state), busy: tabs.size + draining.size > 0 };
}

/** Notify the worker if anything has changed that its decisions depend on: each message keeps it awake. */
function reportChange() {
  if (outline() !== reported) notifyWorker();
}

/** Let the worker look. @param {number} [endedTab] whose capture ended by itself */
function notifyWorker(endedTab) {
  reported = outline();
  ask({ to: "worker", type: "captureChanged", endedTab }).catch(() => {}); // it asks again when it is started
}

/** What the worker's decisions depend on. */
function outline() {
  const { busy, tabs: states } = getCaptures();
  return JSON.stringify([
    busy,
    states.map(({ tabId, box, tab, microphone }) => [tabId, box, tab.phase, tab.problem, microphone?.phase]),
  ]);
}
