// Copying to the clipboard, with feedback on the button.

import { t } from "./i18n.js";

const FEEDBACK = 1500; // milliseconds

/** Let a button copy a text when it is clicked. @param {HTMLButtonElement} button @param {() => string | Promise<string>} text */
export function copiesOnClick(button, text) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(await text());
      button.textContent = t("Copied");
    } catch {
      button.textContent = t("Copying failed: try again.");
    }
    setTimeout(() => (button.textContent = label), FEEDBACK);
  });
}

/** Browsers have `navigator.clipboard` on secure pages only; phones in the same network read an insecure one. @param {string} text */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copy");
}
