// What is wrong with a source, and what to do. Pure.

import { t } from "../overlay/shared/i18n.js";

/** @import { SourceStatus } from "../overlay/shared/protocol.js" */

/** The engine of a source whose words a person types: it has no sound. */
export const CAPTIONER = "captioner";

export const INAUDIBLE = -55; // decibels below full scale
const PATIENCE = 10; // seconds of audio after which a silent source is reported
const BEHIND = 3; // seconds

/**
 * @param {SourceStatus} source
 * @param {boolean} paused
 * @returns {string} "" without a problem
 */
export function problemOf({ name, state, engine, level, seconds, lag, skipped }, paused) {
  if (state === "away") return t("{name} lost its connection: it can reconnect within half a minute; after that, start it again.", { name });
  if (paused) return "";
  if (lag >= BEHIND || (skipped > 0 && lag >= 1)) {
    return t("Recognition is {lag} s behind: choose a smaller model below, or stop a source.", { lag: lag.toFixed(1) });
  }
  if (engine !== CAPTIONER && level < INAUDIBLE && seconds > PATIENCE) {
    return t("{name} sends no sound: check whether it is muted, or the wrong device.", { name });
  }
  return "";
}
