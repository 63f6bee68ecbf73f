// The service worker: makes all decisions. Chrome may stop it at any moment, so what it has to know is in
// chrome.storage.session, and what runs is in the offscreen page.

import { isChannelName, serverAddress } from "../shared/address.js";
import { answer, ask } from "../shared/messages.js";
import { ProblemError, messageOf, problemOf } from "../shared/problem.js";
import { load, saveLook } from "../shared/settings.js";
import { crashOf, showBadge } from "./badge.js";
import { boxStyle, injectBox, originOf } from "./boxes.js";
import { forgetProblem, forgetTab, recall, remember, rememberProblem } from "./memory.js";
import { closeOffscreenPage, getCaptures, hasOffscreenPage, isCaptured, openOffscreenPage } from "./offscreen-page.js";

/** @import { Captures, TabReport } from "../shared/message-types.js" */

const MAX_NAME = 80; // characters of a source's name

// Only trusted contexts may use the storage, so that no content script can read the token.
chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" }).catch(() => {});

answer("worker", {
  getTab: ({ tabId }) => inTurn(() => getTab(tabId)),
  start: ({ tabId, source }) => inTurn(() => start(tabId, source)),
  stop: ({ tabId }) => inTurn(() => stop(tabId)),
  setBox: ({ tabId, on }) => inTurn(() => setBox(tabId, on)),
  setMicrophone: ({ tabId, on }) => inTurn(() => setMicrophone(tabId, on)),
  microphoneAllowed: () => inTurn(microphoneAllowed),
  captureChanged: ({ endedTab }) => inTurn(() => captureChanged(endedTab)),
}, {
  getBoxStyle: (_, sender) => boxStyle(sender),
  saveLook: ({ look }, sender) => saveLook(originOf(sender), look),
  hideBox: (_, sender) => inTurn(() => setBox(sender.tab?.id ?? -1, false)),
  boxDisconnected: () => inTurn(syncState),
});

chrome.tabs.onUpdated.addListener((tabId, { status }) => {
  if (status) inTurn(() => onNavigated(tabId));
});
chrome.tabs.onRemoved.addListener((tabId) => inTurn(() => onTabRemoved(tabId)));
chrome.commands.onCommand.addListener((command, tab) => {
  const tabId = tab?.id;
  if (command === "toggle" && tabId !== undefined) inTurn(() => toggle(tabId));
});
chrome.runtime.onStartup.addListener(() => inTurn(syncState));
chrome.runtime.onInstalled.addListener(() => inTurn(syncState));

/** @type {Promise<unknown>} */
let turn = Promise.resolve();

/** Run one decision after the other. @template T @param {() => Promise<T>} decide @returns {Promise<T>} */
function inTurn(decide) {
  const result = turn.then(decide);
  turn = result.catch(() => {});
  return result;
}

/** What the popup shows of a tab. @param {number} tabId @returns {Promise<TabReport>} */
async function getTab(tabId) {
  await syncState();
  const { tabs, problems } = await recall();
  const tab = tabs.find((one) => one.tabId === tabId) ?? null;
  if (tab?.box) await injectBox(tabId); // opening the popup was a click
  const problem = (tab && (await crashOf(tabId))) ?? problems[tabId] ?? null;
  return { tab, problem, boxLost: (await recall()).boxLost.includes(tabId) };
}

/** @param {number} tabId @param {string} [name] of the source; the tab's title if there is none */
async function start(tabId, name) {
  const settings = await load();
  const { token, channel, language, translation, box } = settings;
  const server = serverAddress(settings.server);
  if (!server) throw new ProblemError({ code: "address" });
  if (!isChannelName(channel)) throw new ProblemError({ code: "channelName" });
  await openOffscreenPage();
  if (await isCaptured(tabId)) {
    await injectBox(tabId);
    return;
  }
  const tab = await chrome.tabs.get(tabId);
  const source = (name ?? tab.title ?? "").trim().slice(0, MAX_NAME) || "Tab";
  try {
    const order = { tabId, streamId: await streamIdOf(tabId), server, token, channel, language, translation, source, box };
    await ask({ to: "offscreen", type: "startCapture", order });
  } catch (error) {
    await rememberProblem(tabId, problemOf(error));
    await applyCaptures(await getCaptures());
    throw error;
  }
  await forgetProblem(tabId);
  if (box) await injectBox(tabId);
  await syncState();
  if (settings.microphone) await setMicrophone(tabId, true);
}

