// The background page in Firefox, which does not let extensions capture a tab's sound: it shows the captions of a channel
// on the pages where that was asked for. Firefox stops the page when it is idle, so what it has to know is in
// chrome.storage.session.

import { boxStyle, injectBox, originOf } from "../background/boxes.js";
import { showBadge } from "../background/badge.js";
import { forgetProblem, forgetTab, recall, remember, rememberBox } from "../background/memory.js";
import { isChannelName, serverAddress } from "../shared/address.js";
import { closeBox } from "../shared/caption-boxes.js";
import { answer, isOwnPage } from "../shared/messages.js";
import { ProblemError } from "../shared/problem.js";
import { load, saveLook } from "../shared/settings.js";
import { ShownChannel } from "./shown-channel.js";

/** @import { TabReport, WatchPortMessage } from "../shared/message-types.js" */

const KEEP_ALIVE = 15_000; // milliseconds between two signs of life; Firefox stops an idle page after 30 s

/** @type {Map<number, ShownChannel>} by tab id */
const tabs = new Map();
/** @type {Set<chrome.runtime.Port>} of popups */
const watchers = new Set();

// Where it is possible, no content script can read the token.
chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" }).catch(() => {});

answer("worker", {
  getTab: ({ tabId }) => inTurn(() => getTab(tabId)),
  start: ({ tabId }) => inTurn(() => start(tabId)),
  stop: ({ tabId }) => inTurn(() => stop(tabId)),
}, {
  getBoxStyle: (_, sender) => boxStyle(sender),
  saveLook: ({ look }, sender) => saveLook(originOf(sender), look),
  hideBox: (_, sender) => inTurn(() => stop(sender.tab?.id ?? -1)),
  boxDisconnected: (_, sender) => inTurn(() => replaceBox(sender.tab?.id ?? -1)),
});

chrome.runtime.onConnect.addListener((port) => {
  if (port.name === "box") inTurn(async () => addBox(port));
  else if (port.name === "watch" && port.sender && isOwnPage(port.sender)) {
    watchers.add(port);
    port.onDisconnect.addListener(() => watchers.delete(port));
    inTurn(async () => report());
  }
});
chrome.tabs.onUpdated.addListener((tabId, { status }) => {
  if (status) inTurn(() => replaceBox(tabId));
});
chrome.tabs.onRemoved.addListener((tabId) => inTurn(() => stop(tabId)));
chrome.commands.onCommand.addListener((command, tab) => {
  const tabId = tab?.id;
  if (command === "toggle" && tabId !== undefined) inTurn(() => toggle(tabId));
});

/** @type {Promise<unknown>} */
let turn = resume();

setInterval(() => {
  if (tabs.size) chrome.runtime.getPlatformInfo();
}, KEEP_ALIVE);

/** Run one decision after the other. @template T @param {() => Promise<T>} decide @returns {Promise<T>} */
function inTurn(decide) {
  const result = turn.then(decide);
  turn = result.catch(() => {});
  return result;
}

/** Continue after Firefox has stopped this page. */
async function resume() {
  const { token, translation } = await load();
  for (const { tabId, server, channel } of (await recall()).tabs) show({ tabId, server, channel, token, translation });
}

/** @param {import("./shown-channel.js").Order} order */
function show(order) {
  tabs.set(order.tabId, new ShownChannel(order, () => inTurn(() => changed(order.tabId))));
}

/** What the popup shows of a tab. @param {number} tabId @returns {Promise<TabReport>} */
async function getTab(tabId) {
  if (tabs.has(tabId)) await injectBox(tabId); // opening the popup was a click
  const { problems, boxLost } = await recall();
  return { tab: tabs.get(tabId)?.state ?? null, problem: problems[tabId] ?? null, boxLost: boxLost.includes(tabId) };
}

/** @param {number} tabId */
async function start(tabId) {
  const { server: typed, token, channel, translation } = await load();
  const server = serverAddress(typed);
  if (!server) throw new ProblemError({ code: "address" });
  if (!isChannelName(channel)) throw new ProblemError({ code: "channelName" });
  if (!tabs.has(tabId)) show({ tabId, server, token, channel, translation });
  if (!(await injectBox(tabId))) {
    await stop(tabId);
    throw new ProblemError({ code: "page" });
  }
  await forgetProblem(tabId);
  await changed(tabId);
}

/** @param {number} tabId */
async function stop(tabId) {
  tabs.get(tabId)?.end();
  tabs.delete(tabId);
  await forgetTab(tabId);
  await changed(tabId);
}

/** Start or stop, by the keyboard. @param {number} tabId */
async function toggle(tabId) {
  return tabs.has(tabId) ? stop(tabId) : start(tabId).catch(() => showBadge(tabId));
}

/** @param {chrome.runtime.Port} port */
function addBox(port) {
  const tab = tabs.get(port.sender?.tab?.id ?? -1);
  if (tab) tab.addBox(port);
  else closeBox(port);
}

/** The page has lost its box: to a navigation, or because Firefox had stopped this page. @param {number} tabId */
async function replaceBox(tabId) {
  if (tabs.has(tabId)) await injectBox(tabId);
  else await rememberBox(tabId, false);
}

/** @param {number} tabId whose state has changed */
async function changed(tabId) {
  await remember(() => ({ tabs: [...tabs.values()].map((tab) => tab.state) }));
  await showBadge(tabId);
  report();
}

/** Tell the popup. */
function report() {
  /** @type {WatchPortMessage} */
  const message = { tabs: [...tabs.values()].map((tab) => ({ ...tab.state, levels: { tab: null, microphone: null } })) };
  for (const port of watchers) port.postMessage(message);
}
