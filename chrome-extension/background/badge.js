// Shows the state of a tab on the toolbar button.

import { sentence } from "../shared/sentence.js";
import { badge } from "../shared/state.js";
import { recall } from "./memory.js";

/** @import { Problem } from "../shared/state.js" */

const COLORS = { off: "#00000000", on: "#1f7a4d", reconnecting: "#8a5300", error: "#b3261e", box: "#8a5300" };
const TEXTS = { off: "", on: "on", reconnecting: "…", error: "!", box: "box" };

/** @param {number} tabId */
export async function showBadge(tabId) {
  const { tabs, problems, boxLost } = await recall();
  const tab = tabs.find((one) => one.tabId === tabId);
  const crash = tab && (await crashOf(tabId));
  const problem = crash ?? tab?.tab.problem ?? tab?.microphone?.problem ?? problems[tabId];
  const name = crash ? "error" : badge(tab, { problem, boxLost: boxLost.includes(tabId) });
  const title = chrome.i18n.getMessage(`badge_${name}`);
  await Promise.all([
    chrome.action.setBadgeText({ tabId, text: TEXTS[name] }),
    chrome.action.setBadgeBackgroundColor({ tabId, color: COLORS[name] }),
    chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" }),
    chrome.action.setTitle({ tabId, title: problem && name !== "off" ? `${title}\n${sentence(problem)}` : title }),
  ]).catch(() => {}); // the tab was closed
}

/** A crashed page is still captured, but silent until it is reloaded. @param {number} tabId @returns {Promise<Problem | null>} */
export async function crashOf(tabId) {
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  return tab?.status === "unloaded" ? { code: "tabCrashed" } : null;
}
