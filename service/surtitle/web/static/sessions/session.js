// One session: its transcript, which follows the playback, and what can be done with it.

import {
  BASE, ServiceError, deleteSession, getDifference, getSession, getSessionTranscript, renameSpeakers, sessionPath, startSecondPass, stopSecondPass,
} from "../overlay/shared/api.js";
import { create, element, part, write } from "../overlay/shared/dom.js";
import { formatBytes, formatClock, languageName, percent } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";
import { Downloads } from "../shared/downloads.js";
import { Playback } from "./playback.js";
import { sessionFacts, sessionTitle } from "./summary.js";
import { showDifference, showTranscript } from "./transcript.js";

/** @import { SecondPass, Session, SessionRecording } from "../overlay/shared/protocol.js" */

const REFRESH = 1000; // milliseconds between requests while something is being prepared

const id = document.body.dataset.session ?? "";
const playback = new Playback(element("audio", HTMLAudioElement), element("transcript"), element("follow"));
const message = element("message");
/** Translations are of the live captions. */
const languageChoice = element("language", HTMLSelectElement);
let version = ""; // that is shown: one of the session's, or "difference"
const downloads = new Downloads(sessionPath(id, "/"), id, { shiftable: true });
let versions = 0; // how many there were when it was shown
/** Aborts all requests while the session is being deleted. */
let requests = new AbortController();

element("delete").addEventListener("click", async () => {
  if (!confirm(t("Permanently delete the transcript and the recordings of this session?"))) return;
  requests.abort();
  playback.unload();
  try {
    await deleteSession(id);
    location.assign(`${BASE}/sessions`);
  } catch (error) {
    requests = new AbortController();
    await refresh();
    report(error);
  }
});
element("speakers").addEventListener("submit", async (event) => {
  event.preventDefault();
  const inputs = [...element("speakers").querySelectorAll("input")];
  await update(renameSpeakers(id, Object.fromEntries(inputs.map((input) => [input.name, input.value]))));
  await read(version);
});
element("polish").addEventListener("click", () => update(startSecondPass(id, requests.signal)));
element("stop").addEventListener("click", () => update(stopSecondPass(id)));
element("versions").addEventListener("click", (event) => {
  const chosen = /** @type {HTMLElement} */ (event.target).dataset.version;
  if (!chosen) return;
  if (chosen !== "live") languageChoice.value = "";
  read(chosen);
});
languageChoice.addEventListener("change", () => {
  read(languageChoice.value || version === "difference" ? "live" : version);
});

refresh();

function refresh() {
  return update(getSession(id, requests.signal));
}

/** Show a session when it arrives. @param {Promise<Session>} request */
async function update(request) {
  try {
    show(await request);
  } catch (error) {
    report(error);
  }
}

/** Show why a request failed. @param {unknown} error */
function report(error) {
  if (error instanceof ServiceError) message.textContent = error.message;
  else if (!requests.signal.aborted) throw error;
}

/** @param {Session} session */
function show(session) {
  message.textContent = "";
  document.title = `${sessionTitle(session)} · Surtitle`;
  write(element("title"), sessionTitle(session));
  write(element("facts"), sessionFacts(session));
  showAudio(session);
  showSecondPass(session);
  showSpeakers(session);
  showChoice(session);
  showFiles(session);
  downloads.setRecordings(session.obs_recordings ?? []);
  const best = session.versions.includes("polished") ? "polished" : "live";
  if (!version || session.versions.length !== versions) read(best);
  versions = session.versions.length;
  if (isBusy(session.polish) || (session.audio && session.audio.ready < 1)) setTimeout(refresh, REFRESH);
}

/** @param {Session} session */
function showAudio({ audio }) {
  element("player").hidden = !audio;
  if (!audio) return;
  const preparing = element("preparing");
  preparing.hidden = audio.ready === 1;
  write(preparing, t("The sources are being mixed: {percent} %", { percent: percent(audio.ready) }));
  element("audio").hidden = audio.ready < 1;
  if (audio.ready === 1) playback.load(sessionPath(id, "/audio"), audio.start);
}

