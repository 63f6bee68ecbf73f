// The popup: shows what runs in this tab, and asks the worker. It decides nothing.

import { isChannel, links, serverAddress } from "../shared/address.js";
import { ask } from "../shared/messages.js";
import { element, field, fillLanguages, fillTranslations, say, text, translate } from "../shared/page.js";
import { problemOf, sentence } from "../shared/problem.js";
import { load, save } from "../shared/settings.js";
import { Service } from "./service.js";

/** @typedef {import("../shared/state.js").TabState & {levels?: {tab: number, microphone: number | null}}} TabState */

const FLOOR = 60; // dB below full scale at which the meter begins

const toggle = /** @type {HTMLButtonElement} */ (element("toggle"));
const service = new Service(showService);
let settings = await load();
const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
const tabId = tab?.id ?? -1;
/** @type {TabState | null} */
let state = null;
/** @type {import("../shared/state.js").Problem | null} */
let problem = null;
let away = false;
/** @type {chrome.runtime.Port | null} */
let port = null;
let reachable = false;
/** Links that the service gives, because they need a token, by channel. @type {NonNullable<import("./service.js").Status["links"]>} */
let told = {};
let busy = true; // until it is known what runs

translate();
fillLanguages("language", settings.language);
fillTranslations("translation", settings.translation);
field("source").value = tab?.title ?? "";
field("channel").value = settings.channel;
field("server").value = settings.server;
field("token").value = settings.token;
field("box").checked = settings.box;
field("microphone").checked = settings.microphone;
watchService();
toggle.addEventListener("click", () => {
  const running = state;
  act(() => (running ? ask("worker", "stop", { tabId }) : ask("worker", "start", { tabId, choice: { source: field("source").value } })));
});
field("box").addEventListener("change", async () => {
  const on = field("box").checked;
  await keep({ box: on });
  if (state) act(() => ask("worker", "box", { tabId, on }));
});
field("microphone").addEventListener("change", async () => {
  const on = field("microphone").checked;
  await keep({ microphone: on });
  if (state) act(() => ask("worker", "microphone", { tabId, on }));
});
field("channel").addEventListener("change", () => {
  const channel = field("channel").value.trim();
  const right = isChannel(channel);
  field("channel").setAttribute("aria-invalid", String(!right));
  if (right) keep({ channel });
  else say(element("problem"), sentence({ code: "channelName" }));
});
field("language").addEventListener("change", () => keep({ language: field("language").value }));
field("translation").addEventListener("change", () => keep({ translation: field("translation").value }));
field("token").addEventListener("change", () => keep({ token: field("token").value.trim() }).then(watchService));
field("server").addEventListener("change", async () => {
  const server = serverAddress(field("server").value);
  field("server").setAttribute("aria-invalid", String(!server));
  if (!server) return say(element("problem"), sentence({ code: "address" }));
  field("server").value = server;
  await keep({ server });
  watchService();
});
element("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(/** @type {HTMLAnchorElement} */ (element("overlay")).href);
  copied(true);
  setTimeout(() => copied(false), 1500);
});
element("options").addEventListener("click", () => chrome.runtime.openOptionsPage());
await act(async () => {});

/** Do what a click asks for, and tell what went wrong. @param {() => Promise<unknown>} asked */
async function act(asked) {
  busy = true;
  show();
  let failed = null;
  await asked().catch((error) => (failed = problemOf(error)));
  await refresh();
  if (failed) problem = failed;
  busy = false;
  show();
  listen();
}

async function refresh() {
  ({ tab: state, problem, away } = await ask("worker", "state", { tabId }));
  show();
}

/** Follow what runs, several times a second, from where it runs. */
function listen() {
  if (port || !state) return;
  port = chrome.runtime.connect({ name: "watch" });
  port.onMessage.addListener(({ tabs }) => {
    const before = state?.tab.phase;
    state = tabs.find((/** @type {TabState} */ one) => one.tabId === tabId) ?? null;
    if (before && !state && !busy) refresh();
    show();
  });
  port.onDisconnect.addListener(() => {
    port = null;
    refresh();
  });
}

function watchService() {
  const server = serverAddress(settings.server);
  if (server) service.watch(server, settings.token);
  showLinks();
}

