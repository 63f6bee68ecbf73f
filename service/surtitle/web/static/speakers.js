// A channel's speakers on the dashboard: whether they are told apart, in what, and what they are called.

import { asPairs, box, field, pairs, settingsForm } from "/static/forms.js";
import { t } from "/static/overlay/i18n.js";

/**
 * @typedef {object} Diarization
 * @property {boolean} enabled
 * @property {string} state "off", "missing", "loading", "ready" or "failed"
 * @property {string} message why it failed
 */

const BEHIND = 1; // seconds that were left out, from which it is worth a word

/** Let the card's form read and change them. @param {HTMLElement} card @param {string} channel */
export function setUpSpeakers(card, channel) {
  settingsForm(card, ".speakers", channel, { write, read });
}

/** @param {HTMLElement} card @param {Diarization} diarization @param {number} skipped seconds that were left out */
export function showSpeakers(card, diarization, skipped) {
  const place = /** @type {HTMLElement} */ (card.querySelector(".speakers"));
  const how = /** @type {HTMLElement} */ (place.querySelector(".how"));
  const text = diarization.enabled ? told(diarization, skipped) : "";
  if (how.textContent !== text) how.textContent = text;
  how.hidden = !text;
}

/** @param {Diarization} diarization @param {number} skipped */
function told({ state, message }, skipped) {
  if (state === "missing") return t("To tell speakers apart, install it: pip install 'surtitle[diarization]'");
  if (state === "failed") return message;
  if (state === "loading") return t("The speaker model is being loaded; captions run meanwhile.");
  if (skipped >= BEHIND) {
    return t("This computer is too slow to hear all speakers: {skipped} s were left out. Choose more time.", {
      skipped: skipped.toFixed(0),
    });
  }
  return "";
}

/** @param {HTMLFormElement} form @param {any} settings */
function write(form, { diarization, names }) {
  box(form, "enabled").checked = diarization.enabled;
  field(form, "inside").value = diarization.sources.join(", ");
  field(form, "latency").value = String(diarization.latency);
  field(form, "names").value = asPairs(names);
}

/** @param {HTMLFormElement} form */
function read(form) {
  const problem = (/** @type {string} */ line) => t("“{line}” has no “=”: write heard = shown.", { line });
  return {
    diarization: {
      enabled: box(form, "enabled").checked,
      sources: field(form, "inside").value.split(",").map((name) => name.trim()).filter(Boolean),
      latency: Number(field(form, "latency").value),
    },
    names: pairs(form, "names", problem),
  };
}
