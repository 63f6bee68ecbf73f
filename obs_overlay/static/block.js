// One block of lines on the overlay: the captions of a channel in one language.

import { balanced, lines } from "./lines.js";
import { Pages } from "./pages.js";
import { Rows } from "./rows.js";

/** @typedef {import("./captions.js").Caption} Caption */

const RECENT = 30_000; // milliseconds after which a voice no longer counts as one of several
const OLD = 10; // seconds behind the newest caption, from which one is no news
const REMEMBERED = 50;
const LEAVING = 600; // milliseconds that fading takes

export class Block {
  /**
   * @param {HTMLElement} box
   * @param {() => {style: Required<import("./themes.js").Style>, columns: number}} look as it is now
   */
  constructor(box, look) {
    this.box = box;
    this.look = look;
    this.rows = new Rows(box);
    this.pages = new Pages((page) => this.present(page), () => this.settle(this.rows.rows.size > 0));
    /** @type {Map<string, Caption>} in order of their first word */
    this.captions = new Map();
    /** @type {Map<string, string>} the last text of captions that have scrolled away */
    this.gone = new Map();
    /** @type {Map<string, string>} what is shown as the speaker's name, by caption: once shown, it stays */
    this.names = new Map();
    /** @type {Map<string, number>} when each voice was heard last, in the order in which they were heard first */
    this.heard = new Map();
    /** @type {Set<string>} sources within which speakers are told apart: their own names are nobody's */
    this.shared = new Set();
    this.latest = 0; // seconds on the channel's clock
    this.speaker = "";
    /** @type {number | undefined} */
    this.fading = undefined;
  }

  /** @param {Caption} caption */
  caption(caption) {
    const text = caption.text + caption.tentative;
    if (this.gone.get(caption.id) === text) return; // it only became final
    // it was corrected long after it was shown
    if (!this.captions.has(caption.id) && caption.end < this.latest - OLD) return;
    this.latest = Math.max(this.latest, caption.end);
    if (text) this.captions.set(caption.id, caption);
    else this.captions.delete(caption.id);
    this.box.lang = caption.lang;
    this.introduce(caption);
    if (this.look().style.mode !== "pop-on") this.roll();
    else if (caption.final && text) this.popOn(caption);
  }

  restarted() {
    this.latest = 0; // the channel's clock begins anew
  }

  clear() {
    this.captions.clear();
    this.pages.clear();
    this.rows.clear();
    this.box.dataset.state = "empty";
  }

  /** The number of columns has changed. */
  refit() {
    if (this.look().style.mode !== "pop-on" && this.captions.size) this.roll();
  }

  /** Who speaks, and whether that is said. @param {Caption} caption */
  introduce(caption) {
    const { style } = this.look();
    const voice = voiceOf(caption);
    const now = performance.now();
    if (caption.speaker) this.shared.add(caption.source);
    else if (this.shared.has(caption.source)) {
      this.names.set(caption.id, ""); // who it is comes too late to be put before words that people read
      return;
    }
    this.heard.set(voice, now);
    if (this.names.has(caption.id)) return;
    const several = [...this.heard.values()].filter((when) => now - when < RECENT).length > 1;
    const changed = several && voice !== this.speaker;
    this.names.set(caption.id, style.names === "always" || (style.names === "auto" && changed) ? voice : "");
    this.speaker = voice;
    limit(this.names);
    limit(this.heard);
  }

  /** Everything that was said lately, its newest lines. */
  roll() {
    const { style, columns } = this.look();
    const all = [...this.captions.values()].flatMap((caption) => {
      const visible = style.tentative === "hidden" ? { ...caption, tentative: "" } : caption;
      return lines(visible, columns, voiceOf(caption), this.names.get(caption.id) ?? "");
    });
    const newest = all.slice(-style.lines);
    this.rows.show(newest, this.how(true));
    this.forget(newest[0]?.key);
    this.settle(newest.length > 0);
  }

  /** A caption at once, as a whole. @param {Caption} caption */
  popOn(caption) {
    const { style, columns } = this.look();
    this.leave(caption.id);
    const all = balanced(caption, columns, voiceOf(caption), this.names.get(caption.id) ?? "");
    for (let at = 0; at < all.length; at += style.lines) this.pages.put(all.slice(at, at + style.lines));
  }

  /** @param {import("./lines.js").Line[]} page */
  present(page) {
    this.rows.show(page, this.how(false));
    this.settle(true);
  }

  /** @param {boolean} anything */
  settle(anything) {
    const { style } = this.look();
    this.box.dataset.state = anything ? "speaking" : "empty";
    clearTimeout(this.fading);
    if (style.fade && anything) this.fading = setTimeout(() => this.fade(), style.fade * 1000);
  }

  fade() {
    this.box.dataset.state = "silent";
    this.fading = setTimeout(() => {
      for (const id of this.captions.keys()) this.leave(id);
      this.rows.clear();
      this.box.dataset.state = "empty";
    }, LEAVING);
  }

  /** @param {boolean} rolls */
  how(rolls) {
    const { style } = this.look();
    const order = [...this.heard.keys()];
    return {
      roll: rolls,
      rise: style.position !== "top",
      stagger: style.mode === "word",
      direction: style.direction,
      voice: (/** @type {string} */ name) => Math.max(0, order.indexOf(name)),
    };
  }

  /** Captions above the first visible line are not needed again. @param {string | undefined} key */
  forget(key) {
    for (const id of this.captions.keys()) {
      if (!key || key.startsWith(`${id}/`)) return;
      this.leave(id);
    }
  }

  /** @param {string} id */
  leave(id) {
    const caption = this.captions.get(id);
    if (caption) this.gone.set(id, caption.text + caption.tentative);
    this.captions.delete(id);
    limit(this.gone);
  }
}

/** @param {Caption} caption */
function voiceOf(caption) {
  return caption.speaker ?? caption.source;
}

/** @param {Map<string, unknown>} map */
function limit(map) {
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? "");
}
