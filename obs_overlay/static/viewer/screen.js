// The switch that keeps the screen on while captions run, and what it says.

import { element, writeOrHide } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { WakeLock } from "./wake-lock.js";

/** @import { State } from "./wake-lock.js" */

const KEY = "keep-screen-on";

/**
 * Set up the switch.
 * @param {string} [limit] when the screen may go off all the same, as a sentence
 * @returns {() => void} to be called for each caption, or at other times at which the screen is needed
 */
export function keepScreenOn(limit = t("It may go off after three minutes without captions.")) {
  if ("obsstudio" in window) {
    element("screen-setting").hidden = true; // a source in OBS has no screen of its own
    return () => {};
  }
  const box = element("screen-on", HTMLInputElement);
  const hint = element("screen-hint");
  if (!navigator.wakeLock) {
    box.disabled = true;
    writeOrHide(hint, isSecureContext
      ? t("This browser cannot keep the screen on.")
      : t("Not possible here: browsers allow it only on pages with an address that begins with https."));
    return () => {};
  }
  const lock = new WakeLock(navigator.wakeLock, document, (state) => {
    writeOrHide(element("screen-state"), state === "on" ? t("Screen stays on") : "");
    writeOrHide(hint, hintFor(state, limit));
  });
  box.checked = stored() ?? matchMedia("(pointer: coarse)").matches; // phones and tablets go dark after seconds
  lock.wanted = box.checked;
  box.addEventListener("change", () => {
    lock.wanted = box.checked;
    try {
      localStorage.setItem(KEY, String(box.checked));
    } catch {
      // storage is blocked: it applies until the page is closed
    }
  });
  return () => lock.touch();
}

/** @param {State} state @param {string} limit */
function hintFor(state, limit) {
  switch (state) {
    case "on":
    case "waiting":
      return limit;
    case "refused":
      return t("The browser does not allow it now, perhaps to save the battery.");
    default:
      return "";
  }
}

/** The choice made before; null if there is none. */
function stored() {
  try {
    const choice = localStorage.getItem(KEY);
    return choice === null ? null : choice === "true";
  } catch {
    return null;
  }
}
