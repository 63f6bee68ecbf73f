// A channel's translations on the dashboard: which run, how they stand, and by which model.

import { field, settingsForm } from "/static/forms.js";
import { t } from "/static/overlay/i18n.js";
import { nameOf } from "/static/overlay/languages.js";
import { showProgress } from "/static/setup.js";

/**
 * @typedef {object} Running
 * @property {string} language
 * @property {string} name
 * @property {string} state "waiting", "fetching", "loading", "live", "behind" or "failed"
 * @property {string} message
 * @property {number} readers
 * @property {boolean} pinned
 * @property {number} lag seconds
 * @property {number} skipped captions that were not translated
 *
 * @typedef {object} Translation
 * @property {string | null} model
 * @property {string | null} state of the model
 * @property {number | null} done share that is fetched, 0 to 1
 * @property {string} message why there is no model
 * @property {Running[]} languages
 */

/** @type {Record<string, string>} */
const STATES = {
  waiting: t("waits for a source"),
  fetching: t("the model is being fetched"),
  loading: t("the model is being loaded"),
  live: t("live"),
  behind: t("behind"),
  failed: t("not translated"),
};

/** Let the card's form read and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpTranslation(card, channel) {
  settingsForm(card, ".translation", channel, { write, read, suggest: suggestModels });
}

/** @param {HTMLElement} card @param {Translation} translation */
export function showTranslation(card, translation) {
  const box = /** @type {HTMLElement} */ (card.querySelector(".translation"));
  const { languages } = translation;
  const failed = translation.state === "failed" ? translation.message : languages.find((one) => one.state === "failed")?.message;
  const behind = languages.find((one) => one.state === "behind");
  box.dataset.state = failed ? "failed" : behind ? "behind" : languages.length ? "live" : "off";
  put(box, ".state", languages.map((one) => one.language).join(", "));
  put(box, ".problem", failed || (behind?.message ?? ""));
  const fetching = translation.state === "fetching" || (translation.state === "loading" && languages.length > 0);
  showProgress(/** @type {HTMLProgressElement} */ (box.querySelector("progress")), fetching ? translation : undefined);
  const list = /** @type {HTMLElement} */ (box.querySelector(".running"));
  const told = languages.map(describe);
  if (told.join("\n") === [...list.children].map((one) => one.textContent).join("\n")) return;
  list.replaceChildren(...told.map((text) => {
    const row = document.createElement("li");
    row.textContent = text;
    return row;
  }));
}

/** @param {Running} one */
function describe({ language, name, state, readers, pinned, lag, skipped }) {
  return [
    `${nameOf(language, name)}: ${STATES[state] ?? state}`,
    state === "behind" && t("lag {lag} s", { lag: lag.toFixed(0) }),
    readers && t("readers: {readers}", { readers }),
    pinned && t("always"),
    skipped && t("captions left out: {skipped}", { skipped }),
  ].filter(Boolean).join(", ");
}

async function suggestModels() {
  const { translation } = await (await fetch("/api/models")).json();
  const list = /** @type {HTMLElement} */ (document.getElementById("translation-models"));
  list.replaceChildren(...translation.models.map((/** @type {{name: string, bytes: number}} */ model) => {
    const option = document.createElement("option");
    option.value = model.name;
    option.label = `${(model.bytes / 1e9).toFixed(1)} GB`;
    return option;
  }));
}

/** @param {HTMLFormElement} form */
function read(form) {
  return {
    translations: field(form, "translations").value.split(/[,;\n]/).map((name) => name.trim()).filter(Boolean),
    translation_model: field(form, "translation-model").value.trim() || null,
  };
}

/** @param {HTMLFormElement} form @param {any} settings */
function write(form, settings) {
  field(form, "translation-model").value = settings.translation_model ?? "";
  field(form, "translations").value = settings.translations.join(", ");
}

/** @param {HTMLElement} box @param {string} selector @param {string} text */
function put(box, selector, text) {
  const place = /** @type {HTMLElement} */ (box.querySelector(selector));
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}
