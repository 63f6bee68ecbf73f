// A channel on the dashboard.

import { BASE, changeSettings, channelPath, clearChannel, getLinks } from "../overlay/shared/api.js";
import { copiesOnClick } from "../overlay/shared/clipboard.js";
import { cloneTemplate, create, part, write, writeAll } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { masked } from "../overlay/shared/token.js";
import { Downloads } from "../shared/downloads.js";
import { isAlerted, setUpAlerts, showAlerts } from "./alerts.js";
import { setUpClosedCaptions, showClosedCaptions } from "./closed-captions.js";
import { setUpIngests, showIngests } from "./ingests.js";
import { liveTranscript } from "./live-transcript.js";
import { setUpModel, showLoading } from "./model.js";
import { setUpOutputs, showOutputs } from "./outputs.js";
import { setUpRecording, showRecording } from "./recording.js";
import { problemOf } from "./source-problems.js";
import { showSources } from "./sources.js";
import { setUpSpeakers, showSpeakers } from "./speakers.js";
import { setUpStyleEditor } from "./style-editor.js";
import { setUpTranslation, showTranslation } from "./translation.js";

/** @import { ChannelStatus, SourceStatus } from "../overlay/shared/protocol.js" */

export class ChannelCard {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.element = cloneTemplate("channel-template");
    this.pause = part(this.element, ".pause");
    write(part(this.element, ".name"), name);
    showLinks(part(this.element, ".links"), name);
    part(this.element, ".exports").append(...new Downloads(channelPath(name, "/"), name).nodes);
    setUpModel(this.element, name);
    setUpStyleEditor(this.element, name);
    setUpIngests(this.element, name);
    setUpClosedCaptions(this.element, name);
    setUpOutputs(this.element, name);
    setUpAlerts(this.element, name);
    setUpRecording(this.element, name);
    setUpTranslation(this.element, name);
    setUpSpeakers(this.element, name);
    this.captions = liveTranscript(name, part(this.element, ".captions"));
    this.pause.addEventListener("click", () => {
      ignoreFailure(changeSettings(name, { paused: this.pause.ariaPressed !== "true" }));
    });
    part(this.element, ".clear").addEventListener("click", () => {
      if (confirm(t("Clear the screens and the transcript of {name}?", { name }))) ignoreFailure(clearChannel(name));
    });
  }

  remove() {
    this.captions.close();
    this.element.remove();
  }

  /** @param {ChannelStatus} channel */
  show(channel) {
    const card = this.element;
    const others = Math.max(0, channel.readers - 1); // this page is a reader too
    write(part(card, ".readers"), t("readers: {others}, captions: {captions}", { others, captions: channel.captions }));
    part(card, ".readers").title = channel.service ?? "";
    this.pause.ariaPressed = String(channel.paused);
    write(this.pause, channel.paused ? t("Resume") : t("Pause"));
    card.dataset.paused = String(channel.paused || channel.scenes.paused);
    writeAll(part(card, ".problems"), "p", problemsOf(channel));
    this.showSources(channel.sources);
    showLoading(part(card, ".switch"), channel.switch);
    showIngests(card, this.name, channel.ingests);
    showClosedCaptions(card, channel.closed_captions, channel.scenes);
    showOutputs(card, channel.outputs);
    showAlerts(card, channel.alerts);
    showRecording(card, channel.recording);
    showTranslation(card, channel.translation);
    showSpeakers(card, channel.name, channel.diarization, Math.max(0, ...channel.sources.map((source) => source.speakers_skipped ?? 0)));
  }

  /** @param {SourceStatus[]} sources */
  showSources(sources) {
    part(this.element, ".no-sources").hidden = sources.length > 0;
    showSources(part(this.element, ".sources"), sources);
  }
}

/** @param {ChannelStatus} channel */
function problemsOf({ recording, paused, scenes, sources, alerts }) {
  const problems = sources.filter(({ name }) => !isAlerted(alerts, name)).map((source) => problemOf(source, paused || scenes.paused));
  const pauses = [
    paused ? t("Paused: nothing is captioned until you resume.") : "",
    scenes.paused ? t("Paused by OBS: the scene {scene} is on program.", { scene: scenes.scene }) : "",
  ];
  return [recording.problem, ...pauses, ...problems].filter(Boolean);
}

/** Requests whose effect the page shows by itself: so it does when the service is gone. @param {Promise<unknown>} request */
function ignoreFailure(request) {
  request.catch(() => {});
}

/** The addresses of a channel's pages; only the service knows the host name and the token for others. @param {HTMLElement} place @param {string} channel */
async function showLinks(place, channel) {
  const path = encodeURIComponent(channel);
  const { overlay, viewer } = await getLinks(channel).catch(() => ({
    overlay: `${location.origin}${BASE}/overlay/${path}`, viewer: `${location.origin}${BASE}/view/${path}`,
  }));
  const speak = `${location.origin}${BASE}/speak/${path}`; // with this browser's own token
  const audio = new URL(`../api/channels/${path}/audio`, viewer).href.replace("http", "ws");
  place.append(
    ...linkRow(t("Overlay for OBS"), overlay, create("a")),
    ...linkRow(t("Readers' page"), viewer, create("a")),
    ...linkRow(t("Page for a microphone"), speak, create("a")),
    ...linkRow(t("Address for audio"), audio, create("span")),
  );
}

/** @param {string} label @param {string} url @param {HTMLAnchorElement | HTMLSpanElement} address the element for it */
function linkRow(label, url, address) {
  address.className = "address";
  address.textContent = masked(url);
  if (address instanceof HTMLAnchorElement) {
    address.href = url;
    address.target = "_blank";
  }
  const copy = create("button", "", t("Copy"));
  copy.type = "button";
  copy.setAttribute("aria-label", `${t("Copy")}: ${label}`);
  copiesOnClick(copy, () => url);
  const details = create("dd");
  details.append(address, copy);
  return [create("dt", "", label), details];
}
