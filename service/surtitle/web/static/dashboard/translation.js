// A channel's translations on the dashboard: which run, their state, and their model.

import { getModels } from "../overlay/shared/api.js";
import { control, element, part, writeAll, writeOrHide } from "../overlay/shared/dom.js";
import { languageName } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";
import { showProgress, suggestion } from "./model.js";
import { readOptional, settingsForm } from "./settings-form.js";

/** @import { ChannelSettings, RunningTranslation, TranslationStatus } from "../overlay/shared/protocol.js" */

/** @type {Record<RunningTranslation["state"], string>} */
const STATES = {
  waiting: t("waiting for a source"),
  fetching: t("the model is being fetched"),
  loading: t("the model is being loaded"),
  live: t("live"),
  behind: t("behind"),
  failed: t("not translated"),
};

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpTranslation(card, channel) {
  settingsForm(card, ".translation", channel, { write: fill, read, suggest: suggestModels });
}

/** @param {HTMLElement} card @param {TranslationStatus} translation */
export function showTranslation(card, translation) {
  const box = part(card, ".translation");
  const { languages, state } = translation;
  const { overall, problem } = summarize(translation);
  box.dataset.state = overall;
  writeOrHide(part(box, ".state"), languages.map(({ language }) => language).join(", "));
  writeOrHide(part(box, ".problem"), problem);
  const onItsWay = state === "fetching" || (state === "loading" && languages.length > 0);
  showProgress(part(box, "progress", HTMLProgressElement), onItsWay ? translation : null);
  writeAll(part(box, ".running"), "li", languages.map(describe));
}

/** @param {TranslationStatus} translation */
function summarize({ languages, state, message }) {
  const failed = state === "failed" ? message : languages.find((one) => one.state === "failed")?.message;
  if (failed) return { overall: "failed", problem: failed };
  const behind = languages.find((one) => one.state === "behind");
  if (behind) return { overall: "behind", problem: behind.message };
  return { overall: languages.length ? "live" : "off", problem: "" };
}

/** @param {RunningTranslation} translation */
function describe({ language, name, state, readers, pinned, lag, skipped }) {
  return [
    `${languageName(language, name)}: ${STATES[state]}`,
    state === "behind" && t("lag {lag} s", { lag: lag.toFixed(0) }),
    readers && t("readers: {readers}", { readers }),
    pinned && t("always"),
    skipped && t("captions skipped: {skipped}", { skipped }),
  ].filter(Boolean).join(", ");
}

async function suggestModels() {
  const { translation } = await getModels();
  const suggestions = translation.models.map(({ name, bytes }) => suggestion(name, `${(bytes / 1e9).toFixed(1)} GB`));
  element("translation-models").replaceChildren(...suggestions);
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, settings) {
  control(form, "translation-model").value = settings.translation_model ?? "";
  control(form, "translations").value = settings.translations.join(", ");
}

/** @param {HTMLFormElement} form */
function read(form) {
  return {
    translations: control(form, "translations").value.split(/[,;\n]/).map((name) => name.trim()).filter(Boolean),
    translation_model: readOptional(form, "translation-model"),
  };
}
