// Styles the page: reads a style from the address, and writes styles as custom properties and attributes.

import { STYLE_PROPERTIES } from "../shared/style-properties.js";
import { DARK_VOICES, VOICES, completeStyle } from "../shared/themes.js";

/**
 * @import { Style } from "../shared/protocol.js"
 * @import { CompleteStyle } from "../shared/themes.js"
 */

const FAINT = 0.62; // share of the text color in the color of words that may still change
const FALLBACK = "system-ui, sans-serif"; // for scripts that the style's own fonts lack

/** The style in an address: invalid values are ignored, numbers are clamped. @param {URLSearchParams} query @returns {Style} */
export function styleFromQuery(query) {
  /** @type {Record<string, string | number>} */
  const style = {};
  for (const [name, allowed] of Object.entries(STYLE_PROPERTIES)) {
    const value = query.get(name)?.trim();
    if (!value) continue;
    if (allowed === "color") {
      if (color(value)) style[name] = value;
    } else if (allowed === "font") {
      style[name] = value;
    } else if (typeof allowed[0] === "number") {
      const number = Number.parseInt(value, 10);
      if (!Number.isNaN(number)) style[name] = Math.min(Number(allowed[1]), Math.max(allowed[0], number));
    } else if (/** @type {string[]} */ (allowed).includes(value)) {
      style[name] = value;
    }
  }
  return style;
}

/**
 * Give the page a style. It is one rule at the end of our own style sheet, so that "Custom CSS" of OBS, which comes
 * later, overrides it.
 * @param {Style} wanted
 * @returns {CompleteStyle}
 */
export function applyStyle(wanted) {
  const style = completeStyle(wanted);
  const root = document.documentElement;
  for (const name of /** @type {const} */ (["theme", "align", "position", "mode", "tentative", "case", "voices"])) {
    root.dataset[name] = style[name];
  }
  const rule = ownRule();
  /** @type {Record<string, string>} */
  const properties = {
    font: fonts(style.font),
    scale: String(style.size / 100),
    weight: String(style.weight),
    color: color(style.color) || "#fff",
    "tentative-color": faint(style),
    "name-color": color(style.name_color) || "#fff",
    box: translucent(style.box, style.box_opacity),
    radius: `${style.radius / 100}em`,
    "text-shadow": shadows(style),
    margin: `${style.margin}vh`,
    side: `${style.side}vw`,
    width: `${(style.columns * (style.case === "upper" ? 1.12 : 0.9)).toFixed(2)}ch`,
    padding: style.box_opacity > 0 ? "0.55em" : "0.1em",
  };
  for (const [name, value] of Object.entries(properties)) rule.setProperty(`--caption-${name}`, value);
  const voices = isLight(style) ? DARK_VOICES : VOICES;
  voices.forEach((voice, index) => rule.setProperty(`--caption-voice-${index + 1}`, voice));
  return style;
}

/** The rule in overlay.css that this module writes. */
function ownRule() {
  for (const sheet of document.styleSheets) {
    if (!sheet.href?.endsWith("/overlay.css")) continue;
    const last = /** @type {CSSStyleRule} */ (sheet.cssRules[sheet.cssRules.length - 1]);
    if (last.selectorText === ":root" && last.style.getPropertyValue("--caption-font")) return last.style;
    return /** @type {CSSStyleRule} */ (sheet.cssRules[sheet.insertRule(":root {}", sheet.cssRules.length)]).style;
  }
  return document.documentElement.style;
}

/** A color for CSS, or "" if it is not one; hexadecimal digits without "#" are accepted. @param {string} text */
function color(text) {
  const value = /^([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i.test(text) ? `#${text}` : text;
  return /^#?[a-z0-9]+$/i.test(value) && CSS.supports("color", value) ? value : "";
}

/** @param {string} text @param {number} percent of the color's own opacity */
function translucent(text, percent) {
  const [red, green, blue, alpha] = channels(text);
  return `rgb(${red} ${green} ${blue} / ${((alpha * percent) / 100).toFixed(3)})`;
}

/** The text color, mixed with what is behind it. Not translucent, because the outlines of letters would show through. @param {CompleteStyle} style */
function faint(style) {
  const [text, behind] = [style.color, style.box_opacity > 0 ? style.box : style.outline_color].map(channels);
  const mixed = [0, 1, 2].map((at) => Math.round(text[at] * FAINT + behind[at] * (1 - FAINT)));
  return `rgb(${mixed.join(" ")})`;
}

/** Red, green and blue from 0 to 255, alpha from 0 to 1. @param {string} text @returns {number[]} */
function channels(text) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return [0, 0, 0, 1];
  context.fillStyle = color(text) || "#000";
  const found = String(context.fillStyle); // "#rrggbb", or "rgba(r, g, b, a)"
  if (found.startsWith("#")) return [1, 3, 5].map((at) => Number.parseInt(found.slice(at, at + 2), 16)).concat(1);
  return (found.match(/[\d.]+/g) ?? []).map(Number);
}

/** Whether the box is so light that text on it has to be dark. @param {CompleteStyle} style */
function isLight(style) {
  const [red, green, blue] = channels(style.box);
  return style.box_opacity > 50 && red * 0.299 + green * 0.587 + blue * 0.114 > 150;
}

/** @param {string} names separated by commas */
function fonts(names) {
  const quoted = names.split(",").map((name) => name.replace(/["'\\;{}]/g, "").trim()).filter(Boolean);
  return [...quoted.map((name) => `"${name}"`), FALLBACK].join(", ");
}

/** Outline and shadow as rings of text shadows, because strokes would eat into the letters. @param {CompleteStyle} style */
function shadows({ outline, outline_color, shadow, shadow_color }) {
  const rings = [];
  for (let radius = outline; radius > 0; radius -= 4) {
    const count = radius > 6 ? 20 : 12;
    for (let step = 0; step < count; step++) {
      const angle = (step / count) * 2 * Math.PI;
      const [x, y] = [Math.cos(angle), Math.sin(angle)].map((part) => ((part * radius) / 100).toFixed(4));
      rings.push(`${x}em ${y}em 0 ${color(outline_color) || "#000"}`);
    }
  }
  if (shadow) {
    const depth = shadow / 100;
    rings.push(`0 ${(depth / 2).toFixed(3)}em ${(depth * 1.5).toFixed(3)}em ${translucent(shadow_color, 65)}`);
  }
  return rings.join(", ") || "none";
}
