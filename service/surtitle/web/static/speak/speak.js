// The page for the microphone: one button captions what is said, and the words appear on it.

import { namedLanguages } from "../extension/shared/languages.js";
import { copiesOnClick } from "../overlay/shared/clipboard.js";
import { control, create, element, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { masked } from "../overlay/shared/token.js";
import { keepScreenOn } from "../overlay/viewer/screen.js";
import { Microphone } from "./microphone.js";
import { captureProblem, isInaudible, obstacle, recipientText, stateText } from "./problems.js";

/**
 * @import { Row } from "../extension/capture/caption-log.js"
 * @import { Input } from "./microphone.js"
 */

const KEY = "speak"; // of the choices in the browser's storage
const SILENCE = 60; // decibels below full scale at which the level meter begins
const LEVEL_INTERVAL = 100; // milliseconds
const PATIENCE = 10_000; // milliseconds without sound after which the page says so
const SHOWN = 12; // captions
const REMEMBERED = 4; // microphones that were started
const ANNOUNCED = 5; // lines kept for screen readers
const LOCAL = ["127.0.0.1", "localhost", "[::1]"];

const channel = document.body.dataset.channel ?? "main";
const form = element("choices", HTMLFormElement);
const device = control(form, "device", HTMLSelectElement);
const language = control(form, "language", HTMLSelectElement);
const name = control(form, "name");
const processed = control(form, "processed");
const toggle = element("toggle", HTMLButtonElement);
const mute = element("mute", HTMLButtonElement);
const words = element("words");
const screenNeeded = keepScreenOn("");

/** @type {Microphone[]} that were started, the newest first: the last words of the others may still come */
const microphones = [];
/** @type {Microphone | null} the newest */
let microphone = null;
let stopped = false; // whether it was ended by the button
let opening = false; // whether the browser is asked for the microphone
let failure = ""; // why it cannot be used
let heardAt = 0; // when something was heard last, milliseconds
/** @type {Set<string>} ids of the captions that screen readers have been given */
const announced = new Set();

const impossible = obstacle({ isSecureContext, mediaDevices: navigator.mediaDevices });
restoreChoices();
setUpPhone();
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", choicesChanged);
if (impossible) {
  failure = impossible;
  toggle.disabled = true;
} else {
  toggle.addEventListener("click", () => (isRunning() ? stop() : start()));
  mute.addEventListener("click", () => {
    if (!microphone) return;
    microphone.muted = !microphone.muted;
    heardAt = Date.now();
    show();
  });
  navigator.mediaDevices.addEventListener("devicechange", listDevices);
  listDevices();
  setInterval(showLevel, LEVEL_INTERVAL);
  addEventListener("beforeunload", (event) => {
    if (isRunning()) event.preventDefault(); // the browser asks whether to leave
  });
}
show();

/** Whether captions run, also while the connection is lost. */
function isRunning() {
  return Boolean(microphone && !stopped && microphone.state.phase !== "ended");
}

/** The last words still come. */
function stop() {
  stopped = true;
  microphone?.end();
  show();
}

async function start() {
  const started = new Microphone(channel, name.value.trim() || t("Microphone"), language.value, show);
  opening = true;
  failure = "";
  show();
  try {
    await started.start(input());
    microphone = started;
    stopped = false;
    microphones.unshift(started);
    microphones.splice(REMEMBERED);
    heardAt = Date.now();
    listDevices(); // with the permission, devices have names
  } catch (error) {
    failure = captureProblem(error);
  }
  opening = false;
  show();
}

/** @returns {Input} */
function input() {
  return { device: device.value, processed: processed.checked };
}

/** Captions of this start and of earlier ones. */
function rows() {
  const all = new Map(microphones.toReversed().flatMap((one) => one.rows).map((row) => [row.id, row]));
  return [...all.values()].slice(-SHOWN);
}

async function choicesChanged() {
  storeChoices();
  if (!isRunning()) return;
  try {
    await microphone?.change(input());
    failure = "";
  } catch (error) {
    failure = captureProblem(error);
  }
  show();
}

function show() {
  const running = isRunning();
  const phase = microphone?.state.phase;
  toggle.dataset.on = String(running);
  toggle.disabled = Boolean(impossible) || opening;
  write(toggle, running ? t("Stop captions") : t("Start captions"));
  mute.disabled = !running;
  const muted = running && Boolean(microphone?.muted);
  mute.dataset.on = String(muted);
  write(mute, muted ? t("Unmute") : t("Mute"));
  name.disabled = language.disabled = running;
  element("fixed").hidden = !running;
  const [state, label] = stateOf(running, phase);
  element("state").dataset.state = state;
  write(element("state"), label);
  showStatus();
  showWords();
}

/** @param {boolean} running @param {string | undefined} phase @returns {[string, string]} for the style sheet and for people */
function stateOf(running, phase) {
  if (opening || (running && phase === "connecting")) return ["connecting", t("Connecting")];
  if (!running && microphone && phase !== "ended") return ["ending", t("Finishing")];
  if (!running) return ["off", microphone ? t("Stopped") : t("Not started")];
  if (phase === "reconnecting") return ["lost", t("Reconnecting")];
  return microphone?.muted ? ["muted", t("Muted")] : ["live", t("Live")];
}

function showStatus() {
  const status = element("status");
  const text = failure || (microphone ? microphoneText(microphone) : "");
  status.dataset.severity = failure || microphone?.state.problem ? "problem" : "notice";
  writeOrHide(status, opening ? t("Allow the microphone when the browser asks.") : text);
}

/** @param {Microphone} newest */
function microphoneText(newest) {
  return muteText(newest) || stateText(newest.state) || silenceText(newest) || recipientText(newest.state);
}

/** @param {Microphone} newest */
function muteText({ muted, state }) {
  return muted && isRunning() && state.phase === "live" ? t("You are muted: nothing is captioned.") : "";
}

/** @param {Microphone} newest */
function silenceText({ state }) {
  if (state.phase !== "live" || !isRunning()) return "";
  return Date.now() - heardAt > PATIENCE ? t("Nothing is heard: check the microphone, or choose another one under Settings.") : "";
}

function showLevel() {
  const level = isRunning() && microphone ? microphone.level : -Infinity;
  element("level", HTMLMeterElement).value = Math.max(0, SILENCE + level);
  if (!isInaudible(level)) heardAt = Date.now();
  if (!isRunning()) return;
  screenNeeded();
  showStatus();
}

function showWords() {
  const all = rows();
  element("empty").hidden = all.length > 0;
  while (words.childElementCount > all.length) words.firstElementChild?.remove();
  while (words.childElementCount < all.length) words.append(line());
  all.forEach((row, index) => {
    const place = /** @type {HTMLElement} */ (words.children[index]);
    write(part(place, ".committed"), row.committed);
    write(part(place, ".tentative"), row.tentative);
    if (row.final && !announced.has(row.id)) announce(row);
  });
  scrollTo({ top: document.documentElement.scrollHeight });
}

function line() {
  const created = create("p");
  created.dir = "auto";
  created.append(create("span", "committed"), create("span", "tentative"));
  return created;
}

/** Screen readers read committed text only, and once. @param {Row} row */
function announce({ id, committed }) {
  announced.add(id);
  const announcer = element("announcer");
  announcer.append(create("p", "", committed));
  while (announcer.childElementCount > ANNOUNCED) announcer.firstElementChild?.remove();
}

/** Browsers name devices only once the microphone is allowed. */
async function listDevices() {
  const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const inputs = found.filter(({ kind, deviceId, label }) => kind === "audioinput" && label && deviceId !== "default");
  const chosen = device.value || stored().device;
  const options = inputs.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === chosen));
  device.replaceChildren(device.options[0], ...options);
}

