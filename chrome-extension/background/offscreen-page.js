// Opens, asks and closes the offscreen page, which holds all captures.

import { ask } from "../shared/messages.js";

/** @import { Captures } from "../shared/message-types.js" */

export async function hasOffscreenPage() {
  return (await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] })).length > 0;
}

export async function openOffscreenPage() {
  if (await hasOffscreenPage()) return;
  await chrome.offscreen.createDocument({
    url: "offscreen/offscreen.html",
    reasons: ["USER_MEDIA"],
    justification: "Captures the sound of the tab that is captioned, and keeps it audible.",
  });
}

export async function closeOffscreenPage() {
  if (await hasOffscreenPage()) await chrome.offscreen.closeDocument();
}

/** @returns {Promise<Captures | null>} null without an offscreen page: nothing is captured */
export async function getCaptures() {
  return (await hasOffscreenPage()) ? ask({ to: "offscreen", type: "getCaptures" }) : null;
}

/** @param {number} tabId */
export async function isCaptured(tabId) {
  return (await getCaptures())?.tabs.some((tab) => tab.tabId === tabId) ?? false;
}
