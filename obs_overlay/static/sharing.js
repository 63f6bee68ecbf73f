// Giving the captions to others: the page's address, the transcript.

import { t } from "./i18n.js";
import { masked } from "./token.js";

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];
const TOLD = 1500; // milliseconds

/** @param {string} channel */
export function sharing(channel) {
  const link = document.body.dataset.link ?? location.origin + location.pathname;
  const address = /** @type {HTMLElement} */ (document.getElementById("address"));
  address.textContent = masked(link);
  /** @type {HTMLElement} */ (document.getElementById("local")).hidden = !LOCAL.includes(new URL(link).hostname);
  copier("copy-link", async () => link);
  copier("copy-text", async () => {
    const answer = await fetch(`/api/channels/${encodeURIComponent(channel)}/transcript.txt`);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  });
}

/** @param {string} id @param {() => Promise<string>} text */
function copier(id, text) {
  const button = /** @type {HTMLButtonElement} */ (document.getElementById(id));
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(await text());
      button.textContent = t("Copied");
    } catch {
      button.textContent = t("That did not work: try again.");
    }
    setTimeout(() => (button.textContent = label), TOLD);
  });
}

/** The clipboard proper exists on secure pages only, and a phone in the same network reads an insecure one. @param {string} text */
async function copy(text) {
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