/** @returns {Partial<Record<"device" | "name" | "language", string> & {processed: boolean}>} the choices made before */
function stored() {
  try {
    return Object(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    return {};
  }
}

function storeChoices() {
  try {
    localStorage.setItem(KEY, JSON.stringify({ name: name.value, language: language.value, ...input() }));
  } catch {
    // storage is blocked: they apply until the page is closed
  }
}

function restoreChoices() {
  const before = stored();
  language.append(...namedLanguages(document.documentElement.lang).map(([label, code]) => new Option(label, code)));
  language.value = String(before.language ?? "");
  if (language.selectedIndex < 0) language.value = "";
  name.value = String(before.name ?? "");
  processed.checked = before.processed === true;
}

function setUpPhone() {
  const link = new URL(document.body.dataset.link ?? location.href);
  const local = LOCAL.includes(link.hostname);
  const reachable = link.protocol === "https:" && !local;
  element("scan").hidden = !reachable;
  writeOrHide(element("unreachable"), reachable ? "" : t("Phones give pages a microphone only at addresses that begin with https, which this service does not have: start it with --tls-cert and --host 0.0.0.0, or behind a proxy."));
  element("address").textContent = masked(link.href);
  copiesOnClick(element("copy-link", HTMLButtonElement), () => link.href);
}
