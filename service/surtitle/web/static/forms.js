// The forms on a channel's card that show and change its settings.

import { t } from "/static/overlay/i18n.js";

/** What a person wrote cannot be understood; the message says what to do. */
export class Unreadable extends Error {}

/**
 * Let a form show a channel's settings when it is opened, and change them.
 * @param {HTMLElement} card
 * @param {string} selector of the part that is opened
 * @param {string} channel
 * @param {{write: (form: HTMLFormElement, settings: any) => void, read: (form: HTMLFormElement) => object,
 *   suggest?: () => Promise<void>}} parts `read` may throw `Unreadable`; `suggest` fetches what can be chosen
 */
export function settingsForm(card, selector, channel, { write, read, suggest }) {
  const address = `/api/channels/${encodeURIComponent(channel)}/settings`;
  const details = /** @type {HTMLDetailsElement} */ (card.querySelector(selector));
  const form = /** @type {HTMLFormElement} */ (details.querySelector("form"));
  const said = /** @type {HTMLElement} */ (form.querySelector(".said"));
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    say(said, "");
    form.inert = true; // until it shows what is so: nothing that is typed may be overwritten
    const filled = fetch(address).then((answer) => answer.json()).then((settings) => write(form, settings));
    await Promise.all([filled, suggest?.()]).catch(() => say(said, t("The service does not answer.")));
    form.inert = false;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(said, "…");
    try {
      const answer = await fetch(address, { method: "PATCH", body: JSON.stringify(read(form)) });
      const settings = await answer.json();
      if (answer.ok) write(form, settings);
      say(said, answer.ok ? t("Applied.") : settings.message, answer.ok);
    } catch (error) {
      say(said, error instanceof Unreadable ? error.message : t("The service does not answer."));
    }
  });
}

/**
 * What is written as "one = other", one in each line.
 * @param {HTMLFormElement} form @param {string} name @param {(line: string) => string} problem what to say of a line without it
 */
export function pairs(form, name, problem) {
  const found = lines(form, name).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Unreadable(problem(line));
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(found);
}

/** The same as text. @param {Record<string, string>} all */
export function asPairs(all) {
  return Object.entries(all).map(([one, other]) => `${one} = ${other}`).join("\n");
}

/** @param {HTMLFormElement} form @param {string} name */
export function lines(form, name) {
  return field(form, name)
    .value.split("\n")
    .map((line) => line.trim())
    .filter((line) => line);
}

/** @param {HTMLFormElement} form @param {string} name */
export function field(form, name) {
  return /** @type {HTMLInputElement | HTMLTextAreaElement} */ (form.elements.namedItem(name));
}

/** @param {HTMLFormElement} form @param {string} name */
export function box(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {HTMLElement} place @param {string} text @param {boolean} good */
export function say(place, text, good = false) {
  place.textContent = text;
  place.dataset.good = String(good);
}
