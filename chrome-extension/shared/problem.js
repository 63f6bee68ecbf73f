// What went wrong, as one sentence.

/** @typedef {import("./state.js").Problem} Problem */

/** A problem that came as an error from another part: "code|detail". @param {unknown} error @returns {Problem} */
export function problemOf(error) {
  const [code, ...detail] = (error instanceof Error ? error.message : String(error)).split("|");
  if (/^[a-zA-Z]+$/.test(code)) return detail.length ? { code, detail: detail.join("|") } : { code };
  return { code: "unknown", detail: code };
}

/** @param {Problem} problem */
export function sentence({ code, detail = "" }) {
  return chrome.i18n.getMessage(`problem_${code}`, [detail]) || detail || chrome.i18n.getMessage("problem_unknown", [code]);
}
