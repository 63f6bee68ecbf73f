// A channel's speakers on the dashboard: whether they are told apart, in which sources, and their names.

import { control, part, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { formatPairs, readPairs, settingsForm } from "./settings-form.js";

/** @import { ChannelSettings, DiarizationStatus } from "../overlay/shared/protocol.js" */

const REPORTED = 1; // seconds that were left out, from which they are reported

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpSpeakers(card, channel) {
  settingsForm(card, ".speakers", channel, { write: fill, read });
}

/** @param {HTMLElement} card @param {DiarizationStatus} diarization @param {number} skipped seconds that were left out */
export function showSpeakers(card, diarization, skipped) {
  writeOrHide(part(card, ".speakers .explanation"), diarization.enabled ? describe(diarization, skipped) : "");
}

/** @param {DiarizationStatus} diarization @param {number} skipped */
function describe({ state, message }, skipped) {
  if (state === "missing") return t("To distinguish speakers, run: pip install 'surtitle[diarization]'");
  if (state === "failed") return message;
  if (state === "loading") return t("The speaker model is being loaded; captions are not delayed.");
  if (skipped < REPORTED) return "";
  return t("This computer is too slow to distinguish the speakers: {skipped} s were skipped. Choose more time.", {
    skipped: skipped.toFixed(0),
  });
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, { diarization, names }) {
  control(form, "enabled").checked = diarization.enabled;
  control(form, "inside").value = diarization.sources.join(", ");
  control(form, "latency", HTMLSelectElement).value = String(diarization.latency);
  control(form, "names", HTMLTextAreaElement).value = formatPairs(names);
}

/** @param {HTMLFormElement} form */
function read(form) {
  return {
    diarization: {
      enabled: control(form, "enabled").checked,
      sources: control(form, "inside").value.split(",").map((name) => name.trim()).filter(Boolean),
      latency: Number(control(form, "latency", HTMLSelectElement).value),
    },
    names: readPairs(form, "names", (line) => t("“{line}” has no “=”: write heard = shown.", { line })),
  };
}
