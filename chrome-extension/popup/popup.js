// The popup: shows what runs in its tab, and asks the worker for changes. It makes no decisions.

import { isChannelName, pageLinks, serverAddress } from "../shared/address.js";
import { capturesTabs } from "../shared/browser.js";
import { ask } from "../shared/messages.js";
import { element, field, fillLanguages, fillTranslations, input, text, translate, writeOrHide } from "../shared/page.js";
import { problemOf } from "../shared/problem.js";
import { sentence } from "../shared/sentence.js";
import { StatusWatcher } from "../shared/service-status.js";
import { load, save } from "../shared/settings.js";

/**
 * @import { MeteredTab, WatchPortMessage } from "../shared/message-types.js"
 * @import { PageLinks, ServiceStatus } from "../shared/protocol.js"
 * @import { Settings } from "../shared/settings.js"
 * @import { Problem, SourceState, TabState } from "../shared/state.js"
 */

const DOWNLOAD = "https://github.com/surtitle/surtitle/releases/latest";
const METER_RANGE = 60; // decibels below full scale at which the level meter begins
const COPIED = 1500; // milliseconds

const toggle = element("toggle", HTMLButtonElement);
const watcher = new StatusWatcher(showService, { wanted: () => !tab, found: useService });
let settings = await load();
const [activeTab] = await chrome.tabs.query({ active: true, currentWindow: true });
const tabId = activeTab?.id ?? -1;
/** @type {TabState | MeteredTab | null} */
let tab = null;
/** @type {Problem | null} */
let problem = null;
let boxLost = false;
/** @type {chrome.runtime.Port | null} */
let port = null;
let reachable = false; // the service
/** By channel, if the pages need a token. @type {Record<string, PageLinks>} */
let linksWithToken = {};
let busy = true; // until the worker has answered

document.body.dataset.captures = String(capturesTabs);
translate();
fillLanguages("language", settings.language);
fillTranslations("translation", settings.translation);
field("source").value = activeTab?.title ?? "";
field("channel").value = settings.channel;
field("server").value = settings.server;
field("token").value = settings.token;
input("box").checked = settings.box;
input("microphone").checked = settings.microphone;
element("download", HTMLAnchorElement).href = DOWNLOAD;
watchService();
toggle.addEventListener("click", () => {
  const stops = Boolean(tab);
  act(() => (stops ? ask({ to: "worker", type: "stop", tabId })
    : ask({ to: "worker", type: "start", tabId, source: field("source").value })));
});
input("box").addEventListener("change", async () => {
  const on = input("box").checked;
  await change({ box: on });
  if (tab) act(() => ask({ to: "worker", type: "setBox", tabId, on }));
});
input("microphone").addEventListener("change", async () => {
  const on = input("microphone").checked;
  await change({ microphone: on });
  if (tab) act(() => ask({ to: "worker", type: "setMicrophone", tabId, on }));
});
field("channel").addEventListener("change", () => {
  const channel = field("channel").value.trim();
  const valid = isChannelName(channel);
  field("channel").setAttribute("aria-invalid", String(!valid));
  if (valid) change({ channel });
  else writeOrHide(element("problem"), sentence({ code: "channelName" }));
});
field("language").addEventListener("change", () => change({ language: field("language").value }));
field("translation").addEventListener("change", () => change({ translation: field("translation").value }));
field("token").addEventListener("change", () => change({ token: field("token").value.trim() }).then(watchService));
field("server").addEventListener("change", async () => {
  const server = serverAddress(field("server").value);
  field("server").setAttribute("aria-invalid", String(!server));
  if (!server) return writeOrHide(element("problem"), sentence({ code: "address" }));
  field("server").value = server;
  writeOrHide(element("found"), "");
  await change({ server });
  watchService();
});
element("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(element("overlay", HTMLAnchorElement).href);
  showCopied(true);
  setTimeout(() => showCopied(false), COPIED);
});
element("options").addEventListener("click", () => chrome.runtime.openOptionsPage());
await act(async () => {});

/** Do what was clicked, and show what went wrong. @param {() => Promise<unknown>} action */
async function act(action) {
  busy = true;
  show();
  /** @type {Problem | null} */
  let failure = null;
  await action().catch((error) => (failure = problemOf(error)));
  await refresh();
  if (failure) problem = failure;
  busy = false;
  show();
  watchTab();
}

async function refresh() {
  ({ tab, problem, boxLost } = await ask({ to: "worker", type: "getTab", tabId }));
  show();
}

/** Get the state of the tab several times a second, from the offscreen page itself. */
function watchTab() {
  if (port || !tab) return;
  port = chrome.runtime.connect({ name: "watch" });
  port.onMessage.addListener((/** @type {WatchPortMessage} */ { tabs }) => {
    const before = tab;
    tab = tabs.find((one) => one.tabId === tabId) ?? null;
    if (before && !tab && !busy) refresh();
    show();
  });
  port.onDisconnect.addListener(() => {
    port = null;
    refresh();
  });
}

function watchService() {
  const server = serverAddress(settings.server);
  if (server) watcher.watch(server, settings.token);
  showLinks();
}

