// A session's transcript as paragraphs whose words know when they were said.

import { t } from "/static/overlay/i18n.js";
import { clock } from "/static/recording.js";

/**
 * @typedef {object} Said
 * @property {string} source
 * @property {string | null} speaker
 * @property {number} start seconds on the channel's clock
 * @property {number} end
 * @property {string} text
 * @property {{w: string, s: number, e: number}[]} words
 *
 * @typedef {{words: number, new: number, gone: number,
 *   lines: {start: number, voice: string, parts: [string, string][]}[]}} Difference
 */

const PAUSE = 4; // seconds of silence that begin a new paragraph
const LENGTH = 500; // characters
const VOICES = 6; // colours

/** @param {HTMLElement} place @param {Said[]} captions */
export function showTranscript(place, captions) {
  const paragraphs = new Paragraphs();
  /** @type {Said | undefined} */
  let before;
  let length = 0;
  for (const caption of captions) {
    const voice = caption.speaker ?? caption.source;
    if (!before || voice !== (before.speaker ?? before.source) || caption.start - before.end > PAUSE || length > LENGTH) {
      paragraphs.begin(voice, caption.start);
      length = 0;
    }
    // the words give the places, the text the spaces between them: not every script has any
    let at = 0;
    for (const { w, s, e } of caption.words) {
      const found = caption.text.indexOf(w, at);
      if (found > at) paragraphs.text.append(caption.text.slice(at, found));
      const word = document.createElement("span");
      word.className = "word";
      word.dataset.start = String(s);
      word.dataset.end = String(e);
      word.textContent = w;
      paragraphs.text.append(word);
      at = Math.max(at, found + w.length);
    }
    paragraphs.text.append(" ");
    length += caption.text.length;
    before = caption;
  }
  place.replaceChildren(...paragraphs.all);
  if (!captions.length) place.textContent = t("Nothing was said.");
}

/** @param {HTMLElement} place @param {Difference} difference @param {HTMLElement} summary */
export function showDifference(place, { words, new: came, gone, lines }, summary) {
  summary.textContent = t("{new} of {words} words are new, {gone} are gone.", { new: came, words, gone });
  const paragraphs = new Paragraphs();
  for (const { start, voice, parts } of lines) {
    paragraphs.begin(voice, start);
    for (const [kind, text] of parts) {
      const part = document.createElement(kind === "new" ? "ins" : kind === "gone" ? "del" : "span");
      part.textContent = text;
      paragraphs.text.append(part, " ");
    }
  }
  place.replaceChildren(...paragraphs.all);
}

class Paragraphs {
  constructor() {
    /** @type {HTMLElement[]} */
    this.all = [];
    /** @type {string[]} in the order in which they are heard */
    this.voices = [];
    this.text = document.createElement("p");
  }

  /** @param {string} voice @param {number} start */
  begin(voice, start) {
    if (!this.voices.includes(voice)) this.voices.push(voice);
    const block = document.createElement("section");
    block.className = "paragraph";
    block.dataset.colour = String((this.voices.indexOf(voice) % VOICES) + 1);
    const head = document.createElement("h3");
    head.textContent = voice;
    const jump = document.createElement("button");
    jump.type = "button";
    jump.className = "jump";
    jump.dataset.start = String(start);
    jump.textContent = clock(start);
    jump.setAttribute("aria-label", t("Listen from {time}", { time: clock(start) }));
    const line = document.createElement("div");
    line.className = "head";
    line.append(head, jump);
    this.text = document.createElement("p");
    this.text.dir = "auto";
    block.append(line, this.text);
    this.all.push(block);
  }
}
