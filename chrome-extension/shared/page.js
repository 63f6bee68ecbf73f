// What the extension's pages share: texts, elements, lists of languages.

import { namedLanguages } from "./languages.js";

/** Fill in the texts of a page: `data-text` names a message, `data-label` one for assistive technology. */
export function translate() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
    place.textContent = text(place.dataset.text ?? "");
  }
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-label]"))) {
    place.setAttribute("aria-label", text(place.dataset.label ?? ""));
  }
}

/** @param {string} key @param {string[]} details */
export function text(key, ...details) {
  return chrome.i18n.getMessage(key, details);
}

/**
 * The element with an id.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @param {new () => E} [type] the class that it must have
 * @returns {E}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof (type ?? HTMLElement))) throw new TypeError(`#${id} is missing, or is not the expected element`);
  return /** @type {E} */ (found);
}

/** An input or select with an id. @param {string} id @returns {Pick<HTMLInputElement, "value" | "disabled"> & HTMLElement} */
export function field(id) {
  return /** @type {HTMLInputElement | HTMLSelectElement} */ (element(id));
}

/** An input with an id. @param {string} id */
export function input(id) {
  return element(id, HTMLInputElement);
}

/** Set an element's text; without text it is hidden. @param {HTMLElement} place @param {string} text */
export function writeOrHide(place, text) {
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

/** The languages that can be spoken. @param {string} id of a select @param {string} selected */
export function fillLanguages(id, selected) {
  fill(id, selected, [[text("languageService"), ""], [text("languageAuto"), "auto"]]);
}

/** The languages that can be read. @param {string} id of a select @param {string} selected */
export function fillTranslations(id, selected) {
  fill(id, selected, [[text("translationNone"), ""]]);
}

/** @param {string} id @param {string} selected @param {string[][]} first names and values */
function fill(id, selected, first) {
  const options = [...first, ...namedLanguages(chrome.i18n.getUILanguage())];
  if (!options.some(([, code]) => code === selected)) options.push([selected, selected]);
  element(id).replaceChildren(...options.map(([name, code]) => new Option(name, code, false, code === selected)));
}
