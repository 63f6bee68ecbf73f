// The viewer: the whole session as a page to read, following the speech.

import { follow } from "./captions.js";
import { t } from "./i18n.js";
import { chosenLanguage, languageMenu } from "./languages.js";
import { readingPreferences } from "./reading.js";
import { sharing } from "./sharing.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("./captions.js").Caption} Caption */

const BATCH = 300; // captions that are put on the page at once
const NEAR = 80; // pixels from the end that count as the end

const channel = document.body.dataset.channel ?? "main";
const language = chosenLanguage(channel);
const transcript = new Transcript(element("transcript"), element("empty"));
const announcer = element("announcer");
const earlier = element("earlier");
const followButton = element("follow");
/** @type {Record<string, string>} */
const STATES = { live: t("Live"), lost: t("Reconnecting"), refused: t("This link is no longer valid: ask for a new one.") };
/** What was said before this page was opened and is not on it yet. @type {Caption[]} */
let before = [];
let following = true;

readingPreferences(() => following && toEnd());
sharing(channel, language);
languageMenu(channel, language);
followButton.addEventListener("click", () => {
  following = true;
  toEnd();
});
earlier.addEventListener("click", showEarlier);
new IntersectionObserver(([entry]) => {
  if (entry.isIntersecting && !following) showEarlier();
}).observe(earlier);
addEventListener("scroll", () => {
  following = innerHeight + scrollY >= document.documentElement.scrollHeight - NEAR;
  followButton.hidden = following;
}, { passive: true });

start();

async function start() {
  try {
    const query = language ? `?lang=${encodeURIComponent(language)}` : "";
    const answer = await fetch(`/api/channels/${encodeURIComponent(channel)}/transcript.json${query}`);
    if (answer.status === 401 || answer.status === 403) {
      state("refused");
      return;
    }
    const history = await answer.json();
    if (!answer.ok) {
      translation("failed", history.message);
      if (answer.status >= 500) listen("");
      return;
    }
    before = history.captions.map((/** @type {any} */ caption) => ({ ...caption, rev: 0, tentative: "", final: true }));
    for (const caption of before.splice(-BATCH)) transcript.show(caption);
    earlier.hidden = !before.length;
    toEnd();
    listen(history.resume);
  } catch {
    setTimeout(start, 2000);
    state("lost");
  }
}

/** @param {string} last */
function listen(last) {
  follow(channel, {
    caption(caption) {
      if (correct(caption)) return;
      if (transcript.show(caption)) announce(caption);
      if (following) toEnd();
    },
    clear() {
      before = [];
      earlier.hidden = true;
      transcript.clear();
    },
    restarted: () => transcript.settle(),
    state,
    translation,
  }, { last, lang: language });
}

function showEarlier() {
  const height = document.documentElement.scrollHeight;
  transcript.prepend(before.splice(-BATCH));
  earlier.hidden = !before.length;
  scrollBy({ top: document.documentElement.scrollHeight - height, behavior: "instant" });
}

/** A caption that is not on the page yet is put right where it waits. @param {Caption} caption */
function correct(caption) {
  const place = before.findIndex((one) => one.id === caption.id);
  if (place < 0) return false;
  before.splice(place, 1, ...(caption.text ? [caption] : []));
  earlier.hidden = !before.length;
  return true;
}

/** Screen readers hear committed text only, once. @param {Caption} caption */
function announce(caption) {
  const line = document.createElement("p");
  line.textContent = caption.text;
  announcer.append(line);
  while (announcer.childElementCount > 5) announcer.firstElementChild?.remove();
}

/** How the translation stands. @param {string} name @param {string} message */
function translation(name, message) {
  const place = element("translation");
  place.textContent = name === "live" ? "" : name === "behind" || name === "failed" ? message
    : name === "waiting" ? t("The translation begins when somebody speaks.")
    : t("The translation is being prepared: the first time, this can take a while.");
  place.hidden = !place.textContent;
  place.dataset.state = name;
}

/** @param {string} name */
function state(name) {
  const place = element("state");
  place.dataset.state = name;
  place.textContent = STATES[name] ?? name;
}

function toEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