/** @param {import("./service.js").Status | null} status @param {import("../shared/state.js").Problem | null} failed */
function showService(status, failed) {
  reachable = Boolean(status);
  told = status?.links ?? {};
  showLinks();
  const place = element("service");
  place.dataset.state = status ? "live" : "lost";
  const model = status?.model.split(/[\\/]/).filter(Boolean).pop() ?? "";
  say(place, status ? `${status.engine} ${model}` : text("serviceLost"));
  place.title = status?.notice ?? "";
  const first = failed?.code === "unreachable" && !state;
  document.body.dataset.first = String(first);
  element("help").hidden = !first;
  if (failed && failed.code !== "unreachable") say(element("problem"), sentence(failed));
  if (status) {
    element("channels").replaceChildren(...status.channels.map(({ name }) => new Option(name)));
  }
  show();
}

function show() {
  element("main").setAttribute("aria-busy", String(busy));
  const phase = state?.tab.phase ?? "off";
  element("tab").dataset.phase = phase;
  toggle.textContent = text(state ? "stop" : reachable ? "start" : "startLater");
  toggle.disabled = busy || (!state && !reachable);
  for (const id of ["source", "channel", "language", "translation", "server", "token"]) field(id).disabled = Boolean(state);
  element("live").hidden = !state;
  if (state) showSource(state);
  else say(element("lost"), "");
  field("microphone").checked = state ? Boolean(state.microphone) : settings.microphone;
  field("box").checked = state ? state.box : settings.box;
  say(element("boxNote"), away && state?.box ? text("boxNotHere") : text("boxNote"));
  const microphone = state?.microphone;
  say(element("microphoneNote"), microphone?.problem ? sentence(microphone.problem)
    : text("microphoneNote", microphone?.name || settings.microphoneName || text("you")));
  meter("microphoneLevel", state?.levels?.microphone ?? null);
  const trouble = state?.tab.problem ?? problem;
  const shown = trouble && !(trouble.code === "unreachable" && !element("help").hidden) ? sentence(trouble) : "";
  if (shown || !element("problem").textContent || state) say(element("problem"), shown);
  showLinks();
}

/** @param {TabState} now */
function showSource({ tab: source, levels }) {
  field("source").value = source.name;
  say(element("phase"), text(`phase_${source.phase}`));
  const behind = source.lag >= 1;
  const delay = behind ? text("lag", source.lag.toFixed(1)) : source.delay === null ? "" : text("delay", source.delay.toFixed(1));
  element("delay").textContent = delay;
  element("engine").textContent = [source.engine, source.language, source.notice].filter(Boolean).join(" · ");
  meter("level", levels?.tab ?? null);
  say(element("lost"), source.lost >= 0.1 ? text("lostSound", source.lost.toFixed(1)) : "");
}

/** @param {string} id @param {number | null} level dB */
function meter(id, level) {
  const place = /** @type {HTMLMeterElement} */ (element(id));
  if (id !== "level") place.hidden = level === null;
  place.value = Math.max(0, FLOOR + (level ?? -FLOOR));
}

/**
 * Both pages in the language that is read.
 * @param {{viewer: string, overlay: string}} pages @param {string} language "" for what is spoken
 */
function translated(pages, language) {
  if (!language) return pages;
  const [viewer, overlay] = [pages.viewer, pages.overlay].map((page) => {
    const address = new URL(page);
    address.searchParams.set("lang", language);
    return address.href;
  });
  return { viewer, overlay };
}

function showLinks() {
  const server = state?.server ?? serverAddress(settings.server);
  if (!server) return;
  const channel = state?.channel ?? settings.channel;
  const { viewer, overlay } = translated(told[channel] ?? links(server, channel), settings.translation);
  /** @type {HTMLAnchorElement} */ (element("viewer")).href = viewer;
  /** @type {HTMLAnchorElement} */ (element("overlay")).href = overlay;
}

/** @param {boolean} done */
function copied(done) {
  element("copy").dataset.done = String(done);
  element("copy").setAttribute("aria-label", text(done ? "copied" : "copyOverlay"));
}

/** @param {Partial<import("../shared/settings.js").Settings>} changed */
async function keep(changed) {
  await save(changed);
  settings = await load();
  say(element("problem"), "");
  show();
}
