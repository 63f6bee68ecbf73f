// What keeps a microphone from being captioned, and what to do, as one sentence. Pure.

import { t } from "../overlay/shared/i18n.js";

/**
 * @import { Problem, SourceState } from "../extension/shared/state.js"
 */

const INAUDIBLE = -55; // decibels below full scale
const BEHIND = 3; // seconds

/** Whether this is too quiet to be speech. @param {number} level decibels below full scale */
export function isInaudible(level) {
  return level < INAUDIBLE;
}

/** Why this page cannot use a microphone; "" if it can. @param {{isSecureContext: boolean, mediaDevices: unknown}} browser */
export function obstacle({ isSecureContext, mediaDevices }) {
  if (!isSecureContext) {
    return t("Browsers allow the microphone only on the computer that runs Surtitle and at addresses that begin with https: speak on that computer, or start the service with --tls-cert or behind a proxy.");
  }
  return mediaDevices ? "" : t("This browser gives pages no microphone: open this page in another browser.");
}

/** Why the microphone could not be opened. @param {unknown} error of `getUserMedia` */
export function captureProblem(error) {
  const { name = "", message = String(error) } = error instanceof Error ? error : {};
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return t("The microphone is blocked: allow it at the left of the address, or in the settings of this device, and start again.");
    case "NotFoundError":
    case "OverconstrainedError":
      return t("No microphone was found: connect one, and start again.");
    case "NotReadableError":
    case "AbortError":
      return t("The microphone cannot be used: close other programs that use it, and start again.");
    default:
      return t("The microphone cannot be used: {message}", { message });
  }
}

/** What a speaker should know about the state; "" if all is well. @param {SourceState} state */
export function stateText({ phase, problem, notice, lag }) {
  switch (phase) {
    case "connecting":
      return problem ? problemText(problem) : "";
    case "live":
      if (lag >= BEHIND) return t("Captions are {lag} s behind: speak on, or choose a smaller model on the dashboard.", { lag: lag.toFixed(0) });
      return notice;
    case "reconnecting":
      return problem?.detail || t("The connection was lost: speak on, the last minute is kept and captioned when it is back.");
    default:
      return problem ? problemText(problem) : "";
  }
}

/** To whom the voice is sent; "" if it stays on the computer of the service. @param {SourceState} state */
export function recipientText({ phase, recipient }) {
  return phase === "live" && recipient ? t("Your voice is sent to {recipient} to be recognized.", { recipient }) : "";
}

/** @param {Problem} problem */
function problemText({ code, detail }) {
  switch (code) {
    case "microphoneEnded":
      return t("The microphone was disconnected: connect it, and start again.");
    case "token":
    case "forbidden":
      return t("This link is no longer valid: ask for a new one.");
    case "unreachable":
    case "stopping":
      return t("The service does not answer.");
    default:
      return detail || t("The service refuses this source: reload the page, and start again.");
  }
}
