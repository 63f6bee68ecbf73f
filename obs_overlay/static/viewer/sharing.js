// Sharing the captions: the page's address, its QR code, and the transcript.

import { channelPath, languageQuery } from "../shared/api.js";
import { copiesOnClick } from "../shared/clipboard.js";
import { element } from "../shared/dom.js";
import { masked } from "../shared/token.js";

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];

/** @param {string} channel @param {string} language of the page; "" for the original */
export function sharing(channel, language) {
  const query = languageQuery(language);
  const page = new URL(document.body.dataset.link ?? location.origin + location.pathname);
  if (language) page.searchParams.set("lang", language);
  element("address").textContent = masked(page.href);
  element("local").hidden = !LOCAL.includes(page.hostname);
  for (const download of document.querySelectorAll(".downloads a")) {
    /** @type {HTMLAnchorElement} */ (download).href += query;
  }
  /** @type {HTMLImageElement} */ (document.querySelector(".qr")).src += query;
  copiesOnClick(element("copy-link", HTMLButtonElement), () => page.href);
  copiesOnClick(element("copy-text", HTMLButtonElement), async () => {
    const response = await fetch(channelPath(channel, `/transcript.txt${query}`));
    if (!response.ok) throw new Error(String(response.status));
    return response.text();
  });
}
