// Giving the captions to others: the page's address, the transcript.

import { t } from "./i18n.js";
import { masked } from "./token.js";

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];
const TOLD = 1500; // milliseconds

/** @param {string} channel @param {string} language of the page; "" for what is spoken */
export function sharing(channel, language) {
  const query = language ? `?lang=${encodeURIComponent(language)}` : "";
  const page = new URL(document.body.dataset.link ?? location.origin + location.pathname);
  if (language) page.searchParams.set("lang", language);
  const link = page.href;
  const address = /** @type {HTMLElement} */ (document.getElementById("address"));
  address.textContent = masked(link);
  /** @type {HTMLElement} */ (document.getElementById("local")).hidden = !LOCAL.includes(page.hostname);
  for (const download of document.querySelectorAll(".downloads a")) {
    /** @type {HTMLAnchorElement} */ (download).href += query;
  }
  const code = /** @type {HTMLImageElement} */ (document.querySelector(".qr"));
  code.src += query;
  copier("copy-link", async () => link);
  copier("copy-text", async () => {
    const answer = await fetch(`/api/channels/${encodeURIComponent(channel)}/transcript.txt${query}`);
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
