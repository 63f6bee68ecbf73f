// What went wrong, as a sentence in the browser's language.

/** @import { Problem } from "./state.js" */

/** @param {Problem} problem */
export function sentence({ code, detail = "" }) {
  return chrome.i18n.getMessage(`problem_${code}`, [detail]) || detail || chrome.i18n.getMessage("problem_unknown", [code]);
}
