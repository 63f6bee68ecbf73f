// A channel's settings on the dashboard: model, language, vocabulary.

import { asPairs, field, lines, pairs, settingsForm } from "/static/forms.js";
import { t } from "/static/overlay/i18n.js";

/**
 * @typedef {object} Load
 * @property {string} model
 * @property {string} state "waiting", "fetching", "loading", "ready" or "failed"
 * @property {number | null} done share that is fetched, 0 to 1
 * @property {string} message
 */

/** @type {Record<string, (load: Load) => string>} */
const STATES = {
  waiting: ({ model }) => t("The model {model} waits for another model", { model }),
  fetching: ({ model, done }) =>
    t("The model {model} is being fetched: {percent} %", { model, percent: Math.round((done ?? 0) * 100) }),
  loading: ({ model }) => t("The model {model} is being loaded", { model }),
  ready: ({ model }) => t("The model {model} takes over", { model }),
  failed: ({ message }) => message,
};

/** Let the card's form read and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUp(card, channel) {
  settingsForm(card, ".setup", channel, { write, read, suggest: suggestModels });
}

/** What is on its way, or could not be had. @param {HTMLElement} box @param {Load | null} load */
export function showLoad(box, load) {
  box.hidden = !load;
  if (!load) return;
  const text = STATES[load.state]?.(load) ?? load.state;
  const what = /** @type {HTMLElement} */ (box.querySelector(".what"));
  if (what.textContent !== text) what.textContent = text;
  box.dataset.state = load.state;
  showProgress(/** @type {HTMLProgressElement} */ (box.querySelector("progress")), load.state === "failed" ? undefined : load);
}

/** @param {HTMLProgressElement} bar @param {{done: number | null} | undefined} load */
export function showProgress(bar, load) {
  bar.hidden = !load;
  if (load?.done == null) bar.removeAttribute("value"); // nobody knows how long: it moves to and fro
  else bar.value = load.done;
}

async function suggestModels() {
  const { models } = await (await fetch("/api/models")).json();
  const list = /** @type {HTMLElement} */ (document.getElementById("models"));
  const options = models.map((/** @type {{name: string, bytes: number, here: boolean}} */ model) => {
    const option = document.createElement("option");
    option.value = model.name;
    const size = model.bytes ? `${Math.round(model.bytes / 1e6)} MB, ` : "";
    option.label = `${size}${model.here ? t("on this computer") : t("to be fetched")}`;
    return option;
  });
  const embedded = document.createElement("option");
  embedded.value = "pocketsphinx";
  embedded.label = t("embedded, English only");
  list.replaceChildren(...options, embedded);
}

/** @param {HTMLFormElement} form @param {any} settings */
function write(form, settings) {
  const { prompt, hotwords, replacements, blocked } = settings.vocabulary;
  field(form, "model").value = settings.model ?? "";
  field(form, "language").value = settings.language ?? "";
  field(form, "prompt").value = prompt;
  field(form, "hotwords").value = hotwords.join("\n");
  field(form, "blocked").value = blocked.join("\n");
  field(form, "replacements").value = asPairs(replacements);
}

/** @param {HTMLFormElement} form */
function read(form) {
  const problem = (/** @type {string} */ line) => t("“{line}” has no “=”: write heard = written.", { line });
  return {
    model: field(form, "model").value.trim() || null,
    language: field(form, "language").value.trim() || null,
    vocabulary: {
      prompt: field(form, "prompt").value,
      hotwords: lines(form, "hotwords"),
      blocked: lines(form, "blocked"),
      replacements: pairs(form, "replacements", problem),
    },
  };
}
