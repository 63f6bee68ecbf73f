// A channel's closed captions in OBS on the dashboard: how they stand, and where OBS is.

import { box as boxOf, field, settingsForm } from "/static/forms.js";
import { t } from "/static/overlay/i18n.js";

/**
 * @typedef {object} ClosedCaptions
 * @property {string | null} by "obs-websocket", "script" or null: who sends them
 * @property {string} state
 * @property {string} message one sentence
 * @property {string} text what viewers see
 * @property {number} skipped words that could not be sent in time
 */

/** @type {Record<string, string>} */
const STATES = {
  off: t("off"),
  connecting: t("connecting"),
  not_connected: t("not connected"),
  wrong_password: t("wrong password"),
  not_streaming: t("ready, OBS is not streaming"),
  sending: t("sending"),
  refused: t("cannot be written"),
};

/** Let the card's form read and change them. @param {HTMLElement} card @param {string} channel */
export function setUpClosedCaptions(card, channel) {
  settingsForm(card, ".outputs", channel, {
    write: (form, settings) => write(form, settings.closed_captions),
    read: (form) => ({ closed_captions: read(form) }),
  });
}

/** @param {HTMLElement} card @param {ClosedCaptions} captions */
export function showClosedCaptions(card, captions) {
  const box = /** @type {HTMLElement} */ (card.querySelector(".outputs"));
  const byScript = captions.by === "script";
  box.dataset.state = byScript ? "sending" : captions.state;
  put(box, ".state", byScript ? t("sent by the OBS script") : (STATES[captions.state] ?? captions.state));
  const late = captions.skipped ? ` ${t("{skipped} words came too late to be sent.", { skipped: captions.skipped })}` : "";
  put(box, ".how", byScript ? t("The script in OBS sends them itself.") : captions.message + late);
  put(box, ".viewers", captions.text);
}

/** @param {HTMLFormElement} form @param {any} captions */
function write(form, captions) {
  boxOf(form, "enabled").checked = captions.enabled;
  field(form, "host").value = captions.host;
  field(form, "port").value = captions.port;
  field(form, "delay").value = captions.delay;
  field(form, "cc-language").value = captions.language ?? "";
  const password = /** @type {HTMLInputElement} */ (field(form, "password"));
  password.value = "";
  password.placeholder = captions.password_set ? t("as it was given") : t("none");
}

/** @param {HTMLFormElement} form */
function read(form) {
  const password = field(form, "password").value;
  return {
    enabled: boxOf(form, "enabled").checked,
    host: field(form, "host").value.trim(),
    port: Number(field(form, "port").value),
    delay: Number(field(form, "delay").value),
    language: field(form, "cc-language").value.trim() || null,
    ...(password && { password }),
  };
}

/** @param {HTMLElement} box @param {string} selector @param {string} text */
function put(box, selector, text) {
  const place = /** @type {HTMLElement} */ (box.querySelector(selector));
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}
