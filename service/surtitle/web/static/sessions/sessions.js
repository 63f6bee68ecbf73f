// The list of sessions: the newest, or those that a search finds.

import { BASE, ServiceError, getSessions } from "../overlay/shared/api.js";
import { cloneTemplate, control, create, element, part, writeOrHide } from "../overlay/shared/dom.js";
import { formatClock } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";
import { sessionFacts, sessionTitle } from "./summary.js";

/** @import { SearchHit, Session } from "../overlay/shared/protocol.js" */

const PAGE = 100; // sessions in one answer

const list = element("sessions");
const form = element("search", HTMLFormElement);
const field = control(form, "q");
const message = element("message");
const older = element("older");
const page = new URL(location.href);
/** @type {Session | undefined} the last one in the list */
let last;

field.value = page.searchParams.get("q") ?? "";
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = field.value.trim();
  if (words) page.searchParams.set("q", words);
  else page.searchParams.delete("q");
  history.replaceState(null, "", page);
  show();
});
field.addEventListener("search", () => field.value || form.requestSubmit()); // the cross in the field
older.addEventListener("click", () => show(true));
show();

/** @param {boolean} more whether to add older sessions to those in the list */
async function show(more = false) {
  const words = field.value.trim();
  const channel = page.searchParams.get("channel");
  const query = new URLSearchParams();
  if (channel) query.set("channel", channel);
  if (words) query.set("q", words);
  else if (more && last) query.set("before", String(last.began));
  try {
    const { sessions } = await getSessions(query);
    const rows = sessions.map((session) => row(session, words));
    if (more) list.append(...rows);
    else list.replaceChildren(...rows);
    last = sessions.at(-1);
    older.hidden = sessions.length < PAGE || Boolean(words);
    message.textContent = sessions.length ? "" : nothingFound(words);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    message.textContent = error.message;
  }
}

/** @param {string} words */
function nothingFound(words) {
  return words ? t("Nothing found.") : t("There are no sessions yet: one begins as soon as a source sends audio.");
}

/** @param {Session} session @param {string} words that were searched for */
function row(session, words) {
  const item = cloneTemplate("session-template");
  const address = `${BASE}/sessions/${encodeURIComponent(session.id)}`;
  const title = part(item, ".title", HTMLAnchorElement);
  title.href = address;
  title.textContent = sessionTitle(session);
  part(item, ".facts").textContent = sessionFacts(session);
  writeOrHide(part(item, ".excerpt"), session.hits ? "" : session.beginning);
  const hits = part(item, ".hits");
  hits.hidden = !session.hits;
  hits.append(...(session.hits ?? []).map((hit) => hitRow(address, hit, words)));
  return item;
}

/** @param {string} address of the session @param {SearchHit} hit @param {string} words */
function hitRow(address, { start, text }, words) {
  const link = create("a", "", formatClock(start));
  link.href = `${address}#t=${start}`;
  const quote = create("span");
  quote.dir = "auto";
  quote.append(...marked(text, words));
  const item = create("li");
  item.append(link, " ", quote);
  return item;
}

/** A text in which words that begin like one of the searched words are marked. @param {string} text @param {string} words */
function marked(text, words) {
  const wanted = normalized(words).match(/[\p{L}\p{N}_]+/gu) ?? [];
  return text.split(/([\p{L}\p{N}\p{M}_]+)/u).map((piece) => {
    const found = wanted.some((word) => normalized(piece).startsWith(word));
    return found ? create("mark", "", piece) : piece;
  });
}

/** Without accents and capitals. @param {string} text */
function normalized(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
