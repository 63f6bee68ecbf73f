// The user's settings. Stored on this computer only; web pages and content scripts cannot read them.

/**
 * @typedef {object} Settings
 * @property {string} server address of the service
 * @property {string} token empty for a service on this computer
 * @property {string} channel
 * @property {string} language a code, "auto", or "" for the service's default
 * @property {string} translation the language to read, or "" for the original
 * @property {boolean} box whether captions are shown on the page
 * @property {boolean} microphone whether the microphone is captioned too
 * @property {string} microphoneName
 * @property {Look} look of the box on sites where it was not changed
 *
 * @typedef {object} Look
 * @property {number} size of the text, pixels
 * @property {number} theme index into `BOX_THEMES`
 * @property {number} ground opacity of the background, percent
 * @property {number} x of the box's middle, share of the window's width
 * @property {number} y of the box's lower edge, share of the window's height
 * @property {number} width pixels
 * @property {number} lines
 */

/** @type {Settings} */
export const DEFAULTS = {
  server: "http://127.0.0.1:8000",
  token: "",
  channel: "main",
  language: "",
  translation: "",
  box: true,
  microphone: false,
  microphoneName: "",
  look: { size: 24, theme: 0, ground: 88, x: 0.5, y: 0.88, width: 720, lines: 3 },
};

/** @returns {Promise<Settings>} */
export async function load() {
  const stored = /** @type {Settings} */ (await chrome.storage.local.get(DEFAULTS));
  return { ...stored, look: { ...DEFAULTS.look, ...stored.look } };
}

/** @param {Partial<Settings>} changed */
export async function save(changed) {
  await chrome.storage.local.set(changed);
}

/** The look of the box on one site. @param {string} origin @returns {Promise<Look>} */
export async function loadLook(origin) {
  const key = lookKey(origin);
  const { look } = await load();
  const own = /** @type {Partial<Look> | undefined} */ ((await chrome.storage.local.get(key))[key]);
  return { ...look, ...own };
}

/** Store the look of the box on one site. It comes from a page's process, so only numbers are accepted. @param {string} origin @param {unknown} look */
export async function saveLook(origin, look) {
  const numbers = Object.entries(Object(look)).filter(([key, value]) =>
    Object.hasOwn(DEFAULTS.look, key) && Number.isFinite(value));
  await chrome.storage.local.set({ [lookKey(origin)]: Object.fromEntries(numbers) });
}

/** Return to the default look on all sites. */
export async function resetLooks() {
  const keys = Object.keys(await chrome.storage.local.get(null)).filter((key) => key.startsWith(lookKey("")));
  await chrome.storage.local.remove(keys);
}

/** @param {string} origin */
function lookKey(origin) {
  return `look ${origin}`;
}
