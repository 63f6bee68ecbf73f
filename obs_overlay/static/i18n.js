// Texts of the interface in the page's language. The page brings them as JSON; English is the key.

/** @type {Record<string, string>} */
const messages = JSON.parse(document.getElementById("messages")?.textContent || "{}");

/**
 * @param {string} text in English
 * @param {Record<string, string | number>} [values] for what stands in braces
 */
export function t(text, values = {}) {
  return (messages[text] ?? text).replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}
