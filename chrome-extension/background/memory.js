// What the worker remembers when Chrome has stopped it: in chrome.storage.session, until the browser is closed.

/**
 * @import { Problem, TabState } from "../shared/state.js"
 *
 * @typedef {object} Memory
 * @property {TabState[]} tabs as the offscreen page last reported them
 * @property {Record<number, Problem>} problems how a tab's last capture ended
 * @property {number[]} boxLost tabs whose page lost its caption box to a navigation, until the next click
 * @property {number | null} wantsMicrophone the tab that waits while the permission page asks for the microphone
 */

/** @type {Memory} */
const EMPTY = { tabs: [], problems: {}, boxLost: [], wantsMicrophone: null };

/** @returns {Promise<Memory>} */
export async function recall() {
  return /** @type {Memory} */ (await chrome.storage.session.get(EMPTY));
}

/** @param {(memory: Memory) => Partial<Memory>} change */
export async function remember(change) {
  await chrome.storage.session.set(change(await recall()));
}

/** @param {number} tabId @param {Problem} problem */
export async function rememberProblem(tabId, problem) {
  await remember(({ problems }) => ({ problems: { ...problems, [tabId]: problem } }));
}

/** @param {number} tabId */
export async function forgetProblem(tabId) {
  await remember(({ problems: { [tabId]: _, ...problems } }) => ({ problems }));
}

/** @param {number} tabId @param {boolean} lost */
export async function rememberBox(tabId, lost) {
  await remember(({ boxLost }) => {
    const others = boxLost.filter((id) => id !== tabId);
    return { boxLost: lost ? [...others, tabId] : others };
  });
}

/** @param {number} tabId */
export async function forgetTab(tabId) {
  await forgetProblem(tabId);
  await rememberBox(tabId, false);
}