/** @param {number} tabId */
async function streamIdOf(tabId) {
  try {
    return await chrome.tabCapture.getMediaStreamId({ targetTabId: tabId });
  } catch (error) {
    throw new ProblemError({ code: "capture", detail: messageOf(error) }, { cause: error });
  }
}

/** @param {number} tabId */
async function stop(tabId) {
  if (await hasOffscreenPage()) await ask({ to: "offscreen", type: "stopCapture", tabId });
  await forgetTab(tabId);
  await syncState();
}

/** Start or stop, by the keyboard. @param {number} tabId */
async function toggle(tabId) {
  if (await isCaptured(tabId)) return stop(tabId);
  return start(tabId).catch(() => showBadge(tabId));
}

/** @param {number} tabId @param {boolean} on */
async function setBox(tabId, on) {
  await ask({ to: "offscreen", type: "showBox", tabId, on });
  if (on) await injectBox(tabId);
  await syncState();
}

/** @param {number} tabId @param {boolean} on */
async function setMicrophone(tabId, on) {
  const name = (await load()).microphoneName || chrome.i18n.getMessage("you");
  try {
    await ask({ to: "offscreen", type: "captureMicrophone", tabId, on, name });
  } catch (error) {
    if (problemOf(error).code !== "microphoneDenied") throw error;
    await remember(() => ({ wantsMicrophone: tabId }));
    await chrome.tabs.create({ url: chrome.runtime.getURL("permission/permission.html"), openerTabId: tabId });
  }
  await syncState();
}

/** The permission page got the permission. @returns {Promise<boolean>} whether a microphone is captioned now */
async function microphoneAllowed() {
  const { wantsMicrophone: tabId } = await recall();
  if (tabId === null) return false;
  await remember(() => ({ wantsMicrophone: null }));
  if (!(await isCaptured(tabId))) return false;
  await setMicrophone(tabId, true);
  return true;
}

/** @param {number} [endedTab] whose capture ended by itself */
async function captureChanged(endedTab) {
  if (endedTab !== undefined && (await exists(endedTab))) await rememberProblem(endedTab, { code: "tabEnded" });
  await syncState();
}

/** @param {number} tabId */
function exists(tabId) {
  return chrome.tabs.get(tabId).then(() => true, () => false);
}

/** A new page has no caption box, and Chrome removes the badge of a tab that navigates. @param {number} tabId */
async function onNavigated(tabId) {
  const { tabs, problems } = await recall();
  const tab = tabs.find((one) => one.tabId === tabId);
  if (tab?.box) await injectBox(tabId);
  if (tab || problems[tabId]) await showBadge(tabId);
}

/** @param {number} tabId */
async function onTabRemoved(tabId) {
  await forgetTab(tabId);
  await remember(({ wantsMicrophone }) => ({ wantsMicrophone: wantsMicrophone === tabId ? null : wantsMicrophone }));
}

/** Bring memory and badges up to date with what runs. */
async function syncState() {
  const captures = await getCaptures();
  if (!captures) {
    for (const { tabId } of (await recall()).tabs) await rememberProblem(tabId, { code: "crashed" });
  }
  await applyCaptures(captures);
}

/** Remember what runs, show it, and close the offscreen page if it is not needed. @param {Captures | null} captures */
async function applyCaptures(captures) {
  const { tabs, busy } = captures ?? { tabs: [], busy: false };
  const before = (await recall()).tabs;
  await remember(() => ({ tabs }));
  for (const tabId of new Set([...before, ...tabs].map((tab) => tab.tabId))) await showBadge(tabId);
  if (!busy) await closeOffscreenPage();
}
