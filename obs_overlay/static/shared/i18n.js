// The interface's texts in the language of the page, which brings them as JSON; the English text is the key.

/** @type {Record<string, string>} */
const messages = JSON.parse(document.getElementById("messages")?.textContent || "{}");

/**
 * @param {string} text in English
 * @param {Record<string, string | number>} [values] for the names in braces
 */
export function t(text, values = {}) {
  return (messages[text] ?? text).replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}
