// The state of a source and of a tab, and the badge that shows it. Pure.

/**
 * @typedef {object} Problem
 * @property {string} code see `problem_…` in _locales
 * @property {string} [detail] the service's or the browser's own sentence
 *
 * @typedef {"connecting" | "live" | "reconnecting" | "failed" | "ended"} Phase
 * @typedef {"tab" | "microphone" | "channel"} Kind "channel": the captions of others, in a browser that captures no tabs
 *
 * @typedef {object} SourceState
 * @property {Kind} kind
 * @property {string} name
 * @property {Phase} phase
 * @property {Problem | null} problem
 * @property {string} engine
 * @property {string} language
 * @property {string} notice of the service
 * @property {string} recipient who receives the sound if another computer recognizes it, or ""
 * @property {number | null} delay seconds from a spoken word to its caption
 * @property {number} lag seconds that recognition is behind
 * @property {number} lost seconds of sound that were dropped while there was no connection, or skipped by the service
 *
 * @typedef {object} TabState
 * @property {number} tabId
 * @property {string} server
 * @property {string} channel
 * @property {boolean} box whether captions are shown on the page
 * @property {SourceState} tab
 * @property {SourceState | null} microphone
 *
 * @typedef {{type: "ready", name: string, engine: string, language: string, recipient?: string}
 *   | {type: "notice", engine?: string, recipient?: string, notice: string}
 *   | {type: "lag", seconds: number, skipped: number}
 *   | {type: "delay", seconds: number}
 *   | {type: "gap", seconds: number}
 *   | {type: "lost", problem: Problem}
 *   | {type: "failed", problem: Problem}
 *   | {type: "ended", problem: Problem | null}} SourceEvent
 *
 * @typedef {SourceState & {gap: number, skipped: number}} CountingState the two parts of `lost`
 */

/** @param {Kind} kind @param {string} name @returns {CountingState} */
export function newSource(kind, name) {
  return {
    kind, name, phase: "connecting", problem: null, engine: "", language: "", notice: "", recipient: "",
    delay: null, lag: 0, lost: 0, gap: 0, skipped: 0,
  };
}

/** The state after an event. @param {CountingState} state @param {SourceEvent} event @returns {CountingState} */
export function reduce(state, event) {
  if (state.phase === "ended") return state;
  switch (event.type) {
    case "ready":
      return {
        ...state, phase: "live", problem: null, lag: 0,
        name: event.name, engine: event.engine, language: event.language, notice: "",
        recipient: event.recipient ?? "",
      };
    case "notice":
      return {
        ...state, notice: event.notice, engine: event.engine ?? state.engine,
        recipient: event.recipient ?? state.recipient,
      };
    case "lag":
      return withLost({ ...state, lag: event.seconds, skipped: event.skipped });
    case "delay":
      return { ...state, delay: state.delay === null ? event.seconds : 0.7 * state.delay + 0.3 * event.seconds };
    case "gap":
      return withLost({ ...state, gap: state.gap + event.seconds });
    case "lost":
      return { ...state, phase: "reconnecting", problem: event.problem, lag: 0, delay: null };
    case "failed":
      return { ...state, phase: "failed", problem: event.problem, lag: 0, delay: null };
    case "ended":
      return { ...state, phase: "ended", problem: event.problem };
  }
}

/** @param {CountingState} state @returns {CountingState} */
function withLost(state) {
  return { ...state, lost: state.gap + state.skipped };
}

/** @typedef {"off" | "on" | "reconnecting" | "error" | "box"} Badge */

/**
 * The badge of a tab on the toolbar button.
 * @param {TabState | undefined} state
 * @param {{problem?: Problem | null, boxLost?: boolean}} [more] how the last capture ended; whether the page has lost its
 *   caption box to a navigation
 * @returns {Badge}
 */
export function badge(state, { problem, boxLost } = {}) {
  if (!state) return problem ? "error" : "off";
  const phases = [state.tab.phase, state.microphone?.phase];
  if (phases.includes("failed") || state.microphone?.phase === "ended") return "error";
  if (phases.includes("reconnecting")) return "reconnecting";
  return boxLost && state.box ? "box" : "on";
}
