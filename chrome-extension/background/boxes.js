// Caption boxes: puts them into pages, and keeps their look.

import { BOX_THEMES } from "../shared/box-themes.js";
import { loadLook } from "../shared/settings.js";
import { showBadge } from "./badge.js";
import { rememberBox } from "./memory.js";

/** @import { BoxStyle } from "../shared/message-types.js" */

/**
 * Put the caption box into a page. Browsers allow it after a click: Chrome as long as the tab stays on that site, Firefox
 * until it shows another page.
 * @param {number} tabId
 * @returns {Promise<boolean>} whether it was allowed
 */
export async function injectBox(tabId) {
  const done = await chrome.scripting
    .executeScript({ target: { tabId }, files: ["box/box.js"], injectImmediately: true })
    .then(() => true, () => false);
  await rememberBox(tabId, !done);
  await showBadge(tabId);
  return done;
}

/** @param {chrome.runtime.MessageSender} sender @returns {Promise<BoxStyle>} */
export async function boxStyle(sender) {
  const css = await (await fetch(chrome.runtime.getURL("box/box.css"))).text();
  return { css, themes: BOX_THEMES, look: await loadLook(originOf(sender)) };
}

/** The site of a caption box, according to the browser and not to the page. @param {chrome.runtime.MessageSender} sender */
export function originOf(sender) {
  return sender.origin ?? new URL(sender.url ?? "").origin;
}
