// One block of lines on the overlay: the captions of a channel in one language.

import { balanced, lines } from "./lines.js";
import { PageQueue } from "./page-queue.js";
import { Rows } from "./rows.js";

/**
 * @import { CaptionEvent } from "../shared/protocol.js"
 * @import { CompleteStyle } from "../shared/themes.js"
 * @import { Line } from "./lines.js"
 */

const RECENT = 30_000; // milliseconds after which a voice no longer counts as one of several
const OUTDATED = 10; // seconds behind the newest caption, from which a caption is not shown any more
const REMEMBERED = 50;
const FADING = 600; // milliseconds that fading out takes

export class Block {
  /**
   * @param {HTMLElement} box
   * @param {() => {style: CompleteStyle, columns: number}} layout the current one
   */
  constructor(box, layout) {
    this.box = box;
    this.layout = layout;
    this.rows = new Rows(box);
    this.pages = new PageQueue((page) => this.showPage(page), () => this.setState(this.rows.rows.size > 0));
    /** @type {Map<string, CaptionEvent>} in order of their first word */
    this.captions = new Map();
    /** @type {Map<string, string>} the last text of captions that have scrolled away */
    this.scrolledAway = new Map();
    /** @type {Map<string, string>} what is shown as the speaker's name, by caption: once shown, it stays */
    this.names = new Map();
    /** @type {Map<string, number>} when each voice was heard last, in the order in which they were first heard */
    this.heard = new Map();
    /** @type {Set<string>} sources with several speakers: the source's own name is not a speaker's */
    this.diarized = new Set();
    this.latest = 0; // seconds on the channel's clock
    this.speaker = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.fadeTimer = undefined;
  }

  /** @param {CaptionEvent} caption */
  caption(caption) {
    const text = caption.text + caption.tentative;
    if (this.scrolledAway.get(caption.id) === text) return; // it only became final
    // a correction of something that was shown long ago
    if (!this.captions.has(caption.id) && caption.end < this.latest - OUTDATED) return;
    this.latest = Math.max(this.latest, caption.end);
    if (text) this.captions.set(caption.id, caption);
    else this.captions.delete(caption.id);
    this.box.lang = caption.lang;
    this.nameSpeaker(caption);
    if (this.layout().style.mode !== "pop-on") this.rollUp();
    else if (caption.final && text) this.popOn(caption);
  }

  restarted() {
    this.latest = 0; // the channel's clock starts again
  }

  clear() {
    this.captions.clear();
    this.pages.clear();
    this.rows.clear();
    this.box.dataset.state = "empty";
  }

  /** Show nothing while captions are paused, and afterwards nothing from before. @param {boolean} paused */
  pause(paused) {
    if (!paused && this.box.hidden) this.clear();
    this.box.hidden = paused;
  }

  /** The number of columns has changed. */
  refit() {
    if (this.layout().style.mode !== "pop-on" && this.captions.size) this.rollUp();
  }

  /** Decide whether a caption shows its speaker's name. @param {CaptionEvent} caption */
  nameSpeaker(caption) {
    const { style } = this.layout();
    const voice = voiceOf(caption);
    const now = performance.now();
    if (caption.speaker) this.diarized.add(caption.source);
    else if (this.diarized.has(caption.source)) {
      this.names.set(caption.id, ""); // a name that becomes known later must not move words that are being read
      return;
    }
    this.heard.set(voice, now);
    if (this.names.has(caption.id)) return;
    const several = [...this.heard.values()].filter((when) => now - when < RECENT).length > 1;
    const changed = several && voice !== this.speaker;
    this.names.set(caption.id, style.names === "always" || (style.names === "auto" && changed) ? voice : "");
    this.speaker = voice;
    dropOldest(this.names);
    dropOldest(this.heard);
  }

  /** Show the newest lines of all captions. */
  rollUp() {
    const { style, columns } = this.layout();
    const all = [...this.captions.values()].flatMap((caption) => {
      const visible = style.tentative === "hidden" ? { ...caption, tentative: "" } : caption;
      return lines(visible, columns, voiceOf(caption), this.names.get(caption.id) ?? "");
    });
    const newest = all.slice(-style.lines);
    this.rows.show(newest, this.animation(true));
    this.forgetBefore(newest[0]?.key);
    this.setState(newest.length > 0);
  }

  /** Show a final caption as a whole. @param {CaptionEvent} caption */
  popOn(caption) {
    const { style, columns } = this.layout();
    this.forget(caption.id);
    const all = balanced(caption, columns, voiceOf(caption), this.names.get(caption.id) ?? "");
    for (let at = 0; at < all.length; at += style.lines) this.pages.add(all.slice(at, at + style.lines));
  }

  /** @param {Line[]} page */
  showPage(page) {
    this.rows.show(page, this.animation(false));
    this.setState(true);
  }

  /** @param {boolean} hasText */
  setState(hasText) {
    const { style } = this.layout();
    this.box.dataset.state = hasText ? "speaking" : "empty";
    clearTimeout(this.fadeTimer);
    if (style.fade && hasText) this.fadeTimer = setTimeout(() => this.fade(), style.fade * 1000);
  }

  fade() {
    this.box.dataset.state = "silent";
    this.fadeTimer = setTimeout(() => {
      for (const id of this.captions.keys()) this.forget(id);
      this.rows.clear();
      this.box.dataset.state = "empty";
    }, FADING);
  }

  /** @param {boolean} rolls @returns {import("./rows.js").Animation} */
  animation(rolls) {
    const { style } = this.layout();
    const order = [...this.heard.keys()];
    return {
      roll: rolls,
      rise: style.position !== "top",
      stagger: style.mode === "word",
      direction: style.direction,
      voice: (name) => Math.max(0, order.indexOf(name)),
    };
  }

  /** Captions above the first visible line are not needed again. @param {string | undefined} key of that line */
  forgetBefore(key) {
    for (const id of this.captions.keys()) {
      if (!key || key.startsWith(`${id}/`)) return;
      this.forget(id);
    }
  }

  /** @param {string} id */
  forget(id) {
    const caption = this.captions.get(id);
    if (caption) this.scrolledAway.set(id, caption.text + caption.tentative);
    this.captions.delete(id);
    dropOldest(this.scrolledAway);
  }
}

/** @param {CaptionEvent} caption */
function voiceOf(caption) {
  return caption.speaker ?? caption.source;
}

/** @param {Map<string, unknown>} map */
function dropOldest(map) {
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? "");
}
