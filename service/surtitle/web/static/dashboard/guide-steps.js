// The steps that lead somebody to their first captions, and how far they are. Pure.

import { t } from "../overlay/shared/i18n.js";
import { INAUDIBLE } from "./source-problems.js";

const DEMO = "Demo"; // the name of its source
const PATIENCE = 3; // seconds of audio after which a silent source is reported

/**
 * @import { ServiceStatus, SourceStatus } from "../overlay/shared/protocol.js"
 * @typedef {"microphone" | "tab" | "obs" | "file"} Choice
 * @typedef {"done" | "current" | "waiting" | "problem"} StepState
 * @typedef {"service" | "model" | "open" | "install" | "start" | "sound" | "words" | "overlay"} StepName
 * @typedef {{name: StepName, state: StepState, text: string, advice: string}} Step
 */

/** What has been seen since the choice was made; once true, it stays so. */
export class Progress {
  sound = false;
  words = false;
  overlay = false;
  /** @type {number | null} captions of all channels at the beginning, or when the demo last played */
  #before = null;

  /** Take in the newest state of the service. @param {ServiceStatus} status */
  update(status) {
    const sources = ownSources(status);
    const captions = status.channels.reduce((sum, channel) => sum + channel.captions, 0);
    if (this.#before === null || isDemoPlaying(status)) this.#before = captions;
    // a short source may begin and end between two states
    this.words ||= captions > this.#before || sources.some((source) => source.captions > 0);
    this.sound ||= this.words || sources.some(({ level, seconds }) => seconds > 0 && level >= INAUDIBLE);
    this.overlay ||= status.channels.some((channel) => channel.obs_overlays > 0);
  }
}

/**
 * The steps for a choice, in order; the first that is not done is the current one.
 * @param {Choice} choice
 * @param {ServiceStatus | null} status null while the service does not answer
 * @param {Progress} progress
 * @returns {Step[]}
 */
export function steps(choice, status, progress) {
  const sources = status ? ownSources(status) : [];
  const started = sources.length > 0 || progress.sound;
  /** @type {Step[]} */
  const list = [serviceStep(status), modelStep(status)];
  if (choice === "microphone") list.push(step("open", started, t("Open the page for a microphone, and press Start captions.")));
  if (choice === "tab") {
    list.push(
      step("install", started, t("Add Surtitle's extension to Chrome, Edge or Brave.")),
      step("start", started, t("Open a page that plays speech, press Surtitle's button, and then Caption this tab.")),
    );
  }
  if (choice === "obs") {
    list.push(
      step("install", started, t("Save the script for OBS below. In OBS, open Tools, Scripts, and add it with the plus sign.")),
      step("start", started, t("Press Test connection, and start streaming or recording.")),
    );
  }
  list.push(
    step("sound", progress.sound, t("Sound arrives."), silence(sources)),
    step("words", progress.words, t("Words appear.")),
  );
  if (choice === "obs") list.push(step("overlay", progress.overlay, t("OBS shows the overlay: press Add caption overlay to this scene.")));
  const current = list.find(({ name, state }) => state !== "done" && name !== "model"); // captions begin without it
  if (current && current.state === "waiting") current.state = "current";
  return list;
}

/** @param {StepName} name @param {boolean} done @param {string} text @param {string} [advice] what is wrong; empty without a problem @returns {Step} */
function step(name, done, text, advice = "") {
  if (done) return { name, text, state: "done", advice: "" };
  return { name, text, state: advice ? "problem" : "waiting", advice };
}

/** @param {ServiceStatus | null} status */
function serviceStep(status) {
  return step("service", status !== null, t("The service runs."), t("The service does not answer: start Surtitle again."));
}

/** @param {ServiceStatus | null} status */
function modelStep(status) {
  const loading = status?.loading ?? null;
  const ready = status !== null && (loading === null || loading.state === "failed");
  const percent = Math.round((loading?.done ?? 0) * 100);
  const text = ready || !loading
    ? t("The model is ready.")
    : t("The model is being downloaded ({percent} %). Until it is there, captions are less accurate.", { percent });
  return step("model", ready, text);
}

/** What to check if sources send only silence. @param {SourceStatus[]} sources */
function silence(sources) {
  const silent = sources.find(({ seconds }) => seconds > PATIENCE);
  return silent ? t("Only silence comes from {name}: check whether it is muted, or the wrong device.", { name: silent.name }) : "";
}

/** The sources of all channels that send sound, without the demo. @param {ServiceStatus} status @returns {SourceStatus[]} */
function ownSources(status) {
  return liveSources(status).filter(({ name }) => name !== DEMO);
}

/** Whether the demo plays, or its last words are still being recognized. @param {ServiceStatus} status */
function isDemoPlaying(status) {
  return status.demo || liveSources(status).some(({ name }) => name === DEMO);
}

/** @param {ServiceStatus} status */
function liveSources({ channels }) {
  return channels.flatMap((channel) => channel.sources).filter(({ state }) => state === "live");
}
