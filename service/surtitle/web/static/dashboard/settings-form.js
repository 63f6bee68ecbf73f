// The forms on a channel's card that show and change its settings.

import { ServiceError, changeSettings, getSettings } from "../overlay/shared/api.js";
import { control, part } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";

/** @import { ChannelSettings, SettingsChanges } from "../overlay/shared/protocol.js" */

/** A form that cannot be read; the message says what to do. */
export class InvalidInput extends Error {}

/**
 * Let a form show a channel's settings when it is opened, and change them.
 * @param {HTMLElement} card
 * @param {string} selector of the `details` around the form
 * @param {string} channel
 * @param {object} parts
 * @param {(form: HTMLFormElement, settings: ChannelSettings) => void} parts.write fill the form
 * @param {(form: HTMLFormElement) => SettingsChanges | Promise<SettingsChanges>} parts.read may throw `InvalidInput`
 * @param {() => Promise<void>} [parts.suggest] fetch what can be chosen
 */
export function settingsForm(card, selector, channel, { write, read, suggest }) {
  const details = part(card, selector, HTMLDetailsElement);
  const form = part(details, "form", HTMLFormElement);
  const answer = part(form, ".form-status");
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    say(answer, "");
    form.inert = true; // until it is filled: nothing that somebody types may be overwritten
    const filled = getSettings(channel).then((settings) => write(form, settings));
    await Promise.all([filled, suggest?.()]).catch(() => say(answer, t("The service does not answer.")));
    form.inert = false;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(answer, "…");
    try {
      write(form, await changeSettings(channel, await read(form)));
      say(answer, t("Applied."), true);
    } catch (error) {
      if (!(error instanceof InvalidInput || error instanceof ServiceError)) throw error;
      say(answer, error.message);
    }
  });
}

/**
 * Read pairs that are written as "one = other", one per line.
 * @param {HTMLFormElement} form @param {string} name @param {(line: string) => string} problem the sentence about a line without "="
 */
export function readPairs(form, name, problem) {
  const pairs = readLines(form, name).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new InvalidInput(problem(line));
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}

/** @param {Record<string, string>} pairs */
export function formatPairs(pairs) {
  return Object.entries(pairs).map(([one, other]) => `${one} = ${other}`).join("\n");
}

/** @param {HTMLFormElement} form @param {string} name */
export function readLines(form, name) {
  return control(form, name, HTMLTextAreaElement).value.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** The trimmed value of an input; null if it is empty. @param {HTMLFormElement} form @param {string} name */
export function readOptional(form, name) {
  return control(form, name).value.trim() || null;
}

/** Do something, and say why if the service refuses it. @param {HTMLElement} answer @param {() => Promise<unknown>} action */
export async function reportFailure(answer, action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    say(answer, error.message);
  }
}

/** @param {HTMLElement} place @param {string} text @param {boolean} good whether it reports success */
export function say(place, text, good = false) {
  place.textContent = text;
  place.dataset.good = String(good);
}
