// The overlay: the newest lines of a channel over a transparent page.

import { follow } from "./captions.js";
import { lines } from "./lines.js";

/** @typedef {import("./captions.js").Caption} Caption */

const parameters = new URLSearchParams(location.search);
const shownLines = whole("lines", 2, 1, 4);
const columns = whole("columns", 42, 12, 80);
const fadeAfter = whole("fade", 5, 1, 60) * 1000; // milliseconds of silence before the captions go
const size = parameters.get("size"); // percent of the usual text size
const OLD = 30_000; // milliseconds after which a source no longer counts as one of several
const REMEMBERED = 50;

const box = /** @type {HTMLElement} */ (document.getElementById("captions"));
/** @type {Map<string, Caption>} in order of their first word */
const captions = new Map();
/** @type {Map<string, string>} the last text of captions that have scrolled away */
const gone = new Map();
/** @type {Map<string, number>} when each source was heard last */
const heard = new Map();
/** @type {Map<string, HTMLElement>} */
const rows = new Map();
/** @type {number | undefined} */
let fading;

if (size && Number(size) > 0) box.style.setProperty("--caption-scale", String(Number(size) / 100));
box.style.setProperty("--caption-columns", String(columns));

follow(document.body.dataset.channel ?? "main", {
  caption(caption) {
    const text = caption.text + caption.tentative;
    if (gone.get(caption.id) === text) return; // it only became final
    if (text) captions.set(caption.id, caption);
    else captions.delete(caption.id);
    heard.set(caption.source, performance.now());
    show();
  },
  clear() {
    captions.clear();
    show();
  },
});

function show() {
  const several = [...heard.values()].filter((when) => performance.now() - when < OLD).length > 1;
  const all = [...captions.values()].flatMap((caption) => lines(caption, columns, several ? caption.source : ""));
  const visible = all.slice(-shownLines);
  const keys = new Set(visible.map((line) => line.key));
  for (const [key, row] of rows) {
    if (keys.has(key)) continue;
    row.remove();
    rows.delete(key);
  }
  for (const line of visible) draw(line);
  forget(visible[0]?.key);
  box.dataset.state = visible.length ? "speaking" : "empty";
  clearTimeout(fading);
  fading = setTimeout(fade, fadeAfter);
}

/** @param {import("./lines.js").Line} line */
function draw(line) {
  let row = rows.get(line.key);
  if (!row) {
    row = document.createElement("p");
    row.className = "line";
    row.dir = "auto"; // right-to-left scripts run their own way
    for (const part of ["name", "committed", "tentative"]) {
      const span = document.createElement("span");
      span.className = part;
      row.append(span);
    }
    rows.set(line.key, row);
    box.append(row);
  }
  const [name, committed, tentative] = row.children;
  write(name, line.name && `${line.name}: `);
  write(committed, line.committed);
  write(tentative, line.tentative);
}

/** @param {Element} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
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
  if (gone.size > REMEMBERED) gone.delete(gone.keys().next().value ?? "");
}

function fade() {
  box.dataset.state = "silent";
  fading = setTimeout(() => {
    for (const id of captions.keys()) leave(id);
    for (const row of rows.values()) row.remove();
    rows.clear();
    box.dataset.state = "empty";
  }, 600);
}

/** @param {string} name @param {number} usual @param {number} least @param {number} most */
function whole(name, usual, least, most) {
  const value = Number.parseInt(parameters.get(name) ?? "", 10);
  return Number.isNaN(value) ? usual : Math.min(most, Math.max(least, value));
}
