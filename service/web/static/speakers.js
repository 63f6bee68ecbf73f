// A channel's speakers on the dashboard: whether they are told apart, in what, and what they are called.

import { t } from "/static/overlay/i18n.js";
import { field, say } from "/static/setup.js";

/**
 * @typedef {object} Diarization
 * @property {boolean} enabled
 * @property {string} state "off", "missing", "loading", "ready" or "failed"
 * @property {string} message why it failed
 */

const BEHIND = 1; // seconds that were left out, from which it is worth a word

/** Let the card's form read and change them. @param {HTMLElement} card @param {string} channel */
export function setUpSpeakers(card, channel) {
  const address = `/api/channels/${encodeURIComponent(channel)}/settings`;
  const details = /** @type {HTMLDetailsElement} */ (card.querySelector(".speakers"));
  const form = /** @type {HTMLFormElement} */ (details.querySelector("form"));
  const said = /** @type {HTMLElement} */ (form.querySelector(".said"));
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    say(said, "");
    form.inert = true;
    await fetch(address)
      .then((answer) => answer.json())
      .then((settings) => write(form, settings))
      .catch(() => say(said, t("The service does not answer.")));
    form.inert = false;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(said, "…");
    const wrong = lines(form, "names").find((line) => line.indexOf("=") < 1);
    if (wrong) return say(said, t("“{line}” has no “=”: write heard = shown.", { line: wrong }));
    try {
      const answer = await fetch(address, { method: "PATCH", body: JSON.stringify(read(form)) });
      const settings = await answer.json();
      if (answer.ok) write(form, settings);
      say(said, answer.ok ? t("Applied.") : settings.message, answer.ok);
    } catch {
      say(said, t("The service does not answer."));
    }
  });
}

/** @param {HTMLElement} card @param {Diarization} diarization @param {number} skipped seconds that were left out */
export function showSpeakers(card, diarization, skipped) {
  const box = /** @type {HTMLElement} */ (card.querySelector(".speakers"));
  const how = /** @type {HTMLElement} */ (box.querySelector(".how"));
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
  enabled(form).checked = diarization.enabled;
  field(form, "inside").value = diarization.sources.join(", ");
  field(form, "latency").value = String(diarization.latency);
  field(form, "names").value = Object.entries(names)
    .map(([heard, shown]) => `${heard} = ${shown}`)
    .join("\n");
}

/** @param {HTMLFormElement} form */
function read(form) {
  const pairs = lines(form, "names").map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return {
    diarization: {
      enabled: enabled(form).checked,
      sources: field(form, "inside").value.split(",").map((name) => name.trim()).filter(Boolean),
      latency: Number(field(form, "latency").value),
    },
    names: Object.fromEntries(pairs),
  };
}

/** @param {HTMLFormElement} form @param {string} name */
function lines(form, name) {
  return field(form, name)
    .value.split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** @param {HTMLFormElement} form */
function enabled(form) {
  return /** @type {HTMLInputElement} */ (field(form, "enabled"));
}