/** @param {Session} session */
function showSecondPass({ audio, recording, polish, versions: known }) {
  element("second").hidden = !audio;
  const busy = isBusy(polish);
  const progress = element("polish-progress", HTMLProgressElement);
  progress.hidden = !busy;
  if (polish?.done) progress.value = polish.done;
  else progress.removeAttribute("value");
  element("polish").hidden = busy || recording;
  write(element("polish"), known.includes("polished") ? t("Transcribe once more") : t("Transcribe again"));
  element("stop").hidden = !busy;
  write(element("polish-state"), recording ? t("It is still being recorded.") : secondPassText(polish));
}

/** @param {SecondPass | null | undefined} pass */
function secondPassText(pass) {
  switch (pass?.state) {
    case "waiting":
      return t("Waiting for another session");
    case "running":
      return t("{percent} % done", { percent: percent(pass.done) });
    case "stopped":
      return t("Canceled: nothing has changed.");
    default:
      return pass?.message ?? "";
  }
}

/** @param {SecondPass | null | undefined} pass */
function isBusy(pass) {
  return pass?.state === "running" || pass?.state === "waiting";
}

/** @param {Session} session */
function showSpeakers({ speakers = [] }) {
  const box = element("speakers");
  box.hidden = !speakers.length;
  if (box.querySelector("input:focus")) return; // somebody is writing
  const rows = speakers.map(({ name, shown }) => {
    const input = create("input");
    [input.name, input.value, input.placeholder, input.maxLength, input.dir] = [name, shown === name ? "" : shown, name, 80, "auto"];
    const label = create("label", "", name);
    label.append(input);
    return label;
  });
  part(box, ".names").replaceChildren(...rows);
}

/** @param {Session} session */
function showChoice({ versions: known, languages }) {
  element("versions").hidden = !known.includes("polished");
  element("language-choice").hidden = !languages.length;
  for (const tag of languages) {
    if ([...languageChoice.options].some((option) => option.value === tag)) continue;
    languageChoice.add(new Option(languageName(tag, tag), tag));
  }
}

/** @param {Session} session */
function showFiles({ audio, recordings, channel }) {
  const box = element("files");
  box.hidden = !audio;
  if (!audio) return;
  const rows = recordings.map((recording) => recordingRow(recording, channel));
  if (recordings.length > 1) {
    const mix = create("a", "", t("All together"));
    mix.href = sessionPath(id, "/audio");
    mix.download = "";
    const item = create("li");
    item.append(mix);
    rows.unshift(item);
  }
  part(box, "ul").replaceChildren(...rows);
}

/** @param {SessionRecording} recording @param {string} channel */
function recordingRow({ file, source, seconds, bytes, problem }, channel) {
  const link = create("a", "", source);
  link.href = sessionPath(id, `/recordings/${encodeURIComponent(file)}`);
  link.download = `${channel}-${file}`;
  link.title = problem;
  const item = create("li");
  item.append(link, ` ${formatClock(seconds)}, ${formatBytes(bytes)}${problem ? `. ${problem}` : ""}`);
  return item;
}

/** Show a version. @param {string} chosen */
async function read(chosen) {
  version = chosen;
  for (const button of element("versions").querySelectorAll("button")) {
    button.ariaPressed = String(button.dataset.version === chosen);
  }
  const different = chosen === "difference";
  const place = element("transcript");
  const summary = element("summary");
  summary.hidden = !different;
  const language = languageChoice.value;
  const query = new URLSearchParams({ version: different ? "polished" : chosen, ...(language && { lang: language }) });
  try {
    if (different) {
      const difference = await getDifference(id, requests.signal);
      if (version !== chosen) return;
      showDifference(place, difference, summary);
    } else {
      const { captions } = await getSessionTranscript(id, query, requests.signal);
      if (version !== chosen) return;
      showTranscript(place, captions);
    }
  } catch (error) {
    return report(error);
  }
  playback.transcriptChanged();
  if (!element("player").hidden) query.set("clock", "audio");
  downloads.setQuery(query);
  if (!element("exports").hasChildNodes()) element("exports").append(...downloads.nodes);
}
