// What a person has chosen. Kept on this computer only; pages and content scripts cannot read it.

/**
 * @typedef {object} Settings
 * @property {string} server address of the service
 * @property {string} token empty for a service on this computer
 * @property {string} channel
 * @property {string} language a code, "auto", or empty: as the service was started
 * @property {string} translation the language to read, or empty: what is spoken
 * @property {boolean} box whether captions are shown on the page
 * @property {boolean} microphone whether the microphone is captioned too
 * @property {string} microphoneName
 * @property {Look} look of the box on sites where nothing else was chosen
 *
 * @typedef {object} Look
 * @property {number} size of the text, pixels
 * @property {number} theme see `THEMES`
 * @property {number} ground opacity of the ground, percent
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
  const kept = /** @type {Settings} */ (await chrome.storage.local.get(DEFAULTS));
  return { ...kept, look: { ...DEFAULTS.look, ...kept.look } };
}

/** @param {Partial<Settings>} changed */
export async function save(changed) {
  await chrome.storage.local.set(changed);
}

/** The look of the box on one site. @param {string} origin @returns {Promise<Look>} */
export async function loadLook(origin) {
  const key = `look ${origin}`;
  const { look } = await load();
  const own = /** @type {Partial<Look> | undefined} */ ((await chrome.storage.local.get(key))[key]);
  return { ...look, ...own };
}

/** What a page's process says of the look is not trusted to be one. @param {string} origin @param {any} look */
export async function saveLook(origin, look) {
  const numbers = Object.keys(DEFAULTS.look).filter((key) => Number.isFinite(look?.[key]));
  await chrome.storage.local.set({ [`look ${origin}`]: Object.fromEntries(numbers.map((key) => [key, look[key]])) });
}

/** Let sites look as the defaults say again. */
export async function forgetLooks() {
  const keys = Object.keys(await chrome.storage.local.get(null)).filter((key) => key.startsWith("look "));
  await chrome.storage.local.remove(keys);
}
