// Recording on the dashboard: start, stop, how long and how large it is.

import { t } from "/static/overlay/i18n.js";

/**
 * @typedef {object} Recording
 * @property {boolean} on whether what is said is recorded
 * @property {boolean} automatic whether that is so for every source
 * @property {boolean} possible whether there is a folder for it
 * @property {number} seconds
 * @property {number} bytes
 * @property {number} files that are being written
 * @property {number} lost seconds that the disk did not take
 * @property {string} problem one sentence
 */

/** @param {HTMLElement} card @param {string} channel */
export function setUpRecording(card, channel) {
  const base = `/api/channels/${encodeURIComponent(channel)}`;
  const { button, automatic, sessions } = parts(card);
  button.addEventListener("click", () => {
    fetch(`${base}/recording`, { method: button.ariaPressed === "true" ? "DELETE" : "POST" }).catch(() => {});
  });
  automatic.addEventListener("change", () => {
    const body = JSON.stringify({ record: automatic.checked });
    fetch(`${base}/settings`, { method: "PATCH", body }).catch(() => {}); // the page says itself that nobody answers
  });
  sessions.href = `/sessions?channel=${encodeURIComponent(channel)}`;
}

/** @param {HTMLElement} card @param {Recording} recording */
export function showRecording(card, recording) {
  const { box, button, state, automatic } = parts(card);
  box.hidden = !recording.possible;
  box.dataset.on = String(recording.on);
  box.dataset.running = String(recording.files > 0);
  button.ariaPressed = String(recording.on);
  put(button, recording.on ? t("Stop recording") : t("Record"));
  put(state, stateOf(recording));
  automatic.checked = recording.automatic;
}

/** @param {Recording} recording */
function stateOf({ on, seconds, bytes, files, lost }) {
  if (!on) return "";
  if (!files) return t("waits for a source");
  const told = `${clock(seconds)}, ${size(bytes)}`;
  return lost ? `${told}, ${t("{lost} s lost: the disk is too slow", { lost: lost.toFixed(0) })}` : told;
}

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  return `${Math.floor(whole / 3600)}:${minutes}:${rest}`;
}

/** @param {number} bytes */
export function size(bytes) {
  const unit = bytes < 1e9 ? 1e6 : 1e9;
  return `${(bytes / unit).toFixed(bytes < 1e8 || unit > 1e6 ? 1 : 0)} ${unit > 1e6 ? "GB" : "MB"}`;
}

/** @param {HTMLElement} card */
function parts(card) {
  const box = /** @type {HTMLElement} */ (card.querySelector(".recording"));
  return {
    box,
    button: /** @type {HTMLButtonElement} */ (box.querySelector(".record")),
    state: /** @type {HTMLElement} */ (box.querySelector(".state")),
    automatic: /** @type {HTMLInputElement} */ (box.querySelector(".automatic")),
    sessions: /** @type {HTMLAnchorElement} */ (box.querySelector(".sessions")),
  };
}

/** @param {HTMLElement} place @param {string} text */
function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
