// What is wrong with a source, in words, and what to do. Pure.

import { t } from "/static/overlay/i18n.js";

const QUIET = -55; // decibels: below, nobody could be heard
const PATIENCE = 10; // seconds of audio after which a silent source is worth a word
const BEHIND = 3; // seconds

/**
 * @param {{name: string, state: string, level: number, seconds: number, lag: number, skipped: number, speaking: boolean}} source
 * @param {boolean} paused
 * @returns {string} "" if all is well
 */
export function problemOf({ name, state, level, seconds, lag, skipped }, paused) {
  if (state === "away") return t("{name} lost its connection: it can go on for half a minute, then start it again.", { name });
  if (paused) return "";
  if (lag >= BEHIND || skipped > 0 && lag >= 1) {
    return t("Recognition is {lag} s behind: choose a smaller model below, or stop a source.", { lag: lag.toFixed(1) });
  }
  if (level < QUIET && seconds > PATIENCE) {
    return t("{name} sends no sound: look whether it is muted, or the wrong device.", { name });
  }
  return "";
}
