// A session's transcript: paragraphs whose words have times.

import { create, createButton } from "../overlay/shared/dom.js";
import { formatClock } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";

/** @import { DifferenceLine, FinalCaption, SessionDifference } from "../overlay/shared/protocol.js" */

const PAUSE = 4; // seconds of silence that begin a new paragraph
const LENGTH = 500; // characters
const VOICES = 6; // colors
/** @type {Record<DifferenceLine["parts"][number][0], "ins" | "del" | "span">} */
const TAGS = { new: "ins", gone: "del", same: "span" };

/** @param {HTMLElement} place @param {FinalCaption[]} captions */
export function showTranscript(place, captions) {
  const paragraphs = new Paragraphs();
  /** @type {FinalCaption | undefined} */
  let before;
  let length = 0;
  for (const caption of captions) {
    const voice = voiceOf(caption);
    if (!before || voice !== voiceOf(before) || caption.start - before.end > PAUSE || length > LENGTH) {
      paragraphs.begin(voice, caption.start);
      length = 0;
    }
    appendWords(paragraphs.text, caption);
    paragraphs.text.append(" ");
    length += caption.text.length;
    before = caption;
  }
  place.replaceChildren(...paragraphs.all);
  if (!captions.length) place.textContent = t("Nothing was said.");
}

/** @param {HTMLElement} place @param {SessionDifference} difference @param {HTMLElement} summary */
export function showDifference(place, { words, new: added, gone, lines }, summary) {
  summary.textContent = t("{new} of {words} words are new, {gone} were removed.", { new: added, words, gone });
  const paragraphs = new Paragraphs();
  for (const { start, voice, parts } of lines) {
    paragraphs.begin(voice, start);
    for (const [kind, text] of parts) paragraphs.text.append(create(TAGS[kind], "", text), " ");
  }
  place.replaceChildren(...paragraphs.all);
}

/** The words come from the list of words, the spaces between them from the text: some scripts have none. @param {HTMLElement} place @param {FinalCaption} caption */
function appendWords(place, { text, words }) {
  let at = 0;
  for (const { w, s, e } of words) {
    const found = text.indexOf(w, at);
    if (found > at) place.append(text.slice(at, found));
    const word = create("span", "word", w);
    word.dataset.start = String(s);
    word.dataset.end = String(e);
    place.append(word);
    at = Math.max(at, found + w.length);
  }
}

/** @param {FinalCaption} caption */
function voiceOf({ speaker, source }) {
  return speaker ?? source;
}

class Paragraphs {
  constructor() {
    /** @type {HTMLElement[]} */
    this.all = [];
    /** @type {string[]} in the order in which they were first heard */
    this.voices = [];
    this.text = create("p"); // of the last paragraph
  }

  /** @param {string} voice @param {number} start */
  begin(voice, start) {
    if (!this.voices.includes(voice)) this.voices.push(voice);
    const jump = createButton(formatClock(start), () => {}, "jump"); // clicks bubble to the transcript, see `Playback`
    jump.dataset.start = String(start);
    jump.setAttribute("aria-label", t("Listen from {time}", { time: formatClock(start) }));
    const head = create("div", "head");
    head.append(create("h3", "", voice), jump);
    this.text = create("p");
    this.text.dir = "auto";
    const block = create("section", "paragraph");
    block.dataset.color = String((this.voices.indexOf(voice) % VOICES) + 1);
    block.append(head, this.text);
    this.all.push(block);
  }
}
