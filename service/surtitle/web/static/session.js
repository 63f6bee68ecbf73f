// One session: what was said, following what is heard, and what can be done with it.

import { t } from "/static/overlay/i18n.js";
import { downloads } from "/static/downloads.js";
import { Playback } from "/static/playback.js";
import { clock, size } from "/static/recording.js";
import { showDifference, showTranscript } from "/static/words.js";
import { factsOf, titleOf } from "/static/sessions.js";

/** @typedef {import("/static/sessions.js").Session} Session */

const PATIENCE = 1000; // milliseconds between two looks at what takes a while

const id = document.body.dataset.session ?? "";
const base = `/api/sessions/${encodeURIComponent(id)}`;
const playback = new Playback(
  /** @type {HTMLAudioElement} */ (element("audio")), element("transcript"), element("follow"),
);
/** What is on the page: a version, or "difference". */
let version = "";
/** How many versions there were when it was drawn. */
let versions = 0;
/** Ends what was asked for, and that anything is, while the session is being deleted. */
let asking = new AbortController();
/** The language; translations are of the live captions. */
const choice = /** @type {HTMLSelectElement} */ (element("language"));

element("delete").addEventListener("click", async () => {
  if (!confirm(t("Delete what was said and recorded in this session for good?"))) return;
  asking.abort();
  playback.unload();
  if (await ask("", "DELETE")) return location.assign("/sessions");
  asking = new AbortController();
  const why = element("told").textContent ?? "";
  await look();
  tell(why);
});
element("polish").addEventListener("click", async () => show(await ask("/polish", "POST")));
element("stop").addEventListener("click", async () => show(await ask("/polish", "DELETE")));
element("versions").addEventListener("click", (event) => {
  const chosen = /** @type {HTMLElement} */ (event.target).dataset.version;
  if (!chosen) return;
  if (chosen !== "live") choice.value = "";
  read(chosen);
});
choice.addEventListener("change", () => read(choice.value || version === "difference" ? "live" : version));

look();

async function look() {
  show(await ask(""));
}

/** @param {Session | undefined} session */
function show(session) {
  if (!session) return;
  tell("");
  document.title = `${titleOf(session)} · Surtitle`;
  element("title").textContent = titleOf(session);
  element("facts").textContent = factsOf(session);
  showAudio(session);
  showSecondPass(session);
  showChoice(session);
  showFiles(session);
  const best = session.versions.includes("polished") ? "polished" : "live";
  if (!version || session.versions.length !== versions) read(best);
  versions = session.versions.length;
  const busy = session.polish?.state === "running" || session.polish?.state === "waiting";
  if (busy || (session.audio && session.audio.ready < 1)) setTimeout(look, PATIENCE);
}

/** @param {Session} session */
function showAudio({ audio }) {
  element("player").hidden = !audio;
  if (!audio) return;
  const preparing = element("preparing");
  preparing.hidden = audio.ready === 1;
  preparing.textContent = t("The sources are being mixed: {percent} %", { percent: Math.floor(audio.ready * 100) });
  element("audio").hidden = audio.ready < 1;
  if (audio.ready === 1) playback.load(`${base}/audio`, audio.start);
}

/** @param {Session} session */
function showSecondPass({ audio, recording, polish, versions: known }) {
  element("second").hidden = !audio;
  const busy = polish?.state === "running" || polish?.state === "waiting";
  const progress = /** @type {HTMLProgressElement} */ (element("polish-progress"));
  progress.hidden = !busy;
  if (polish?.done) progress.value = polish.done;
  else progress.removeAttribute("value");
  element("polish").hidden = busy || recording;
  element("polish").textContent = known.includes("polished") ? t("Transcribe once more") : t("Transcribe again");
  element("stop").hidden = !busy;
  element("polish-state").textContent = recording ? t("It is still being recorded.")
    : polish?.state === "waiting" ? t("Waits for another session")
    : polish?.state === "running" ? t("{percent} % done", { percent: Math.floor(polish.done * 100) })
    : polish?.state === "stopped" ? t("Given up: nothing has changed.")
    : polish?.message ?? "";
}

/** @param {Session} session */
function showChoice({ versions: known, languages }) {
  element("versions").hidden = !known.includes("polished");
  element("language-choice").hidden = !languages.length;
  for (const one of languages) {
    if ([...choice.options].some((option) => option.value === one)) continue;
    const name = new Intl.DisplayNames([document.documentElement.lang], { type: "language", fallback: "code" }).of(one);
    choice.add(new Option(name, one));
  }
}

/** @param {Session} session */
function showFiles({ audio, recordings, channel }) {
  const box = element("files");
  box.hidden = !audio;
  if (!audio) return;
  const links = recordings.map(({ file, source, seconds, bytes, problem }) => {
    const link = document.createElement("a");
    link.href = `${base}/recordings/${encodeURIComponent(file)}`;
    link.download = `${channel}-${file}`;
    link.textContent = source;
    link.title = problem;
    return line(link, ` ${clock(seconds)}, ${size(bytes)}${problem ? `. ${problem}` : ""}`);
  });
  if (recordings.length > 1) {
    const all = document.createElement("a");
    all.href = `${base}/audio`;
    all.download = "";
    all.textContent = t("All together");
    links.unshift(line(all, ""));
  }
  /** @type {HTMLElement} */ (box.querySelector("ul")).replaceChildren(...links);
}

/** @param {Node} link @param {string} text */
function line(link, text) {
  const item = document.createElement("li");
  item.append(link, text);
  return item;
}

/** Put a version on the page. @param {string} chosen */
async function read(chosen) {
  version = chosen;
  for (const button of element("versions").querySelectorAll("button")) {
    button.ariaPressed = String(button.dataset.version === chosen);
  }
  const different = chosen === "difference";
  element("summary").hidden = !different;
  const query = new URLSearchParams({ version: different ? "polished" : chosen, ...(choice.value && { lang: choice.value }) });
  const found = await ask(different ? "/difference" : `/transcript.json?${query}`);
  if (!found || version !== chosen) return;
  if (different) showDifference(element("transcript"), found, element("summary"));
  else showTranscript(element("transcript"), found.captions);
  playback.read();
  if (!element("player").hidden) query.set("clock", "audio");
  element("exports").replaceChildren(...downloads(`${base}/`, id, String(query)));
}

/** @param {string} path @param {string} [method] @returns {Promise<any>} nothing if that did not work, which is told */
async function ask(path, method = "GET") {
  const signal = method === "DELETE" ? null : asking.signal;
  try {
    const answer = await fetch(`${base}${path}`, { method, signal });
    const found = await answer.json();
    if (answer.ok) return found;
    tell(found.message);
  } catch {
    if (!signal?.aborted) tell(t("The service does not answer."));
  }
  return undefined;
}

/** @param {string} text */
function tell(text) {
  element("told").textContent = text;
}

/** @param {string} name */
function element(name) {
  return /** @type {HTMLElement} */ (document.getElementById(name));
}