/** The service is not at the address in the settings, but at another one on this computer. @param {string} server */
async function useService(server) {
  await change({ server });
  field("server").value = server;
  writeOrHide(element("found"), text("found", server));
  watchService();
}

/** @param {ServiceStatus | null} status @param {Problem | null} failure */
function showService(status, failure) {
  reachable = Boolean(status);
  linksWithToken = status?.links ?? {};
  showLinks();
  const place = element("service");
  place.dataset.state = status ? "live" : "lost";
  const model = status?.model.split(/[\\/]/).filter(Boolean).pop() ?? "";
  writeOrHide(place, status ? `${status.engine} ${model}` : text("serviceLost"));
  place.title = status?.notice ?? "";
  const needsHelp = failure?.code === "unreachable" && !tab;
  document.body.dataset.first = String(needsHelp);
  element("help").hidden = !needsHelp;
  if (failure && failure.code !== "unreachable") writeOrHide(element("problem"), sentence(failure));
  if (status) element("channels").replaceChildren(...status.channels.map(({ name }) => new Option(name)));
  show();
}

function show() {
  element("main").setAttribute("aria-busy", String(busy));
  element("tab").dataset.phase = tab?.tab.phase ?? "off";
  toggle.textContent = text(toggleText());
  toggle.disabled = busy || (!tab && !reachable);
  for (const id of ["source", "channel", "language", "translation", "server", "token"]) field(id).disabled = Boolean(tab);
  element("live").hidden = !tab;
  if (tab) showSource(tab.tab);
  else writeOrHide(element("lost"), "");
  input("box").checked = tab ? tab.box : settings.box;
  writeOrHide(element("boxNote"), text(boxLost && tab?.box ? "boxNotHere" : "boxNote"));
  showMicrophone();
  const levels = tab && "levels" in tab ? tab.levels : null;
  showLevel("level", levels?.tab ?? null);
  showLevel("microphoneLevel", levels?.microphone ?? null);
  showProblem();
  showLinks();
}

function toggleText() {
  if (tab) return "stop";
  if (!reachable) return "startLater";
  return capturesTabs ? "start" : "startBox";
}

/** @param {SourceState} source */
function showSource(source) {
  field("source").value = source.name;
  writeOrHide(element("phase"), text(`phase_${source.phase}`));
  element("delay").textContent = delayText(source);
  element("engine").textContent = [source.engine, source.language, source.notice].filter(Boolean).join(" · ");
  writeOrHide(element("recipient"), source.recipient ? text("recipient", source.recipient) : "");
  writeOrHide(element("lost"), source.lost >= 0.1 ? text("lostSound", source.lost.toFixed(1)) : "");
}

/** @param {SourceState} source */
function delayText({ lag, delay }) {
  if (lag >= 1) return text("lag", lag.toFixed(1));
  return delay === null ? "" : text("delay", delay.toFixed(1));
}

function showMicrophone() {
  const microphone = tab?.microphone;
  const name = microphone?.name || settings.microphoneName || text("you");
  input("microphone").checked = tab ? Boolean(microphone) : settings.microphone;
  writeOrHide(element("microphoneNote"), microphone?.problem ? sentence(microphone.problem) : text("microphoneNote", name));
}

/** The last sentence stays until there is another, or a capture runs. */
function showProblem() {
  const current = tab?.tab.problem ?? problem;
  const helpSaysIt = current?.code === "unreachable" && !element("help").hidden;
  const shown = current && !helpSaysIt ? sentence(current) : "";
  if (shown || !element("problem").textContent || tab) writeOrHide(element("problem"), shown);
}

/** @param {string} id @param {number | null} level decibels below full scale */
function showLevel(id, level) {
  const meter = element(id, HTMLMeterElement);
  if (id !== "level") meter.hidden = level === null;
  meter.value = Math.max(0, METER_RANGE + (level ?? -METER_RANGE));
}

function showLinks() {
  const server = tab?.server ?? serverAddress(settings.server);
  if (!server) return;
  const channel = tab?.channel ?? settings.channel;
  const links = linksWithToken[channel] ?? pageLinks(server, channel);
  element("viewer", HTMLAnchorElement).href = inLanguage(links.viewer, settings.translation);
  element("speak", HTMLAnchorElement).href = speakPage(server, channel);
  element("overlay", HTMLAnchorElement).href = inLanguage(links.overlay, settings.translation);
}

/** The page that captions the microphone; it publishes, so it needs the token itself. @param {string} server @param {string} channel */
function speakPage(server, channel) {
  const page = new URL(`${server}/speak/${encodeURIComponent(channel)}`);
  if (settings.token) page.searchParams.set("token", settings.token);
  return page.href;
}

/** A page in the language that is read. @param {string} page @param {string} language "" for the original */
function inLanguage(page, language) {
  if (!language) return page;
  const address = new URL(page);
  address.searchParams.set("lang", language);
  return address.href;
}

/** @param {boolean} copied */
function showCopied(copied) {
  element("copy").dataset.done = String(copied);
  element("copy").setAttribute("aria-label", text(copied ? "copied" : "copyOverlay"));
}

/** @param {Partial<Settings>} changed */
async function change(changed) {
  await save(changed);
  settings = await load();
  writeOrHide(element("problem"), "");
  show();
}
