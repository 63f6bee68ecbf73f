// A transcript on the page: captions in paragraphs, one voice each.

/** @typedef {import("./captions.js").Caption} Caption */

const PARAGRAPH_PAUSE = 4; // seconds of silence that begin a new paragraph
const PARAGRAPH_LENGTH = 500; // characters
const VOICES = 6; // colours

export class Transcript {
  /** @param {HTMLElement} place @param {HTMLElement} empty shown while there is nothing */
  constructor(place, empty) {
    this.place = place;
    this.empty = empty;
    /** @type {Map<string, HTMLElement>} the span of each caption */
    this.spans = new Map();
    /** @type {string[]} in the order in which they were heard */
    this.voices = [];
  }

  /** Nothing that is open is going to be finished: what was sure of it stays. */
  settle() {
    for (const [id, span] of this.spans) {
      const [committed, tentative] = span.children;
      if (tentative.textContent) tentative.textContent = "";
      if (!committed.textContent) this.remove(id, span);
    }
  }

  clear() {
    this.place.replaceChildren();
    this.spans.clear();
    this.empty.hidden = false;
  }

  /**
   * Put a caption at the end, or its new revision where it is.
   * @param {Caption} caption
   * @returns {boolean} whether it became final just now: a correction of a final caption says nothing new
   */
  show(caption) {
    let span = this.spans.get(caption.id);
    if (!caption.text && !caption.tentative) {
      if (span) this.remove(caption.id, span);
      return false;
    }
    const before = span?.dataset.final === "true";
    if (!span) {
      span = this.add(caption);
      this.paragraph(caption, this.place).append(span, " ");
      this.empty.hidden = true;
    }
    this.write(span, caption);
    return caption.final && !before;
  }

  /** Put older captions before all others. @param {Caption[]} captions */
  prepend(captions) {
    const older = document.createElement("div");
    for (const caption of captions) {
      if (this.spans.has(caption.id)) continue;
      const span = this.add(caption);
      this.paragraph(caption, older).append(span, " ");
      this.write(span, caption);
    }
    this.place.prepend(...older.children);
  }

  /** @param {Caption} caption */
  add(caption) {
    const span = document.createElement("span");
    span.className = "caption";
    span.append(document.createElement("span"), document.createElement("span"));
    span.lastElementChild?.classList.add("tentative");
    this.spans.set(caption.id, span);
    return span;
  }

  /** @param {HTMLElement} span @param {Caption} caption */
  write(span, caption) {
    const [committed, tentative] = span.children;
    if (committed.textContent !== caption.text) committed.textContent = caption.text;
    if (tentative.textContent !== caption.tentative) tentative.textContent = caption.tentative;
    if (span.lang !== caption.lang) span.lang = caption.lang;
    span.dataset.end = String(caption.end);
    span.dataset.final = String(caption.final);
    this.attribute(span, caption);
  }

  /** See that a caption stands under who says it, which may have become known later. @param {HTMLElement} span @param {Caption} caption */
  attribute(span, caption) {
    const block = span.closest("section");
    const voice = caption.speaker ?? caption.source;
    if (!block || block.dataset.voice === voice) return;
    if (!span.previousElementSibling) return this.label(block, voice);
    const rest = this.block(caption);
    const text = /** @type {HTMLElement} */ (rest.querySelector("p"));
    for (let node = /** @type {ChildNode | null} */ (span); node;) {
      const next = node.nextSibling;
      text.append(node);
      node = next;
    }
    block.after(rest);
  }

  /** @param {HTMLElement} block @param {string} voice */
  label(block, voice) {
    if (!this.voices.includes(voice) && this.voices.length < 100) this.voices.push(voice);
    block.dataset.voice = voice;
    block.dataset.colour = String((Math.max(0, this.voices.indexOf(voice)) % VOICES) + 1);
    /** @type {HTMLElement} */ (block.querySelector(".who")).textContent = voice;
  }

  /** @param {string} id @param {HTMLElement} span */
  remove(id, span) {
    const block = span.closest("section");
    span.remove();
    this.spans.delete(id);
    if (block && !block.querySelector(".caption")) block.remove();
  }

  /** The paragraph to which a new caption belongs. @param {Caption} caption @param {HTMLElement} place */
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
    return /** @type {HTMLElement} */ (block.querySelector("p"));
  }

  /** An empty paragraph that begins with a caption. @param {Caption} caption */
  block(caption) {
    const block = document.createElement("section");
    block.className = "paragraph";
    const head = document.createElement("h2");
    const who = document.createElement("span");
    who.className = "who";
    const time = document.createElement("time");
    time.textContent = clock(caption.start);
    head.append(who, " ", time);
    const text = document.createElement("p");
    text.dir = "auto";
    block.append(head, text);
    this.label(block, caption.speaker ?? caption.source);
    return block;
  }
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  return `${Math.floor(whole / 3600)}:${minutes}:${rest}`;
}
