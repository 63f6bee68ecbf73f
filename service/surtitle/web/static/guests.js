// Tokens for others, where the service wants them: a link is made, shown once, and can be taken back.

import { t } from "/static/overlay/i18n.js";
import { masked } from "/static/overlay/token.js";

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} name
 * @property {string} scope
 * @property {string} channel
 * @property {number} expires seconds since 1970
 * @property {number | null} revoked
 */

/** @type {Record<string, () => string>} */
const SCOPES = { view: () => t("can read"), publish: () => t("can send sound"), admin: () => t("can do everything") };
const EVERY = "*";

const section = element("guests");
const form = /** @type {HTMLFormElement} */ (section.querySelector("form"));
const said = /** @type {HTMLElement} */ (section.querySelector(".said"));
const made = /** @type {HTMLElement} */ (section.querySelector(".made"));
let place = ""; // the service's address as others see it

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wish = Object.fromEntries(new FormData(form));
  const answer = await ask("/api/tokens", { method: "POST", body: JSON.stringify(wish) });
  if (!answer) return;
  show(String(wish.scope), String(wish.channel), answer.token);
  list();
});
/** @type {HTMLElement} */ (made.querySelector("button")).addEventListener("click", async () => {
  await navigator.clipboard.writeText(made.dataset.link ?? "");
  say(t("Copied"), true);
});

/**
 * What the service says of links; without them nobody needs a token.
 * @param {Record<string, {viewer: string}> | undefined} links by channel
 * @param {string[]} channels
 */
export function showGuests(links, channels) {
  const first = Object.values(links ?? {})[0];
  if (first && section.hidden) list();
  section.hidden = !first;
  if (!first) return;
  place = new URL(first.viewer).origin;
  const choice = /** @type {HTMLSelectElement} */ (form.elements.namedItem("channel"));
  const wanted = [...channels, EVERY];
  if (wanted.join("\n") === [...choice.options].map((one) => one.value).join("\n")) return;
  const before = choice.value;
  choice.replaceChildren(...wanted.map((name) => new Option(name === EVERY ? t("all channels") : name, name)));
  if (wanted.includes(before)) choice.value = before;
}

/** @param {string} scope @param {string} channel @param {string} token */
function show(scope, channel, token) {
  const page = scope === "admin" ? "/" : `/view/${encodeURIComponent(channel === EVERY ? "main" : channel)}`;
  const link = scope === "publish" ? token : `${place}${page}?token=${token}`;
  /** @type {HTMLOutputElement} */ (made.querySelector("output")).value = scope === "publish" ? "…" : masked(link);
  made.dataset.link = link;
  made.hidden = false;
  say(scope === "publish"
    ? t("Enter it as the token in the extension or in OBS. It is shown this once.")
    : t("Pass this link on. It is shown this once."), true);
}

async function list() {
  const answer = await ask("/api/tokens", {});
  if (!answer) return;
  const rows = answer.tokens.filter((/** @type {Entry} */ one) => one.revoked === null).map(row);
  section.querySelector("ul")?.replaceChildren(...rows.reverse());
}

/** @param {Entry} entry */
function row({ id, name, scope, channel, expires }) {
  const item = document.createElement("li");
  const who = document.createElement("span");
  who.textContent = name || id;
  const what = document.createElement("span");
  const where = channel === EVERY ? t("all channels") : channel;
  const until = new Date(expires * 1000).toLocaleDateString(document.documentElement.lang);
  what.textContent = t("{what} in {where} until {until}", { what: SCOPES[scope]?.() ?? scope, where, until });
  what.className = "what";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = t("Take back");
  button.setAttribute("aria-label", `${t("Take back")}: ${who.textContent}`);
  button.addEventListener("click", async () => {
    if (await ask(`/api/tokens/${encodeURIComponent(id)}`, { method: "DELETE" })) item.remove();
  });
  item.append(who, what, button);
  return item;
}

/** @param {string} address @param {RequestInit} request @returns {Promise<any>} null if it was refused, and that is said */
async function ask(address, request) {
  try {
    const answer = await fetch(address, request);
    const told = await answer.json();
    if (!answer.ok) say(told.message);
    return answer.ok ? told : null;
  } catch {
    say(t("The service does not answer."));
    return null;
  }
}

/** @param {string} text @param {boolean} [good] */
function say(text, good = false) {
  said.textContent = text;
  said.dataset.good = String(good);
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
