// The dashboard: the state of everything at a glance.

import { follow } from "/static/overlay/captions.js";
import { setUpClosedCaptions, showClosedCaptions } from "/static/outputs.js";
import { setUp, showLoad, showProgress } from "/static/setup.js";

/**
 * @typedef {object} Source
 * @property {string} name
 * @property {string} state "live" or "away"
 * @property {string} engine
 * @property {string} model
 * @property {string} language
 * @property {boolean} speaking
 * @property {number} level decibels below full scale
 * @property {number} seconds
 * @property {number} lag seconds
 * @property {number} skipped seconds
 *
 * @typedef {import("/static/setup.js").Load} Load
 *
 * @typedef {object} Channel
 * @property {string} name
 * @property {number} readers
 * @property {number} captions
 * @property {Load | null} switch the model that is on its way to it
 * @property {import("/static/outputs.js").ClosedCaptions} closed_captions
 * @property {Source[]} sources
 */

const PREVIEW = 3; // captions

const serviceState = element("service");
const notice = element("notice");
const demo = /** @type {HTMLButtonElement} */ (element("demo"));
const sample = new Audio("/static/demo/speech.flac");
/** @type {Map<string, HTMLElement>} */
const cards = new Map();

demo.addEventListener("click", async () => {
  const answer = await fetch("/api/demo", { method: "POST" });
  const { started } = await answer.json();
  if (started && /** @type {HTMLInputElement} */ (element("listen")).checked) {
    sample.currentTime = 0;
    await sample.play().catch(() => {}); // no sound device: the captions come all the same
  }
});

watch();

function watch() {
  const url = new URL("/api/status", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onmessage = (message) => {
    const state = JSON.parse(message.data);
    if (state.channels) show(state);
  };
  socket.onclose = () => {
    serviceState.dataset.state = "lost";
    serviceState.textContent = "The service does not answer: start it again";
    for (const card of cards.values()) showSources(card, []);
    setTimeout(watch, 1000);
  };
}

/** @param {{engine: string, model: string, notice: string, loading: Load | null, demo: boolean, channels: Channel[]}} state */
function show(state) {
  serviceState.dataset.state = "live";
  serviceState.textContent = `Running on ${state.engine} (${state.model})`;
  notice.hidden = !state.notice;
  write(notice, ".text", state.notice);
  showProgress(/** @type {HTMLProgressElement} */ (part(notice, "progress")), state.loading ?? undefined);
  demo.disabled = state.demo;
  demo.textContent = state.demo ? "Playing…" : "Play the demo";
  for (const channel of state.channels) showChannel(channel);
  for (const [name, card] of cards) {
    if (state.channels.some((channel) => channel.name === name)) continue;
    card.remove();
    cards.delete(name);
  }
}

/** @param {Channel} channel */
function showChannel(channel) {
  let card = cards.get(channel.name);
  if (!card) {
    card = newCard(channel.name);
    cards.set(channel.name, card);
    element("channels").append(card);
  }
  // this page reads the channel too
  const others = Math.max(0, channel.readers - 1);
  write(card, ".readers", `${others} ${others === 1 ? "reader" : "readers"}, ${channel.captions} captions`);
  showSources(card, channel.sources);
  showLoad(part(card, ".switch"), channel.switch);
  showClosedCaptions(card, channel.closed_captions);
}

/** @param {HTMLElement} card @param {Source[]} sources */
function showSources(card, sources) {
  const list = part(card, ".sources");
  part(card, ".nobody").hidden = sources.length > 0;
  while (list.childElementCount > sources.length) list.lastElementChild?.remove();
  while (list.childElementCount < sources.length) list.append(copyOf("source-template"));
  sources.forEach((source, index) => {
    const row = /** @type {HTMLElement} */ (list.children[index]);
    const behind = source.lag >= 1 || source.skipped > 0;
    row.dataset.state = source.state;
    row.dataset.speaking = String(source.speaking);
    row.dataset.behind = String(behind);
    write(row, ".who", source.name);
    write(row, ".speaking", source.state === "away" ? "connection lost" : source.speaking ? "speaking" : "silent");
    write(row, ".engine", `${engine(source)}, ${source.language}`);
    write(row, ".lag", `lag ${source.lag.toFixed(1)} s${source.skipped ? `, ${source.skipped.toFixed(0)} s skipped` : ""}`);
    write(row, ".length", length(source.seconds));
    /** @type {HTMLMeterElement} */ (part(row, ".level")).value = Math.max(0, 60 + source.level);
  });
}

/** The engine with its model, of which a directory's or repository's own name is enough. @param {Source} source */
function engine(source) {
  const model = source.model.split(/[\\/]/).filter(Boolean).pop();
  return source.engine === "whisper" ? `${source.engine} ${model}` : source.engine;
}

/** @param {string} name */
function newCard(name) {
  const card = copyOf("channel-template");
  const path = encodeURIComponent(name);
  write(card, ".name", name);
  const links = part(card, ".links");
  const socket = `${location.origin.replace("http", "ws")}/api/channels/${path}/audio`;
  for (const [label, url, open] of [
    ["Overlay for OBS", `${location.origin}/overlay/${path}`, true],
    ["Page for readers", `${location.origin}/view/${path}`, true],
    ["Address for audio", socket, false],
  ]) {
    links.append(...linkRow(String(label), String(url), Boolean(open)));
  }
  const exports = part(card, ".exports");
  exports.append("Transcript: ");
  for (const form of ["srt", "vtt", "txt", "json"]) {
    const link = document.createElement("a");
    link.href = `/api/channels/${path}/transcript.${form}`;
    link.download = `${name}.${form}`;
    link.textContent = form.toUpperCase();
    exports.append(link, " ");
  }
  setUp(card, name);
  setUpClosedCaptions(card, name);
  preview(name, part(card, ".captions"));
  return card;
}

/** @param {string} label @param {string} url @param {boolean} open */
function linkRow(label, url, open) {
  const term = document.createElement("dt");
  term.textContent = label;
  const place = document.createElement("dd");
  const address = document.createElement(open ? "a" : "span");
  address.className = "address";
  address.textContent = url;
  if (address instanceof HTMLAnchorElement) {
    address.href = url;
    address.target = "_blank";
  }
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy";
  copy.setAttribute("aria-label", `Copy: ${label}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(url);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  place.append(address, copy);
  return [term, place];
}

/** The last captions of a channel. @param {string} channel @param {HTMLElement} box */
function preview(channel, box) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  follow(channel, {
    caption(caption) {
      let row = rows.get(caption.id);
      if (!row) {
        row = document.createElement("p");
        for (const name of ["from", "committed", "tentative"]) {
          const span = document.createElement("span");
          span.className = name;
          row.append(span);
        }
        box.querySelector(".waiting")?.remove();
        rows.set(caption.id, row);
        box.append(row);
      }
      write(row, ".from", caption.source);
      write(row, ".committed", caption.text);
      write(row, ".tentative", caption.tentative);
      row.hidden = !caption.text && !caption.tentative;
      for (const [id, old] of rows) {
        if (rows.size <= PREVIEW) break;
        old.remove();
        rows.delete(id);
      }
    },
    clear() {
      rows.clear();
      box.replaceChildren();
    },
  });
}

/** @param {number} seconds */
function length(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {string} id */
function copyOf(id) {
  const template = /** @type {HTMLTemplateElement} */ (element(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

/** @param {HTMLElement} parent @param {string} selector @param {string} text */
function write(parent, selector, text) {
  const place = part(parent, selector);
  if (place.textContent !== text) place.textContent = text;
}

/** @param {HTMLElement} parent @param {string} selector */
function part(parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector));
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
