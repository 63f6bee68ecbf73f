// The service worker: decides. It may be stopped at any moment, so what it knows is in chrome.storage.session,
// and what runs is known to the offscreen page.

import { serverAddress, isChannel } from "./shared/address.js";
import { answer, ask } from "./shared/messages.js";
import { problemOf, sentence } from "./shared/problem.js";
import { load, loadLook, saveLook } from "./shared/settings.js";
import { badge } from "./shared/state.js";
import { THEMES } from "./shared/themes.js";

/**
 * @typedef {import("./shared/state.js").TabState} TabState
 * @typedef {import("./shared/state.js").Problem} Problem
 *
 * What is remembered from one life of the worker to the next.
 * @typedef {object} Memory
 * @property {TabState[]} tabs as the offscreen page told them last
 * @property {Record<number, Problem>} problems how a tab's last capture ended
 * @property {number[]} away tabs whose page lost its caption box to a navigation, until the next click
 * @property {number | null} asking the tab that wants the microphone while the permission page asks for it
 */

/** @type {Memory} */
const NOTHING = { tabs: [], problems: {}, away: [], asking: null };
const OFFSCREEN = "offscreen/offscreen.html";
const COLOURS = { off: "#00000000", on: "#1f7a4d", reconnecting: "#8a5300", error: "#b3261e", box: "#8a5300" };
const TEXTS = { off: "", on: "on", reconnecting: "…", error: "!", box: "box" };

// Opened to the trusted parts only, so that no content script can read the token.
chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" }).catch(() => {});

answer("worker", {
  state: ({ tabId }) => inTurn(() => state(tabId)),
  start: ({ tabId, choice }) => inTurn(() => start(tabId, choice)),
  stop: ({ tabId }) => inTurn(() => stop(tabId)),
  box: ({ tabId, on }) => inTurn(() => box(tabId, on)),
  microphone: ({ tabId, on }) => inTurn(() => microphone(tabId, on)),
  allowed: () => inTurn(allowed),
  changed: ({ gone }) => inTurn(() => changed(gone)),
}, {
  dress: (_, sender) => dress(sender),
  look: ({ look }, sender) => saveLook(originOf(sender), look),
  orphan: () => inTurn(reconcile),
  hide: (_, sender) => inTurn(() => box(sender.tab?.id ?? -1, false)),
});

chrome.tabs.onUpdated.addListener((tabId, { status }) => {
  if (status) inTurn(() => follow(tabId));
});
chrome.tabs.onRemoved.addListener((tabId) => inTurn(() => forget(tabId)));
chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "toggle" && tab?.id !== undefined) inTurn(() => toggle(/** @type {number} */ (tab.id)));
});
chrome.runtime.onStartup.addListener(() => inTurn(reconcile));
chrome.runtime.onInstalled.addListener(() => inTurn(reconcile));

/** @type {Promise<unknown>} */
let turn = Promise.resolve();

/** One decision after the other. @template T @param {() => Promise<T>} decide @returns {Promise<T>} */
function inTurn(decide) {
  const result = turn.then(decide);
  turn = result.catch(() => {});
  return result;
}

/** What the popup shows. @param {number} tabId */
async function state(tabId) {
  const { tabs } = await reconcile();
  if (tabs.some((tab) => tab.tabId === tabId && tab.box)) await inject(tabId); // opening the popup was a click
  const { problems, away } = await remembered();
  const tab = tabs.find((one) => one.tabId === tabId) ?? null;
  return {
    tab,
    problem: (tab && (await crashed(tabId))) ?? problems[tabId] ?? null,
    away: away.includes(tabId),
  };
}

/**
 * @param {number} tabId
 * @param {{source?: string}} [choice]
 */
async function start(tabId, choice = {}) {
  const { server: typed, token, channel, language, translation, box, microphone: wanted } = await load();
  const server = serverAddress(typed);
  if (!server) throw new Error("address");
  if (!isChannel(channel)) throw new Error("channelName");
  await ensureOffscreen();
  if ((await running()).some((tab) => tab.tabId === tabId)) return inject(tabId);
  const tab = await chrome.tabs.get(tabId);
  const source = (choice.source ?? tab.title ?? "").trim().slice(0, 80) || "Tab";
  try {
    const streamId = await chrome.tabCapture.getMediaStreamId({ targetTabId: tabId }).catch((error) => {
      throw new Error(`capture|${error.message}`);
    });
    const order = { tabId, streamId, server, token, channel, language, translation, source, box };
    await ask("offscreen", "open", { order });
  } catch (error) {
    await remember(({ problems }) => ({ problems: { ...problems, [tabId]: problemOf(error) } }));
    await tidy(await ask("offscreen", "state"));
    throw error;
  }
  await remember(({ problems: { [tabId]: _, ...problems } }) => ({ problems }));
  if (box) await inject(tabId);
  await reconcile();
  if (wanted) await microphone(tabId, true);
}

/** @param {number} tabId */
async function stop(tabId) {
  if (await hasOffscreen()) await ask("offscreen", "stop", { tabId });
  await remember(({ problems: { [tabId]: _, ...problems }, away }) => ({
    problems, away: away.filter((id) => id !== tabId),
  }));
  await reconcile();
}

/** By the keyboard. @param {number} tabId */
async function toggle(tabId) {
  if ((await running()).some((tab) => tab.tabId === tabId)) return stop(tabId);
  return start(tabId).catch(() => show(tabId));
}

/** @param {number} tabId @param {boolean} on */
async function box(tabId, on) {
  await ask("offscreen", "box", { tabId, on });
  if (on) await inject(tabId);
  await reconcile();
}

