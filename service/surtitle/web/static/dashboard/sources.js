// The sources of a channel on its card.

import { cloneTemplate, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { formatClock } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";
import { CAPTIONER } from "./source-problems.js";

/** @import { SourceStatus } from "../overlay/shared/protocol.js" */

const SILENCE = 60; // decibels below full scale at which the level meter begins

/** @param {HTMLElement} list @param {SourceStatus[]} sources */
export function showSources(list, sources) {
  while (list.childElementCount > sources.length) list.lastElementChild?.remove();
  while (list.childElementCount < sources.length) list.append(cloneTemplate("source-template"));
  sources.forEach((source, index) => show(/** @type {HTMLElement} */ (list.children[index]), source));
}

/** @param {HTMLElement} row @param {SourceStatus} source */
function show(row, source) {
  row.dataset.state = source.state;
  row.dataset.speaking = String(source.speaking);
  row.dataset.behind = String(source.lag >= 1 || source.skipped > 0);
  write(part(row, ".source-name"), source.name);
  write(part(row, ".speaking"), activity(source));
  write(part(row, ".engine"), `${engineName(source)}, ${source.language}`);
  write(part(row, ".pace"), source.pace ? t("{pace} words a minute", { pace: source.pace }) : "");
  const typed = source.engine === CAPTIONER;
  part(row, ".level").style.visibility = typed ? "hidden" : "";
  write(part(row, ".lag"), typed ? "" : lagText(source));
  write(part(row, ".length"), formatClock(source.seconds));
  writeOrHide(part(row, ".advice"), source.notice);
  writeOrHide(part(row, ".recipient"), remoteText(source));
  part(row, ".level", HTMLMeterElement).value = Math.max(0, SILENCE + source.level);
}

/** @param {SourceStatus} source */
function activity({ state, engine, speaking, standby }) {
  if (state === "away") return t("connection lost");
  if (standby) return t("on standby");
  if (engine === CAPTIONER) return speaking ? t("writing") : t("waiting");
  return speaking ? t("speaking") : t("silent");
}

/** To whom its sound is sent, and how much of it; "" if it stays on this computer. @param {SourceStatus} source */
function remoteText({ remote }) {
  if (!remote) return "";
  const { recipient, sent, lost } = remote;
  const text = t("The sound is sent to {recipient}: {minutes} min so far", { recipient, minutes: (sent / 60).toFixed(1) });
  if (lost < 0.1) return text;
  const missing = t("{lost} s of speech could not be captioned", { lost: lost.toFixed(1) });
  return `${text}, ${missing}`;
}

/** @param {SourceStatus} source */
function lagText({ lag, skipped }) {
  const text = t("lag {lag} s", { lag: lag.toFixed(1) });
  if (!skipped) return text;
  const missing = t("{skipped} s skipped", { skipped: skipped.toFixed(0) }); // pybabel does not look into a template
  return `${text}, ${missing}`;
}

/** The engine with its model; of a directory or repository, only the last part. @param {SourceStatus} source */
function engineName({ engine, model }) {
  if (engine === CAPTIONER) return t("human captioner");
  if (model.startsWith(`${engine}:`)) return model;
  return engine === "whisper" ? `${engine} ${model.split(/[\\/]/).filter(Boolean).pop()}` : engine;
}
