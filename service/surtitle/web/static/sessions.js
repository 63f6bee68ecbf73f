// All sessions: the newest, or those in which something was said.

import { t } from "/static/overlay/i18n.js";
import { clock } from "/static/recording.js";

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {string} channel
 * @property {number} began seconds since 1970
 * @property {number | null} ended null while it goes on
 * @property {number} captions
 * @property {number} seconds
 * @property {string} beginning
 * @property {string[]} versions
 * @property {string[]} languages of translations
 * @property {boolean} recording
 * @property {{start: number, seconds: number, ready: number} | null} audio
 * @property {{file: string, source: string, start: number, seconds: number, bytes: number, problem: string}[]} recordings
 * @property {{state: string, done: number, message: string} | null} polish
 * @property {{start: number, text: string, lang: string}[]} [hits]
 */

const ALL = 100; // sessions in one answer

/** @param {Session} session */
export function titleOf({ channel, began }) {
  const when = new Date(began * 1000).toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  return `${channel}, ${when}`;
}

/** @param {Session} session */
export function factsOf({ seconds, captions, audio, recording, ended, versions }) {
  return [
    clock(seconds),
    t("captions: {captions}", { captions }),
    recording ? t("is being recorded") : audio ? t("recorded") : t("not recorded"),
    ended === null && !recording ? t("goes on") : "",
    versions.includes("polished") ? t("transcribed again") : "",
  ].filter(Boolean).join(" · ");
}

const list = document.getElementById("sessions");
if (list) start(list);

/** @param {HTMLElement} list */
function start(list) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("search"));
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("q"));
  const told = /** @type {HTMLElement} */ (document.getElementById("told"));
  const older = /** @type {HTMLButtonElement} */ (document.getElementById("older"));
  const place = new URL(location.href);
  field.value = place.searchParams.get("q") ?? "";
  /** @type {Session | undefined} the last one that is on the page */
  let last;

  async function show(more = false) {
    const query = new URLSearchParams();
    const channel = place.searchParams.get("channel");
    if (channel) query.set("channel", channel);
    if (field.value.trim()) query.set("q", field.value.trim());
    else if (more && last) query.set("before", String(last.began));
    try {
      const answer = await fetch(`/api/sessions?${query}`);
      if (!answer.ok) throw new Error((await answer.json()).message);
      /** @type {Session[]} */
      const sessions = (await answer.json()).sessions;
      const rows = sessions.map((session) => row(session, field.value));
      if (more) list.append(...rows);
      else list.replaceChildren(...rows);
      last = sessions.at(-1);
      older.hidden = sessions.length < ALL || Boolean(field.value.trim());
      told.textContent = sessions.length ? "" : field.value.trim()
        ? t("Nobody said that.") : t("There are no sessions yet: they begin as soon as a source sends audio.");
    } catch (error) {
      told.textContent = error instanceof TypeError ? t("The service does not answer.") : String(/** @type {Error} */ (error).message);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) place.searchParams.set("q", field.value.trim());
    else place.searchParams.delete("q");
    history.replaceState(null, "", place);
    show();
  });
  field.addEventListener("search", () => field.value || form.requestSubmit()); // the cross in the field
  older.addEventListener("click", () => show(true));
  show();
}

/** @param {Session} session @param {string} query */
function row(session, query) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("session-template"));
  const item = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const title = /** @type {HTMLAnchorElement} */ (item.querySelector(".title"));
  const address = `/sessions/${encodeURIComponent(session.id)}`;
  title.href = address;
  title.textContent = titleOf(session);
  /** @type {HTMLElement} */ (item.querySelector(".facts")).textContent = factsOf(session);
  const beginning = /** @type {HTMLElement} */ (item.querySelector(".beginning"));
  beginning.textContent = session.hits ? "" : session.beginning;
  beginning.hidden = !beginning.textContent;
  const hits = /** @type {HTMLElement} */ (item.querySelector(".hits"));
  hits.hidden = !session.hits;
  for (const hit of session.hits ?? []) {
    const link = document.createElement("a");
    link.href = `${address}#t=${hit.start}`;
    link.textContent = clock(hit.start);
    const text = document.createElement("span");
    text.dir = "auto";
    text.append(...marked(hit.text, query));
    const one = document.createElement("li");
    one.append(link, " ", text);
    hits.append(one);
  }
  return item;
}

/** The text, with the words marked that begin as one of the words that were looked for. @param {string} text @param {string} query */
function marked(text, query) {
  const wanted = plain(query).match(/[\p{L}\p{N}_]+/gu) ?? [];
  return text.split(/([\p{L}\p{N}\p{M}_]+)/u).map((part) => {
    if (!wanted.some((word) => plain(part).startsWith(word))) return part;
    const mark = document.createElement("mark");
    mark.textContent = part;
    return mark;
  });
}

/** @param {string} text */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
