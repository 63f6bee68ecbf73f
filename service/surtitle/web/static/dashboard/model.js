// A channel's model, language and vocabulary on the dashboard.

import { getModels } from "../overlay/shared/api.js";
import { control, create, element, part, write } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { formatPairs, readLines, readOptional, readPairs, settingsForm } from "./settings-form.js";

/** @import { ChannelSettings, ModelProgress, RecognitionModel } from "../overlay/shared/protocol.js" */

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpModel(card, channel) {
  settingsForm(card, ".setup", channel, { write: fill, read, suggest: suggestModels });
}

/** Show a model that is on its way, or why it could not be loaded. @param {HTMLElement} box @param {ModelProgress | null} progress */
export function showLoading(box, progress) {
  box.hidden = !progress;
  if (!progress) return;
  write(part(box, ".description"), describe(progress));
  box.dataset.state = progress.state;
  showProgress(part(box, "progress", HTMLProgressElement), progress.state === "failed" ? null : progress);
}

/** @param {HTMLProgressElement} bar @param {{done: number | null} | null} progress */
export function showProgress(bar, progress) {
  bar.hidden = !progress;
  if (progress?.done == null) bar.removeAttribute("value"); // unknown: the bar moves to and fro
  else bar.value = progress.done;
}

/** @param {ModelProgress} progress */
function describe({ model, state, done, message }) {
  switch (state) {
    case "waiting":
      return t("The model {model} is waiting for another model", { model });
    case "fetching":
      return t("The model {model} is being fetched: {percent} %", { model, percent: Math.round((done ?? 0) * 100) });
    case "loading":
      return t("The model {model} is being loaded", { model });
    case "ready":
      return t("The model {model} is taking over", { model });
    case "failed":
      return message;
  }
}

async function suggestModels() {
  const { models, engines } = await getModels();
  const remote = new Map(engines.filter(({ local }) => !local).map(({ name, title }) => [name, title]));
  const suggestions = models.map((model) => suggestion(model.name, describeModel(model, remote.get(model.engine))));
  element("models").replaceChildren(...suggestions, suggestion("pocketsphinx", t("embedded, English only")));
}

/** @param {RecognitionModel} model @param {string | undefined} elsewhere who recognizes, if not this computer */
function describeModel({ bytes, here }, elsewhere) {
  if (elsewhere) return t("sound is sent to {engine}", { engine: elsewhere });
  const size = bytes ? `${Math.round(bytes / 1e6)} MB, ` : "";
  return size + (here ? t("on this computer") : t("to be fetched"));
}

/** An entry of a datalist. @param {string} value @param {string} label */
export function suggestion(value, label) {
  const option = create("option");
  option.value = value;
  option.label = label;
  return option;
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, { model, language, vocabulary }) {
  control(form, "model").value = model ?? "";
  control(form, "language").value = language ?? "";
  control(form, "prompt", HTMLTextAreaElement).value = vocabulary.prompt;
  control(form, "hotwords", HTMLTextAreaElement).value = vocabulary.hotwords.join("\n");
  control(form, "blocked", HTMLTextAreaElement).value = vocabulary.blocked.join("\n");
  control(form, "replacements", HTMLTextAreaElement).value = formatPairs(vocabulary.replacements);
}

/** @param {HTMLFormElement} form */
function read(form) {
  return {
    model: readOptional(form, "model"),
    language: readOptional(form, "language"),
    vocabulary: {
      prompt: control(form, "prompt", HTMLTextAreaElement).value,
      hotwords: readLines(form, "hotwords"),
      blocked: readLines(form, "blocked"),
      replacements: readPairs(form, "replacements", (line) => t("“{line}” has no “=”: write heard = written.", { line })),
    },
  };
}
