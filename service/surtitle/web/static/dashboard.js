// The dashboard: the state of everything at a glance.

import { t } from "/static/overlay/i18n.js";
import { downloads } from "/static/downloads.js";
import { isRefusal, masked } from "/static/overlay/token.js";
import { transcript } from "/static/editing.js";
import { showGuests } from "/static/guests.js";
import { lookOf } from "/static/look.js";
import { problemOf } from "/static/problems.js";
import { setUpRecording, showRecording } from "/static/recording.js";
import { setUpClosedCaptions, showClosedCaptions } from "/static/outputs.js";
import { setUp, showLoad, showProgress } from "/static/setup.js";
import { setUpSpeakers, showSpeakers } from "/static/speakers.js";
import { setUpTranslation, showTranslation } from "/static/translation.js";

/**
 * @typedef {object} Source
 * @property {string} name
 * @property {string} state "live" or "away"
 * @property {string} engine
 * @property {string} model
 * @property {string} language
 * @property {string} notice what there is to know about its recognition; "" for nothing
 * @property {boolean} speaking
 * @property {number} level decibels below full scale
 * @property {number} seconds
 * @property {number} lag seconds
 * @property {number} skipped seconds
 * @property {number} pace words a minute
 * @property {number | null} speakers_skipped seconds; null where speakers are not told apart
 *
 * @typedef {import("/static/setup.js").Load} Load
 *
 * @typedef {object} Channel
 * @property {string} name
 * @property {number} readers
 * @property {number} captions
 * @property {boolean} paused
 * @property {Load | null} switch the model that is on its way to it
 * @property {import("/static/outputs.js").ClosedCaptions} closed_captions
 * @property {import("/static/recording.js").Recording} recording
 * @property {import("/static/translation.js").Translation} translation
 * @property {import("/static/speakers.js").Diarization} diarization
 * @property {Source[]} sources
 */

const serviceState = element("service");
const choice = element("choice");
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
  socket.onclose = ({ code }) => {
    const refused = isRefusal(code);
    serviceState.dataset.state = "lost";
    serviceState.textContent = refused
      ? t("This link is no longer valid: ask for a new one.")
      : t("The service does not answer: start it again");
    for (const card of cards.values()) showSources(card, []);
    if (!refused) setTimeout(watch, 1000);
  };
}

/** @param {{engine: string, model: string, notice: string, choice: string, loading: Load | null, demo: boolean, channels: Channel[], links?: Record<string, {viewer: string}>}} state */
function show(state) {
  serviceState.dataset.state = "live";
  serviceState.textContent = t("Running on {engine} ({model})", { engine: state.engine, model: state.model });
  choice.hidden = !state.choice;
  choice.textContent = state.choice;
  notice.hidden = !state.notice;
  write(notice, ".text", state.notice);
  showProgress(/** @type {HTMLProgressElement} */ (part(notice, "progress")), state.loading ?? undefined);
  demo.disabled = state.demo;
  demo.textContent = state.demo ? t("Playing…") : t("Play the demo");
  for (const channel of state.channels) showChannel(channel);
  showGuests(state.links, state.channels.map((channel) => channel.name));
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
  write(card, ".readers", t("readers: {others}, captions: {captions}", { others, captions: channel.captions }));
  const pause = part(card, ".pause");
  pause.ariaPressed = String(channel.paused);
  pause.textContent = channel.paused ? t("Go on") : t("Pause");
  card.dataset.paused = String(channel.paused);
  showProblems(part(card, ".problems"), channel);
  showSources(card, channel.sources);
  showLoad(part(card, ".switch"), channel.switch);
  showClosedCaptions(card, channel.closed_captions);
  showRecording(card, channel.recording);
  showTranslation(card, channel.translation);
  showSpeakers(card, channel.diarization, Math.max(0, ...channel.sources.map((source) => source.speakers_skipped ?? 0)));
}

/** @param {HTMLElement} box @param {Channel} channel */
function showProblems(box, channel) {
  const told = channel.sources.map((source) => problemOf(source, channel.paused)).filter(Boolean);
  if (channel.paused) told.unshift(t("Paused: what is said now is not captioned."));
  if (channel.recording.problem) told.unshift(channel.recording.problem);
  if (told.join("\n") === [...box.children].map((one) => one.textContent).join("\n")) return;
  box.replaceChildren(...told.map((text) => {
    const one = document.createElement("p");
    one.textContent = text;
    return one;
  }));
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
    write(row, ".speaking", source.state === "away" ? t("connection lost") : source.speaking ? t("speaking") : t("silent"));
    write(row, ".engine", `${engine(source)}, ${source.language}`);
    write(row, ".pace", source.pace ? t("{pace} words a minute", { pace: source.pace }) : "");
    const lag = t("lag {lag} s", { lag: source.lag.toFixed(1) });
    write(row, ".lag", source.skipped ? `${lag}, ${t("{skipped} s skipped", { skipped: source.skipped.toFixed(0) })}` : lag);
    write(row, ".length", length(source.seconds));
    write(row, ".advice", source.notice);
    part(row, ".advice").hidden = !source.notice;
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
  showLinks(part(card, ".links"), path);
  part(card, ".exports").append(...downloads(`/api/channels/${path}/`, name));
  setUp(card, name);
  lookOf(card, name);
  transcript(name, part(card, ".captions"));
  const pause = part(card, ".pause");
  pause.addEventListener("click", () => send(`${name}/settings`, "PATCH", { paused: pause.ariaPressed !== "true" }));
  part(card, ".clear").addEventListener("click", () => {
    if (confirm(t("Empty the screens and the transcript of {name}?", { name }))) send(`${name}/clear`, "POST", {});
  });
  setUpClosedCaptions(card, name);
  setUpRecording(card, name);
  setUpTranslation(card, name);
  setUpSpeakers(card, name);
  return card;
}

/** @param {string} path below the channels @param {string} method @param {object} body */
async function send(path, method, body) {
  const [name, ...rest] = path.split("/");
  const address = ["/api/channels", encodeURIComponent(name), ...rest].join("/");
  await fetch(address, { method, body: JSON.stringify(body) }).catch(() => {}); // the page says itself that nobody answers
}

/** Where others see and send; the service knows under which name, and with which token. @param {HTMLElement} place @param {string} path */
async function showLinks(place, path) {
  let links = { overlay: `${location.origin}/overlay/${path}`, viewer: `${location.origin}/view/${path}` };
  try {
    const answer = await fetch(`/api/channels/${path}/links`);
    if (answer.ok) links = await answer.json();
  } catch {
    // the page says itself that nobody answers
  }
  const socket = `${new URL(links.viewer).origin.replace("http", "ws")}/api/channels/${path}/audio`;
  place.append(
    ...linkRow(t("Overlay for OBS"), links.overlay, true),
    ...linkRow(t("Page for readers"), links.viewer, true),
    ...linkRow(t("Address for audio"), socket, false),
  );
}

/** @param {string} label @param {string} url @param {boolean} open */
function linkRow(label, url, open) {
  const term = document.createElement("dt");
  term.textContent = label;
  const place = document.createElement("dd");
  const address = document.createElement(open ? "a" : "span");
  address.className = "address";
  address.textContent = masked(url);
  if (address instanceof HTMLAnchorElement) {
    address.href = url;
    address.target = "_blank";
  }
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = t("Copy");
  copy.setAttribute("aria-label", `${t("Copy")}: ${label}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(url);
    copy.textContent = t("Copied");
    setTimeout(() => (copy.textContent = t("Copy")), 1500);
  });
  place.append(address, copy);
  return [term, place];
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
