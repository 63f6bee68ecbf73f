// The overlay: the newest lines of a channel over a transparent page.

import { follow } from "./captions.js";
import { balanced, lines } from "./lines.js";
import { Pages } from "./pages.js";
import { play } from "./preview.js";
import { Rows } from "./rows.js";
import { apply, fromQuery } from "./style.js";

/** @typedef {import("./captions.js").Caption} Caption */

const RECENT = 30_000; // milliseconds after which a voice no longer counts as one of several
const OLD = 10; // seconds behind the newest caption, from which one is no news
const REMEMBERED = 50;
const TIGHT = 0.9; // of the columns that fit on average: lines of wide letters must fit as well
const LEAVING = 600; // milliseconds that fading takes

const query = new URLSearchParams(location.search);
const asked = fromQuery(query);
const named = query.get("style") ?? "default";
let style = apply(asked);

const box = /** @type {HTMLElement} */ (document.getElementById("captions"));
const ruler = /** @type {HTMLElement} */ (document.getElementById("ruler"));
const rows = new Rows(box);
const pages = new Pages(present, rest);
/** @type {Map<string, Caption>} in order of their first word */
const captions = new Map();
/** @type {Map<string, string>} the last text of captions that have scrolled away */
const gone = new Map();
/** @type {Map<string, string>} what is shown as the speaker's name, by caption: once shown, it stays */
const names = new Map();
/** @type {Map<string, number>} when each voice was heard last, in the order in which they were heard first */
const heard = new Map();
/** @type {Set<string>} sources within which speakers are told apart: their own names are nobody's */
const shared = new Set();
let latest = 0; // seconds on the channel's clock
let speaker = "";
let columns = style.columns;
/** @type {number | undefined} */
let fading;

const listener = {
  /** @param {Caption} caption */
  caption(caption) {
    const text = caption.text + caption.tentative;
    if (gone.get(caption.id) === text) return; // it only became final
    if (!captions.has(caption.id) && caption.end < latest - OLD) return; // it was corrected long after it was shown
    latest = Math.max(latest, caption.end);
    if (text) captions.set(caption.id, caption);
    else captions.delete(caption.id);
    introduce(caption);
    if (style.mode !== "pop-on") roll();
    else if (caption.final && text) popOn(caption);
  },
  restarted() {
    latest = 0; // the channel's clock begins anew
  },
  clear() {
    captions.clear();
    pages.clear();
    rows.clear();
    box.dataset.state = "empty";
  },
  /** @param {string} name @param {import("./themes.js").Style} said */
  style(name, said) {
    if (name === named) restyle({ ...said, ...asked });
  },
};

if (query.has("preview")) play(listener);
else follow(document.body.dataset.channel ?? "main", listener);

addEventListener("resize", fit);
document.fonts?.ready.then(fit);
fit();

/** For the editor, which shows this page in a frame of its own. */
addEventListener("message", (message) => {
  if (message.origin === location.origin && message.data?.style) restyle({ ...message.data.style, ...asked });
});

/** @param {import("./themes.js").Style} chosen */
function restyle(chosen) {
  const before = style.mode;
  style = apply(chosen);
  if (before !== style.mode) listener.clear();
  fit();
}

/** As many columns as the style says, but no more than the picture has room for. */
function fit() {
  const wanted = ruler.getBoundingClientRect().width;
  const room = innerWidth * (1 - (2 * style.side) / 100);
  columns = wanted > room ? Math.max(8, Math.floor((TIGHT * style.columns * room) / wanted)) : style.columns;
  document.documentElement.dataset.fitted = String(columns);
  if (style.mode !== "pop-on" && captions.size) roll();
}

/** Who speaks, and whether that is said. @param {Caption} caption */
function introduce(caption) {
  const voice = voiceOf(caption);
  const now = performance.now();
  if (caption.speaker) shared.add(caption.source);
  else if (shared.has(caption.source)) {
    names.set(caption.id, ""); // who it is comes too late to be put before words that people read
    return;
  }
  heard.set(voice, now);
  if (names.has(caption.id)) return;
  const several = [...heard.values()].filter((when) => now - when < RECENT).length > 1;
  const said = style.names === "always" ? voice : style.names === "auto" && several && voice !== speaker ? voice : "";
  speaker = voice;
  names.set(caption.id, said);
  limit(names);
  limit(heard);
}

/** @param {Caption} caption */
function voiceOf(caption) {
  return caption.speaker ?? caption.source;
}

/** Everything that was said lately, its newest lines. */
function roll() {
  const all = [...captions.values()].flatMap((caption) =>
    lines(visible(caption), columns, voiceOf(caption), names.get(caption.id) ?? ""),
  );
  const newest = all.slice(-style.lines);
  rows.show(newest, how(true));
  forget(newest[0]?.key);
  settle(newest.length > 0);
}

/** A caption at once, as a whole. @param {Caption} caption */
function popOn(caption) {
  leave(caption.id);
  const all = balanced(caption, columns, voiceOf(caption), names.get(caption.id) ?? "");
  for (let at = 0; at < all.length; at += style.lines) pages.put(all.slice(at, at + style.lines));
}

/** @param {import("./lines.js").Line[]} page */
function present(page) {
  rows.show(page, how(false));
  settle(true);
}

/** No page waits. */
function rest() {
  settle(rows.rows.size > 0);
}

/** @param {boolean} anything */
function settle(anything) {
  box.dataset.state = anything ? "speaking" : "empty";
  clearTimeout(fading);
  if (style.fade && anything) fading = setTimeout(fade, style.fade * 1000);
}

/** @param {boolean} rolls */
function how(rolls) {
  const order = [...heard.keys()];
  return {
    roll: rolls,
    rise: style.position !== "top",
    stagger: style.mode === "word",
    direction: style.direction,
    voice: (/** @type {string} */ name) => Math.max(0, order.indexOf(name)),
  };
}

/** What of a caption is to be seen. @param {Caption} caption */
function visible(caption) {
  return style.tentative === "hidden" ? { ...caption, tentative: "" } : caption;
}

/** Captions above the first visible line are not needed again. @param {string | undefined} key */
function forget(key) {
  for (const id of captions.keys()) {
    if (!key || key.startsWith(`${id}/`)) return;
    leave(id);
  }
}

/** @param {string} id */
function leave(id) {
  const caption = captions.get(id);
  if (caption) gone.set(id, caption.text + caption.tentative);
  captions.delete(id);
  limit(gone);
}

/** @param {Map<string, unknown>} map */
function limit(map) {
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? "");
}

function fade() {
  box.dataset.state = "silent";
  fading = setTimeout(() => {
    for (const id of captions.keys()) leave(id);
    rows.clear();
    box.dataset.state = "empty";
  }, LEAVING);
}
