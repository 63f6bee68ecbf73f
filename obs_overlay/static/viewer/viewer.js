// The viewer: a channel's transcript as a page to read, which follows the speech.

import { ServiceError, getTranscript } from "../shared/api.js";
import { followCaptions } from "../shared/captions.js";
import { create, element, write, writeOrHide } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { languageMenu, preferredLanguage } from "./language-menu.js";
import { readingPreferences } from "./reading.js";
import { keepScreenOn } from "./screen.js";
import { sharing } from "./sharing.js";
import { Transcript } from "./transcript.js";

/**
 * @import { ConnectionState } from "../shared/captions.js"
 * @import { CaptionEvent, TranslationEvent } from "../shared/protocol.js"
 */

const BATCH = 300; // captions that are added to the page at once
const NEAR = 80; // pixels from the end that count as the end
const RETRY = 2000; // milliseconds
const ANNOUNCED = 5; // lines kept for screen readers

const channel = document.body.dataset.channel ?? "main";
const language = preferredLanguage(channel);
const transcript = new Transcript(element("transcript"), element("empty"));
const announcer = element("announcer");
const earlier = element("earlier");
const followButton = element("follow");
/** @type {Record<ConnectionState, string>} */
const STATES = {
  live: t("Waiting for captions"), lost: t("Reconnecting"), refused: t("This link is no longer valid: ask for a new one."),
};
/** Captions from before this page was opened that are not on it yet. @type {CaptionEvent[]} */
let before = [];
let following = true;
const captionsRun = keepScreenOn();

readingPreferences(() => following && scrollToEnd());
sharing(channel, language);
languageMenu(channel, language);
followButton.addEventListener("click", () => {
  following = true;
  scrollToEnd();
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
    const history = await getTranscript(channel, language);
    before = history.captions.map((caption) => ({ ...caption, rev: 0, tentative: "", final: true }));
    if (before.length) captionsSeen();
    for (const caption of before.splice(-BATCH)) transcript.show(caption);
    earlier.hidden = !before.length;
    scrollToEnd();
    follow(history.resume);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    startFailed(error);
  }
}

/** There are captions: a channel whose name is mistyped never has any, and is not called live. */
function captionsSeen() {
  STATES.live = t("Live");
  if (element("state").dataset.state === "live") showState("live");
}

/** @param {ServiceError} error */
function startFailed({ status, message }) {
  if (status === 401 || status === 403) return showState("refused");
  if (status) showTranslation("failed", message);
  if (status >= 500) return follow("");
  if (status) return;
  setTimeout(start, RETRY);
  showState("lost");
}

/** @param {string} last event that the page has */
function follow(last) {
  followCaptions(channel, {
    caption(caption) {
      captionsSeen();
      captionsRun();
      if (replaceWaiting(caption)) return;
      if (transcript.show(caption)) announce(caption);
      if (following) scrollToEnd();
    },
    clear() {
      before = [];
      earlier.hidden = true;
      transcript.clear();
    },
    restarted: () => transcript.settle(),
    state: showState,
    translation: showTranslation,
  }, { last, lang: language });
}

function showEarlier() {
  const height = document.documentElement.scrollHeight;
  transcript.prepend(before.splice(-BATCH));
  earlier.hidden = !before.length;
  scrollBy({ top: document.documentElement.scrollHeight - height, behavior: "instant" });
}

/** Apply a correction to a caption that is not on the page yet. @param {CaptionEvent} caption @returns {boolean} whether it is one */
function replaceWaiting(caption) {
  const index = before.findIndex(({ id }) => id === caption.id);
  if (index < 0) return false;
  before.splice(index, 1, ...(caption.text ? [caption] : []));
  earlier.hidden = !before.length;
  return true;
}

/** Screen readers read committed text only, and once. @param {CaptionEvent} caption */
function announce(caption) {
  announcer.append(create("p", "", caption.text));
  while (announcer.childElementCount > ANNOUNCED) announcer.firstElementChild?.remove();
}

/** @param {TranslationEvent["state"]} state @param {string} message */
function showTranslation(state, message) {
  const place = element("translation");
  writeOrHide(place, translationText(state, message));
  place.dataset.state = state;
}

/** @param {TranslationEvent["state"]} state @param {string} message */
function translationText(state, message) {
  switch (state) {
    case "live":
      return "";
    case "behind":
    case "failed":
      return message;
    case "waiting":
      return t("The translation begins when somebody speaks.");
    default:
      return t("The translation is being prepared: the first time, this can take a while.");
  }
}

/** @param {ConnectionState} state */
function showState(state) {
  const place = element("state");
  place.dataset.state = state;
  write(place, STATES[state]);
}

function scrollToEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}
