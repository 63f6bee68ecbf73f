// A channel's speakers on the dashboard: whether they are told apart, in which sources, their names, and known voices.

import { deleteVoices, getSettings, getVoices } from "../overlay/shared/api.js";
import { control, create, createButton, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { formatPairs, readPairs, reportFailure, say, settingsForm } from "./settings-form.js";

/** @import { ChannelSettings, DiarizationStatus, VoiceEntry, VoiceList } from "../overlay/shared/protocol.js" */

const REPORTED = 1; // seconds that were left out, from which they are reported

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpSpeakers(card, channel) {
  settingsForm(card, ".speakers", channel, { write: fill, read: (form) => read(form, channel) });
  const details = part(card, ".speakers", HTMLDetailsElement);
  details.addEventListener("toggle", () => details.open && refreshVoices(card, channel));
  const box = part(card, ".known-voices");
  part(box, ".delete-all").addEventListener("click", () => {
    if (confirm(t("Delete all known voices of this channel?"))) changeVoices(box, channel, deleteVoices(channel));
  });
}

/**
 * @param {HTMLElement} card
 * @param {string} channel
 * @param {DiarizationStatus} diarization
 * @param {number} skipped seconds that were left out
 */
export function showSpeakers(card, channel, diarization, skipped) {
  writeOrHide(part(card, ".speakers .explanation"), diarization.enabled ? describe(diarization, skipped) : "");
  const box = part(card, ".known-voices");
  box.hidden = !(diarization.enabled || diarization.voices);
  if (box.dataset.count === String(diarization.voices)) return;
  box.dataset.count = String(diarization.voices);
  if (part(card, ".speakers", HTMLDetailsElement).open) refreshVoices(card, channel);
}

/** @param {DiarizationStatus} diarization @param {number} skipped */
function describe({ state, message }, skipped) {
  if (state === "missing" || state === "failed") return message;
  if (state === "loading") return t("The speaker model is being loaded; captions are not delayed.");
  if (skipped < REPORTED) return "";
  return t("This computer is too slow to distinguish the speakers: {skipped} s were skipped. Choose more time.", {
    skipped: skipped.toFixed(0),
  });
}

/** @param {HTMLElement} card @param {string} channel */
function refreshVoices(card, channel) {
  return changeVoices(part(card, ".known-voices"), channel, getVoices(channel));
}

/** Show the voices that a request answers with. @param {HTMLElement} box @param {string} channel @param {Promise<VoiceList>} answer */
function changeVoices(box, channel, answer) {
  const status = part(box, ".form-status");
  return reportFailure(status, async () => {
    const { voices } = await answer;
    say(status, "");
    part(box, "ul").replaceChildren(...voices.map((voice) => createRow(box, channel, voice)));
    part(box, ".nobody").hidden = voices.length > 0;
    part(box, ".delete-all").hidden = voices.length < 2;
  });
}

/** @param {HTMLElement} box @param {string} channel @param {VoiceEntry} voice */
function createRow(box, channel, { id, name, added, seconds }) {
  const row = create("li");
  const label = create("span", "voice-name", name);
  label.dir = "auto";
  const since = create("span", "since");
  write(since, t("since {date}, from {seconds} s of speech", {
    date: new Date(added * 1000).toLocaleDateString(document.documentElement.lang, { dateStyle: "medium" }),
    seconds: seconds.toFixed(0),
  }));
  const button = createButton(t("Delete"), () => {
    if (confirm(t("Delete the voice of {name}?", { name }))) changeVoices(box, channel, deleteVoices(channel, id));
  });
  button.setAttribute("aria-label", `${t("Delete")}: ${name}`);
  row.append(label, since, button);
  return row;
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, { diarization, names }) {
  control(form, "enabled").checked = diarization.enabled;
  control(form, "inside").value = diarization.sources.join(", ");
  control(form, "latency", HTMLSelectElement).value = String(diarization.latency);
  control(form, "known-voices").checked = diarization.known_voices;
  control(form, "names", HTMLTextAreaElement).value = formatPairs(names);
  form.dataset.names = JSON.stringify(names);
}

/** @param {HTMLFormElement} form @param {string} channel */
async function read(form, channel) {
  const written = readPairs(form, "names", (line) => t("“{line}” has no “=”: write heard = shown.", { line }));
  const { names } = await getSettings(channel); // voices may have been recognized since the form was filled
  for (const own of Object.keys(JSON.parse(form.dataset.names ?? "{}"))) if (!(own in written)) delete names[own];
  return {
    diarization: {
      enabled: control(form, "enabled").checked,
      sources: control(form, "inside").value.split(",").map((name) => name.trim()).filter(Boolean),
      latency: Number(control(form, "latency", HTMLSelectElement).value),
      known_voices: control(form, "known-voices").checked,
    },
    names: { ...names, ...written },
  };
}