/** @param {number} tabId @param {boolean} on */
async function microphone(tabId, on) {
  const { microphoneName } = await load();
  const name = microphoneName || chrome.i18n.getMessage("you");
  try {
    await ask("offscreen", "microphone", { tabId, on, name });
  } catch (error) {
    if (problemOf(error).code !== "microphoneDenied") throw error;
    await remember(() => ({ asking: tabId }));
    await chrome.tabs.create({ url: chrome.runtime.getURL("permission/permission.html"), openerTabId: tabId });
  }
  await reconcile();
}

/** The permission page was told yes. */
async function allowed() {
  const { asking } = await remembered();
  if (asking === null) return false;
  await remember(() => ({ asking: null }));
  if (!(await running()).some((tab) => tab.tabId === asking)) return false;
  await microphone(asking, true);
  return true;
}

/** Something changed in the offscreen page; what it is now, it is asked. @param {number} [gone] a tab that ended by itself */
async function changed(gone) {
  if (gone !== undefined && await chrome.tabs.get(gone).then(() => true, () => false)) {
    await remember(({ problems }) => ({ problems: { ...problems, [gone]: { code: "tabEnded" } } }));
  }
  await reconcile();
}

/** A tab has another document: its caption box went with the old one. @param {number} tabId */
async function follow(tabId) {
  const { tabs, problems } = await remembered();
  const captured = tabs.find((tab) => tab.tabId === tabId);
  if (captured?.box) await inject(tabId);
  if (captured || problems[tabId]) await show(tabId); // the browser takes a tab's badge away when it navigates
}

/** @param {number} tabId */
async function forget(tabId) {
  await remember(({ problems: { [tabId]: _, ...problems }, away, asking }) => ({
    problems, away: away.filter((id) => id !== tabId), asking: asking === tabId ? null : asking,
  }));
}

/** Put the caption box into a page, if we may: after a click, and as long as the tab stays on that site. @param {number} tabId */
async function inject(tabId) {
  const done = await chrome.scripting
    .executeScript({ target: { tabId }, files: ["box/box.js"], injectImmediately: true })
    .then(() => true, () => false);
  await remember(({ away }) => ({ away: [...away.filter((id) => id !== tabId), ...(done ? [] : [tabId])] }));
  await show(tabId);
}

/** How a box should look. @param {chrome.runtime.MessageSender} sender */
async function dress(sender) {
  const css = await (await fetch(chrome.runtime.getURL("box/box.css"))).text();
  return { css, themes: THEMES, look: await loadLook(originOf(sender)) };
}

/** Compare what is remembered with what runs. */
async function reconcile() {
  const known = (await remembered()).tabs;
  if (await hasOffscreen()) {
    await tidy(await ask("offscreen", "state"));
  } else {
    const lost = Object.fromEntries(known.map(({ tabId }) => [tabId, { code: "crashed" }]));
    await remember(({ problems }) => ({ problems: { ...problems, ...lost } }));
    await tidy({ tabs: [], busy: false });
  }
  return remembered();
}

/** Remember what runs, show it, and close the offscreen page when nothing does. @param {{tabs: TabState[], busy: boolean}} now */
async function tidy({ tabs, busy }) {
  const before = (await remembered()).tabs;
  await remember(() => ({ tabs }));
  for (const tabId of new Set([...before, ...tabs].map((tab) => tab.tabId))) await show(tabId);
  if (!busy && await hasOffscreen()) await chrome.offscreen.closeDocument();
}

/** The badge of a tab. @param {number} tabId */
async function show(tabId) {
  const { tabs, problems, away } = await remembered();
  const tab = tabs.find((one) => one.tabId === tabId);
  const crash = tab && (await crashed(tabId));
  const problem = crash ?? tab?.tab.problem ?? tab?.microphone?.problem ?? problems[tabId];
  const what = crash ? "error" : badge(tab, { problem, away: away.includes(tabId) });
  const title = chrome.i18n.getMessage(`badge_${what}`);
  const said = problem && what !== "off" ? `${title}\n${sentence(problem)}` : title;
  await Promise.all([
    chrome.action.setBadgeText({ tabId, text: TEXTS[what] }),
    chrome.action.setBadgeBackgroundColor({ tabId, color: COLOURS[what] }),
    chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" }),
    chrome.action.setTitle({ tabId, title: said }),
  ]).catch(() => {}); // the tab was closed
}

/** A page that crashed keeps its capture, which is silent until it is loaded again. @param {number} tabId @returns {Promise<Problem | null>} */
async function crashed(tabId) {
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  return tab?.status === "unloaded" ? { code: "tabCrashed" } : null;
}

/** @returns {Promise<TabState[]>} */
async function running() {
  return (await hasOffscreen()) ? (await ask("offscreen", "state")).tabs : [];
}

async function hasOffscreen() {
  return (await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] })).length > 0;
}

async function ensureOffscreen() {
  if (await hasOffscreen()) return;
  await chrome.offscreen.createDocument({
    url: OFFSCREEN,
    reasons: ["USER_MEDIA"],
    justification: "Captures the sound of the tab that is captioned, and keeps it audible.",
  });
}

/** @returns {Promise<Memory>} */
async function remembered() {
  return /** @type {Memory} */ (await chrome.storage.session.get(NOTHING));
}

/** @param {(memory: Memory) => Partial<Memory>} change */
async function remember(change) {
  await chrome.storage.session.set(change(await remembered()));
}

/** The site of a content script, from what the browser says and not the page. @param {chrome.runtime.MessageSender} sender */
function originOf(sender) {
  return sender.origin ?? new URL(sender.url ?? "").origin;
}
