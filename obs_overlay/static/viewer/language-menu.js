// The viewer's menu of languages to read in.

import { getChannel, getLanguages } from "../shared/api.js";
import { create, createButton, element, writeOrHide } from "../shared/dom.js";
import { languageName } from "../shared/format.js";
import { t } from "../shared/i18n.js";

/** @import { Language } from "../shared/protocol.js" */

/** The language in the page's address, or the last one that was chosen here; "" for the original. @param {string} channel */
export function preferredLanguage(channel) {
  const language = new URLSearchParams(location.search).get("lang") ?? storedLanguage(channel);
  return language === "original" ? "" : language;
}

/** @param {string} channel @param {string} current */
export function languageMenu(channel, current) {
  const menu = element("languages");
  const list = element("language-list");
  const search = element("language-search", HTMLInputElement);
  const hint = element("language-hint");
  if (current) element("language").textContent = languageName(current, current);

  menu.addEventListener("beforetoggle", async (event) => {
    if (event.newState !== "open") return;
    try {
      const [{ languages }, { translation }] = await Promise.all([getLanguages(), getChannel(channel)]);
      list.replaceChildren(...items(languages, translation.languages.map(({ language }) => language)));
      writeOrHide(hint, translation.model ? ""
        : t("This service has no translation model yet: its operator can choose one on the dashboard."));
    } catch {
      writeOrHide(hint, t("The service does not answer."));
    }
    filter();
    search.focus();
  });
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !search.value) return;
    /** @type {HTMLButtonElement | null} */ (list.querySelector("li:not([hidden]) button"))?.click();
  });

  function filter() {
    const wanted = search.value.trim().toLocaleLowerCase();
    for (const item of /** @type {Iterable<HTMLElement>} */ (list.children)) {
      item.hidden = !item.dataset.names?.includes(wanted);
    }
  }

  /** The original, the languages that are being translated into, then the others by name. @param {Language[]} languages @param {string[]} running */
  function items(languages, running) {
    const named = languages.map((language) => ({ ...language, label: languageName(language.tag, language.name) }));
    const labels = Map.groupBy(named, ({ label }) => label); // browsers call both Akan and Twi Akan
    for (const same of labels.values()) if (same.length > 1) for (const language of same) language.label = language.name;
    const first = new Set([current, ...running]);
    named.sort((one, other) =>
      Number(first.has(other.tag)) - Number(first.has(one.tag)) || one.label.localeCompare(other.label));
    const original = { tag: "", label: t("Original"), name: "original", own_name: "", rtl: false };
    return [original, ...named].map(item);
  }

  /** @param {Language & {label: string}} language */
  function item({ tag, label, name, own_name: ownName }) {
    const row = create("li");
    row.dataset.names = [tag, label, name, ownName].join(" ").toLocaleLowerCase();
    const button = createButton(label, () => openInLanguage(channel, tag));
    if (ownName && ownName.toLocaleLowerCase() !== label.toLocaleLowerCase()) {
      const second = create("small", "", ownName);
      second.lang = tag;
      second.dir = "auto";
      button.append(" ", second);
    }
    button.ariaCurrent = String(tag === current);
    row.append(button);
    return row;
  }
}

/** Load the page in a language. @param {string} channel @param {string} tag */
function openInLanguage(channel, tag) {
  try {
    localStorage.setItem(storageKey(channel), tag);
  } catch {
    // storage is blocked: the address has it too
  }
  const url = new URL(location.href);
  if (tag) url.searchParams.set("lang", tag);
  else url.searchParams.delete("lang");
  location.assign(url);
}

/** @param {string} channel */
function storedLanguage(channel) {
  try {
    return localStorage.getItem(storageKey(channel)) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} channel */
function storageKey(channel) {
  return `language:${channel}`;
}
