// The themes of captions. A theme is a style that sets nearly everything; what needs more than properties (a bar, a
// bubble) is in themes.css under the theme's name.

/**
 * @import { Style } from "./protocol.js"
 *
 * @typedef {Required<Style>} CompleteStyle
 */

const SANS = "Inter, Segoe UI, Helvetica Neue, Noto Sans, Liberation Sans, Arial";
const SERIF = "Source Serif 4, Iowan Old Style, Georgia, Noto Serif, Liberation Serif, Times New Roman";
const HEAVY = "Inter, Segoe UI, Montserrat, Helvetica Neue, Noto Sans, Arial Black, Arial";
const ROUND = "Baloo 2, Comic Neue, Chalkboard SE, Comic Sans MS, Nunito, Noto Sans";

/** What themes leave open. @satisfies {Style} */
export const BASE = {
  theme: "studio",
  font: SANS,
  size: 100,
  weight: 600,
  color: "#ffffff",
  outline: 0,
  outline_color: "#000000",
  shadow: 8,
  shadow_color: "#000000",
  box: "#0a0c10",
  box_opacity: 78,
  radius: 28,
  align: "center",
  position: "bottom",
  margin: 7,
  side: 4,
  lines: 2,
  columns: 42,
  case: "normal",
  names: "auto",
  name_color: "#ffd166",
  voices: "name",
  tentative: "lighter",
  mode: "roll-up",
  fade: 5,
  direction: "auto",
};

/** @satisfies {Record<string, Style>} */
export const THEMES = {
  studio: {},
  broadcast: { font: "Verdana, Tiresias, DejaVu Sans, Noto Sans, Arial", weight: 500, shadow: 0, box: "#000000", box_opacity: 100, radius: 0, name_color: "#ffff66", columns: 37, size: 92 },
  cinema: { font: SANS, weight: 500, box_opacity: 0, outline: 4, shadow: 12, mode: "pop-on", color: "#fffbe8", name_color: "#fffbe8", voices: "none", margin: 6 },
  outline: { font: HEAVY, weight: 900, size: 112, box_opacity: 0, outline: 11, shadow: 10, columns: 32, name_color: "#ffe14d", case: "upper" },
  news: { weight: 600, align: "left", side: 6, box: "#0b1f3a", box_opacity: 94, radius: 0, shadow: 0, name_color: "#ffb703" },
  contrast: { font: "Atkinson Hyperlegible, Verdana, DejaVu Sans, Noto Sans, Arial", weight: 700, size: 125, color: "#ffff00", box: "#000000", box_opacity: 100, radius: 10, shadow: 0, columns: 32, name_color: "#ffffff", tentative: "same", voices: "none" },
  paper: { font: SERIF, weight: 500, color: "#1d1a16", box: "#fbf6ea", box_opacity: 96, radius: 14, shadow: 0, name_color: "#9b2226" },
  neon: { font: HEAVY, weight: 700, color: "#eafcff", box: "#0b0420", box_opacity: 55, radius: 30, shadow: 0, name_color: "#ff5cf4" },
  comic: { font: ROUND, weight: 700, color: "#20124d", box: "#fff7d6", box_opacity: 100, radius: 70, shadow: 0, name_color: "#d6336c", columns: 34, mode: "word" },
};

/** Colors of speakers, in the order in which they are heard; safe for color-blind people (Okabe and Ito 2008, lighter). */
export const VOICES = ["#ffd166", "#7cc8ff", "#5fe0b0", "#ff9f6b", "#d8a6ff", "#f5f17a", "#ff8fa8", "#c9d1d9"];
/** Colors of speakers on light boxes. */
export const DARK_VOICES = ["#8a4b00", "#0a5a9c", "#00664b", "#a63c00", "#6f2da8", "#6b6200", "#a8123e", "#3d4650"];

/** A style with all properties: its own, its theme's, and the default ones. @param {Style} style @returns {CompleteStyle} */
export function completeStyle(style) {
  const theme = style.theme && Object.hasOwn(THEMES, style.theme) ? style.theme : BASE.theme;
  const own = Object.fromEntries(Object.entries(style).filter(([, value]) => value !== undefined && value !== null));
  return /** @type {CompleteStyle} */ ({ ...BASE, .../** @type {Record<string, Style>} */ (THEMES)[theme], ...own, theme });
}
