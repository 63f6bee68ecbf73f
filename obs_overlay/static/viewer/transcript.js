// A transcript that grows: captions in paragraphs of one voice each.

import { create, part, write } from "../shared/dom.js";
import { formatClock } from "../shared/format.js";

/** @import { CaptionEvent } from "../shared/protocol.js" */

const PARAGRAPH_PAUSE = 4; // seconds of silence that begin a new paragraph
const PARAGRAPH_LENGTH = 500; // characters
const VOICES = 6; // colors
const MAX_VOICES = 100; // that have a color of their own

export class Transcript {
  /** @param {HTMLElement} place @param {HTMLElement} empty shown while there are no captions */
  constructor(place, empty) {
    this.place = place;
    this.empty = empty;
    /** @type {Map<string, HTMLElement>} by caption id */
    this.spans = new Map();
    /** @type {string[]} in the order in which they were first heard */
    this.voices = [];
  }

  /** No open caption is going to be finished: keep the committed words. */
  settle() {
    for (const [id, span] of this.spans) {
      const [committed, tentative] = span.children;
      write(tentative, "");
      if (!committed.textContent) this.remove(id, span);
    }
  }

  clear() {
    this.place.replaceChildren();
    this.spans.clear();
    this.empty.hidden = false;
  }

  /**
   * Add a caption at the end, or show a new revision of one in its place.
   * @param {CaptionEvent} caption
   * @returns {boolean} whether it has just become final; false for corrections of final captions
   */
  show(caption) {
    let span = this.spans.get(caption.id);
    if (!caption.text && !caption.tentative) {
      if (span) this.remove(caption.id, span);
      return false;
    }
    const wasFinal = span?.dataset.final === "true";
    if (!span) {
      span = this.add(caption);
      this.paragraph(caption, this.place).append(span, " ");
      this.empty.hidden = true;
    }
    this.update(span, caption);
    return caption.final && !wasFinal;
  }

  /** Add older captions before all others. @param {CaptionEvent[]} captions */
  prepend(captions) {
    const older = create("div");
    for (const caption of captions) {
      if (this.spans.has(caption.id)) continue;
      const span = this.add(caption);
      this.paragraph(caption, older).append(span, " ");
      this.update(span, caption);
    }
    this.place.prepend(...older.children);
  }

  /** @param {CaptionEvent} caption */
  add(caption) {
    const span = create("span", "caption");
    span.append(create("span"), create("span", "tentative"));
    this.spans.set(caption.id, span);
    return span;
  }

  /** @param {HTMLElement} span @param {CaptionEvent} caption */
  update(span, caption) {
    const [committed, tentative] = span.children;
    write(committed, caption.text);
    write(tentative, caption.tentative);
    if (span.lang !== caption.lang) span.lang = caption.lang;
    span.dataset.end = String(caption.end);
    span.dataset.final = String(caption.final);
    this.attribute(span, caption);
  }

  /** Move a caption to its speaker, who may become known later than the words. @param {HTMLElement} span @param {CaptionEvent} caption */
  attribute(span, caption) {
    const block = span.closest("section");
    const voice = caption.speaker ?? caption.source;
    if (!block || block.dataset.voice === voice) return;
    if (!span.previousElementSibling) return this.label(block, voice);
    const rest = this.block(caption);
    const text = part(rest, "p");
    for (let node = /** @type {ChildNode | null} */ (span); node;) {
      const next = node.nextSibling;
      text.append(node);
      node = next;
    }
    block.after(rest);
  }

  /** @param {HTMLElement} block @param {string} voice */
  label(block, voice) {
    if (!this.voices.includes(voice) && this.voices.length < MAX_VOICES) this.voices.push(voice);
    block.dataset.voice = voice;
    block.dataset.color = String((Math.max(0, this.voices.indexOf(voice)) % VOICES) + 1);
    part(block, ".speaker").textContent = voice;
  }

  /** @param {string} id @param {HTMLElement} span */
  remove(id, span) {
    const block = span.closest("section");
    span.remove();
    this.spans.delete(id);
    if (block && !block.querySelector(".caption")) block.remove();
  }

  /** The paragraph that a new caption belongs to. @param {CaptionEvent} caption @param {HTMLElement} place */
  paragraph(caption, place) {
    const voice = caption.speaker ?? caption.source;
    const last = /** @type {HTMLElement | null} */ (place.lastElementChild);
    const open = last?.querySelector("p");
    const before = /** @type {HTMLElement | null | undefined} */ (open?.lastElementChild);
    if (last && open && last.dataset.voice === voice
        && caption.start - Number(before?.dataset.end ?? 0) < PARAGRAPH_PAUSE
        && (open.textContent ?? "").length < PARAGRAPH_LENGTH) {
      return open;
    }
    const block = this.block(caption);
    place.append(block);
    return part(block, "p");
  }

  /** An empty paragraph for a caption. @param {CaptionEvent} caption */
  block(caption) {
    const head = create("h2");
    head.append(create("span", "speaker"), " ", create("time", "", formatClock(caption.start)));
    const text = create("p");
    text.dir = "auto";
    const block = create("section", "paragraph");
    block.append(head, text);
    this.label(block, caption.speaker ?? caption.source);
    return block;
  }
}
