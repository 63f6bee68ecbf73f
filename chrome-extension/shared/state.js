// What is known of a source and of a tab, and what the badge says of it. Pure.

/**
 * @typedef {object} Problem
 * @property {string} code see `problem_…` in _locales
 * @property {string} [detail] the service's own sentence, or the browser's
 *
 * @typedef {object} SourceState
 * @property {"tab" | "microphone"} kind
 * @property {string} name
 * @property {"connecting" | "live" | "reconnecting" | "failed" | "ended"} phase
 * @property {Problem | null} problem
 * @property {string} engine
 * @property {string} language
 * @property {string} notice of the service
 * @property {number | null} delay seconds from a spoken word to its caption
 * @property {number} lag seconds that recognition is behind, when that is worth telling
 * @property {number} lost seconds of sound that could not be kept while there was no connection, or were skipped
 *
 * @typedef {object} TabState
 * @property {number} tabId
 * @property {string} server
 * @property {string} channel
 * @property {boolean} box whether captions are wanted on the page
 * @property {SourceState} tab
 * @property {SourceState | null} microphone
 *
 * @typedef {{type: "ready", name: string, engine: string, language: string}
 *   | {type: "notice", engine?: string, notice: string}
 *   | {type: "lag", seconds: number, skipped: number}
 *   | {type: "delay", seconds: number}
 *   | {type: "gap", seconds: number}
 *   | {type: "lost", problem: Problem}
 *   | {type: "failed", problem: Problem}
 *   | {type: "ended", problem: Problem | null}} Event
 */

/** @param {"tab" | "microphone"} kind @param {string} name @returns {SourceState & {gap: number, skipped: number}} */
export function newSource(kind, name) {
  return {
    kind, name, phase: "connecting", problem: null, engine: "", language: "", notice: "",
    delay: null, lag: 0, lost: 0, gap: 0, skipped: 0,
  };
}

/**
 * @template {SourceState & {gap: number, skipped: number}} S
 * @param {S} state @param {Event} event @returns {S}
 */
export function reduce(state, event) {
  if (state.phase === "ended") return state;
  switch (event.type) {
    case "ready":
      return {
        ...state, phase: "live", problem: null, lag: 0,
        name: event.name, engine: event.engine, language: event.language, notice: "",
      };
    case "notice":
      return { ...state, notice: event.notice, engine: event.engine ?? state.engine };
    case "lag":
      return counted({ ...state, lag: event.seconds, skipped: event.skipped });
    case "delay":
      return { ...state, delay: state.delay === null ? event.seconds : 0.7 * state.delay + 0.3 * event.seconds };
    case "gap":
      return counted({ ...state, gap: state.gap + event.seconds });
    case "lost":
      return { ...state, phase: "reconnecting", problem: event.problem, lag: 0, delay: null };
    case "failed":
      return { ...state, phase: "failed", problem: event.problem, lag: 0, delay: null };
    case "ended":
      return { ...state, phase: "ended", problem: event.problem };
  }
}

/** @template {SourceState & {gap: number, skipped: number}} S @param {S} state @returns {S} */
function counted(state) {
  return { ...state, lost: state.gap + state.skipped };
}

/** @typedef {"off" | "on" | "reconnecting" | "error" | "box"} Badge */

/**
 * What the toolbar button shows for a tab.
 * @param {TabState | undefined} state
 * @param {{problem?: Problem | null, away?: boolean}} [more] how the last capture ended; whether the page
 *   has lost its caption box to a navigation
 * @returns {Badge}
 */
export function badge(state, more = {}) {
  if (!state) return more.problem ? "error" : "off";
  const phases = [state.tab.phase, state.microphone?.phase];
  if (phases.includes("failed") || state.microphone?.phase === "ended") return "error";
  if (phases.includes("reconnecting")) return "reconnecting";
  return more.away && state.box ? "box" : "on";
}
