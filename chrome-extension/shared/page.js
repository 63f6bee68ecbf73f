// What the extension's pages share: texts, elements, the list of languages.

/** Write the texts of a page: `data-text` names a message, `data-label` one for assistive technology. */
export function translate() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = text(/** @type {HTMLElement} */ (place).dataset.text ?? "");
  }
  for (const place of document.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", text(/** @type {HTMLElement} */ (place).dataset.label ?? ""));
  }
}

/** @param {string} key @param {string[]} details */
export function text(key, ...details) {
  return chrome.i18n.getMessage(key, details);
}

/** @template {HTMLElement} [E=HTMLElement] @param {string} id */
export function element(id) {
  return /** @type {E} */ (document.getElementById(id));
}

/** @param {string} id */
export function field(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id));
}

/** @param {HTMLElement} place @param {string} said empty: nothing to say */
export function say(place, said) {
  if (place.textContent !== said) place.textContent = said;
  place.hidden = !said;
}

// What Whisper knows well enough to caption.
const LANGUAGES =
  "ar bg bn ca cs da de el en es et fa fi fr gl he hi hr hu id it ja ko lt lv mk ms nl no pl pt ro ru sk sl sr sv ta th tl tr uk ur vi zh";

/** @param {string} id of a select @param {string} chosen */
export function fillLanguages(id, chosen) {
  fill(id, chosen, [[text("languageService"), ""], [text("languageAuto"), "auto"]]);
}

/** The same for what is read. @param {string} id @param {string} chosen */
export function fillTranslations(id, chosen) {
  fill(id, chosen, [[text("translationNone"), ""]]);
}

/** @param {string} id @param {string} chosen @param {string[][]} first names and values */
function fill(id, chosen, first) {
  const names = new Intl.DisplayNames([chrome.i18n.getUILanguage()], { type: "language" });
  const known = LANGUAGES.split(" ")
    .map((code) => /** @type {const} */ ([names.of(code) ?? code, code]))
    .sort(([one], [other]) => one.localeCompare(other));
  const options = [...first, ...known];
  if (!options.some(([, code]) => code === chosen)) options.push([chosen, chosen]);
  element(id).replaceChildren(...options.map(([name, code]) => new Option(name, code, false, code === chosen)));
}
