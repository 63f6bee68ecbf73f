// The viewer: the whole session as a page to read, following the speech.

import { follow } from "./captions.js";

/** @typedef {import("./captions.js").Caption} Caption */

const KEPT = 2000; // captions on the page; older ones are in the downloads
const PARAGRAPH_PAUSE = 4; // seconds of silence that begin a new paragraph
const PARAGRAPH_LENGTH = 500; // characters
const SIZES = [16, 18, 21, 25, 30, 36, 44];

const channel = document.body.dataset.channel ?? "main";
const transcript = element("transcript");
const announcer = element("announcer");
const followButton = element("follow");
/** @type {Map<string, HTMLElement>} the span of each caption */
const spans = new Map();
let following = true;

textSize(Number(localStorage.getItem("text-size")) || 21);
element("smaller").addEventListener("click", () => step(-1));
element("larger").addEventListener("click", () => step(1));
followButton.addEventListener("click", () => {
  following = true;
  toEnd();
});
addEventListener("scroll", () => {
  following = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  followButton.hidden = following;
}, { passive: true });

start();

async function start() {
  try {
    const answer = await fetch(`/api/channels/${encodeURIComponent(channel)}/transcript.json`);
    const history = await answer.json();
    for (const caption of history.captions.slice(-KEPT)) show({ ...caption, tentative: "", final: true });
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
      show(caption);
      if (caption.final) announce(caption);
    },
    clear() {
      transcript.replaceChildren();
      spans.clear();
      element("empty").hidden = false;
    },
    state,
  }, last);
}

/** @param {Caption} caption */
function show(caption) {
  let span = spans.get(caption.id);
  if (!caption.text && !caption.tentative) {
    span?.remove();
    spans.delete(caption.id);
    return;
  }
  if (!span) {
    span = document.createElement("span");
    span.className = "caption";
    span.append(document.createElement("span"), document.createElement("span"));
    span.lastElementChild?.classList.add("tentative");
    spans.set(caption.id, span);
    paragraph(caption).append(span, " ");
    element("empty").hidden = true;
    trim();
  }
  const [committed, tentative] = span.children;
  committed.textContent = caption.text;
  tentative.textContent = caption.tentative;
  span.dataset.end = String(caption.end);
  if (following) toEnd();
}

/** The paragraph to which a new caption belongs. @param {Caption} caption */
function paragraph(caption) {
  const last = /** @type {HTMLElement | null} */ (transcript.lastElementChild);
  const open = last?.querySelector("p");
  const before = /** @type {HTMLElement | null | undefined} */ (open?.lastElementChild);
  if (last && open && last.dataset.source === caption.source
      && caption.start - Number(before?.dataset.end ?? 0) < PARAGRAPH_PAUSE
      && (open.textContent ?? "").length < PARAGRAPH_LENGTH) {
    return open;
  }
  const block = document.createElement("section");
  block.className = "paragraph";
  block.dataset.source = caption.source;
  const head = document.createElement("h2");
  const time = document.createElement("time");
  time.textContent = clock(caption.start);
  head.append(caption.source, " ", time);
  const text = document.createElement("p");
  text.dir = "auto";
  block.append(head, text);
  transcript.append(block);
  return text;
}

function trim() {
  for (const [id, span] of spans) {
    if (spans.size <= KEPT) return;
    const block = span.closest("section");
    span.remove();
    spans.delete(id);
    if (block && !block.querySelector(".caption")) block.remove();
  }
}

/** Screen readers hear committed text only, once. @param {Caption} caption */
function announce(caption) {
  const line = document.createElement("p");
  line.textContent = caption.text;
  announcer.append(line);
  while (announcer.childElementCount > 5) announcer.firstElementChild?.remove();
}

/** @param {string} name */
function state(name) {
  const place = element("state");
  place.dataset.state = name;
  place.textContent = name === "live" ? "Live" : "Reconnecting";
}

function toEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}

/** @param {number} direction */
function step(direction) {
  const now = SIZES.indexOf(Number(localStorage.getItem("text-size")) || 21);
  textSize(SIZES[Math.min(SIZES.length - 1, Math.max(0, now + direction))]);
}

/** @param {number} pixels */
function textSize(pixels) {
  const size = SIZES.includes(pixels) ? pixels : 21;
  localStorage.setItem("text-size", String(size));
  document.documentElement.style.setProperty("--text-size", `${size / 16}rem`);
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = String(Math.floor(whole / 60) % 60).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${minutes}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
