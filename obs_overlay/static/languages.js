// In which language to read: the menu of the viewer.

import { t } from "./i18n.js";

/** @typedef {{tag: string, name: string, own_name: string, rtl: boolean}} Language */

/** The language that the address asks for, or that was chosen here before; "" for what is spoken. @param {string} channel */
export function chosenLanguage(channel) {
  const asked = new URLSearchParams(location.search).get("lang");
  const chosen = asked ?? kept(channel);
  return chosen === "original" ? "" : chosen;
}

/** @param {string} channel @param {string} chosen */
export function languageMenu(channel, chosen) {
  const sheet = /** @type {HTMLElement} */ (document.getElementById("languages"));
  const button = /** @type {HTMLElement} */ (document.getElementById("language"));
  const list = /** @type {HTMLElement} */ (document.getElementById("language-list"));
  const search = /** @type {HTMLInputElement} */ (document.getElementById("language-search"));
  const hint = /** @type {HTMLElement} */ (document.getElementById("language-hint"));
  if (chosen) button.textContent = nameOf(chosen, chosen);

  sheet.addEventListener("beforetoggle", async (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return;
    try {
      const [{ languages }, { translation }] = await Promise.all([
        ask("/api/languages"), ask(`/api/channels/${encodeURIComponent(channel)}`),
      ]);
      const running = translation.languages.map((/** @type {{language: string}} */ one) => one.language);
      hint.textContent = translation.model ? ""
        : t("This service has no translation model yet: whoever runs it can choose one on the dashboard.");
      list.replaceChildren(...choices(languages, running));
    } catch {
      hint.textContent = t("The service does not answer.");
    }
    hint.hidden = !hint.textContent;
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

  /** The original, what is translated now, and then the others by name. @param {Language[]} languages @param {string[]} running */
  function choices(languages, running) {
    const named = languages.map((one) => ({ ...one, shown: nameOf(one.tag, one.name) }));
    const first = new Set([chosen, ...running]);
    named.sort((one, other) =>
      Number(first.has(other.tag)) - Number(first.has(one.tag)) || one.shown.localeCompare(other.shown));
    const original = { tag: "", shown: t("As it is spoken"), name: "original", own_name: "", rtl: false };
    return [original, ...named].map(choice);
  }

  /** @param {Language & {shown: string}} language */
  function choice({ tag, shown, name, own_name: own }) {
    const item = document.createElement("li");
    const pick = document.createElement("button");
    item.dataset.names = [tag, shown, name, own].join(" ").toLocaleLowerCase();
    pick.type = "button";
    pick.append(shown);
    if (own && own.toLocaleLowerCase() !== shown.toLocaleLowerCase()) {
      const second = document.createElement("small");
      second.lang = tag;
      second.dir = "auto";
      second.textContent = own;
      pick.append(" ", second);
    }
    pick.ariaCurrent = String(tag === chosen);
    pick.addEventListener("click", () => choose(channel, tag));
    item.append(pick);
    return item;
  }
}

/** @param {string} channel @param {string} tag */
function choose(channel, tag) {
  try {
    localStorage.setItem(`language:${channel}`, tag);
  } catch {
    // a browser that keeps nothing has it in the address
  }
  const url = new URL(location.href);
  if (tag) url.searchParams.set("lang", tag);
  else url.searchParams.delete("lang");
  location.assign(url);
}

/** @param {string} channel */
function kept(channel) {
  try {
    return localStorage.getItem(`language:${channel}`) ?? "";
  } catch {
    return "";
  }
}

/** A language's name in the language of the page. @param {string} tag @param {string} otherwise */
export function nameOf(tag, otherwise) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: "language", fallback: "none" }).of(tag) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} address */
async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}
