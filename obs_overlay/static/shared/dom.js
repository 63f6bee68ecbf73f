// Finding, creating and filling elements.

/**
 * The element with an id.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @param {new () => E} [type] the class that it must have
 * @returns {E}
 */
export function element(id, type) {
  return checked(document.getElementById(id), `#${id}`, type);
}

/**
 * The first element inside another that matches a selector.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => E} [type] the class that it must have
 * @returns {E}
 */
export function part(parent, selector, type) {
  return checked(parent.querySelector(selector), selector, type);
}

/**
 * A control of a form, by its name.
 * @template {HTMLElement} [E=HTMLInputElement]
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {new () => E} [type] the class that it must have, if it is not an input
 * @returns {E}
 */
export function control(form, name, type) {
  const found = form.elements.namedItem(name);
  return checked(found instanceof Element ? found : null, name, type ?? /** @type {new () => E} */ (/** @type {unknown} */ (HTMLInputElement)));
}

/**
 * A copy of a template's first element.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @param {new () => E} [type] the class that it must have
 * @returns {E}
 */
export function cloneTemplate(id, type) {
  const copy = document.importNode(element(id, HTMLTemplateElement).content, true);
  return checked(copy.firstElementChild, `#${id}`, type);
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function create(tag, className = "", text = "") {
  const created = document.createElement(tag);
  if (className) created.className = className;
  if (text) created.textContent = text;
  return created;
}

/** @param {string} text @param {() => void} clicked @param {string} [className] */
export function createButton(text, clicked, className) {
  const button = create("button", className, text);
  button.type = "button";
  button.addEventListener("click", clicked);
  return button;
}

/** Set an element's text, unless it has it already: a selection or an announcement is not disturbed. @param {Element} place @param {string} text */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** The same; without text the element is hidden. @param {HTMLElement} place @param {string} text */
export function writeOrHide(place, text) {
  write(place, text);
  place.hidden = !text;
}

/** Give an element one child for each text, unless it has them already. @param {HTMLElement} place @param {"li" | "p"} tag @param {string[]} texts */
export function writeAll(place, tag, texts) {
  if (texts.join("\n") === [...place.children].map((child) => child.textContent).join("\n")) return;
  place.replaceChildren(...texts.map((text) => create(tag, "", text)));
}

/**
 * @template {HTMLElement} E
 * @param {Element | null} found
 * @param {string} name
 * @param {new () => E} [type]
 */
function checked(found, name, type) {
  if (!(found instanceof (type ?? HTMLElement))) throw new TypeError(`${name} is missing, or is not the expected element`);
  return /** @type {E} */ (found);
}
