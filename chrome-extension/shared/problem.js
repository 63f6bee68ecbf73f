// What went wrong. Pure; `sentence.js` says it to people.

/** @import { Problem } from "./state.js" */

/** An error for people. */
export class ProblemError extends Error {
  /** @param {Problem} problem @param {ErrorOptions} [options] */
  constructor(problem, options) {
    super(problem.detail ?? problem.code, options);
    this.problem = problem;
  }
}

/** @param {unknown} error @returns {Problem} */
export function problemOf(error) {
  if (error instanceof ProblemError) return error.problem;
  return { code: "unknown", detail: messageOf(error) };
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @type {Record<number, {code: string, final: boolean}>} */
const CLOSE_CODES = {
  4400: { code: "refused", final: true },
  4401: { code: "token", final: true },
  4403: { code: "forbidden", final: true },
  4404: { code: "channel", final: true },
  4408: { code: "timeout", final: false },
  4413: { code: "busy", final: false },
  4429: { code: "busy", final: false },
  1011: { code: "engine", final: false },
  1012: { code: "stopping", final: false },
};

/** Whether reconnecting is pointless after this close code of a WebSocket. @param {number} code */
export function isFinal(code) {
  return CLOSE_CODES[code]?.final ?? false;
}

/** Why a WebSocket was closed. @param {{code: number, detail: string}} loss @returns {Problem} */
export function problemOfLoss({ code, detail }) {
  const problem = { code: CLOSE_CODES[code]?.code ?? "unreachable" };
  return detail ? { ...problem, detail } : problem;
}
