// The style editor: how the overlays of a channel look, over a picture, as it is changed.

import { t } from "/static/overlay/i18n.js";
import { THEMES, complete } from "/static/overlay/themes.js";
import { masked } from "/static/overlay/token.js";

/**
 * @typedef {import("/static/overlay/themes.js").Style} Style
 *
 * @typedef {object} Field
 * @property {keyof Style} name
 * @property {string} label
 * @property {string[][]} [options] values with their labels
 * @property {[number, number]} [range]
 * @property {boolean} [color]
 */

/** @type {() => [string, Field[]][]} */
const GROUPS = () => [
  [t("Text"), [
    { name: "font", label: t("Typeface (names of installed fonts)") },
    { name: "size", label: t("Size in percent"), range: [50, 250] },
    { name: "weight", label: t("Weight"), range: [100, 900] },
    { name: "case", label: t("Capitals"), options: [["normal", t("As it is written")], ["upper", t("All capitals")]] },
    { name: "color", label: t("Colour"), color: true },
    { name: "outline_color", label: t("Outline colour"), color: true },
    { name: "outline", label: t("Outline"), range: [0, 30] },
    { name: "shadow", label: t("Shadow"), range: [0, 100] },
  ]],
  [t("Box"), [
    { name: "box", label: t("Box colour"), color: true },
    { name: "box_opacity", label: t("Opacity in percent"), range: [0, 100] },
    { name: "radius", label: t("Roundness"), range: [0, 100] },
  ]],
  [t("Place"), [
    { name: "align", label: t("Side"), options: [["left", t("Left")], ["center", t("Centre")], ["right", t("Right")]] },
    { name: "position", label: t("Height"), options: [["top", t("Top")], ["middle", t("Middle")], ["bottom", t("Bottom")]] },
    { name: "margin", label: t("Distance from the edge in percent"), range: [0, 45] },
    { name: "lines", label: t("Lines"), range: [1, 4] },
    { name: "columns", label: t("Letters in a line"), range: [12, 80] },
  ]],
  [t("Words"), [
    { name: "mode", label: t("How they come"), options: [
      ["roll-up", t("Lines roll up")], ["pop-on", t("Whole captions")], ["word", t("Word by word")]] },
    { name: "tentative", label: t("Words that may still change"), options: [
      ["lighter", t("Lighter")], ["same", t("Like the others")], ["hidden", t("Hidden")]] },
    { name: "fade", label: t("Seconds until they go in silence, 0 for never"), range: [0, 60] },
    { name: "names", label: t("Speakers' names"), options: [
      ["auto", t("When they change")], ["always", t("Always")], ["never", t("Never")]] },
    { name: "voices", label: t("Colours of speakers"), options: [
      ["name", t("Of their names")], ["text", t("Of their words")], ["none", t("None")]] },
    { name: "name_color", label: t("Colour of names"), color: true },
  ]],
];

const DEFAULT = "default";

/** Let the card's editor read and change the styles. @param {HTMLElement} card @param {string} channel */
export function lookOf(card, channel) {
  const details = /** @type {HTMLDetailsElement} */ (card.querySelector(".look"));
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("iframe")) new Editor(details, channel).start();
  });
}

class Editor {
  /** @param {HTMLElement} place @param {string} channel */
  constructor(place, channel) {
    this.place = place;
    this.channel = channel;
    this.address = `/api/channels/${encodeURIComponent(channel)}/styles`;
    /** @type {Record<string, Style>} */
    this.styles = {};
    this.name = DEFAULT;
    /** @type {Style} */
    this.style = {};
    this.said = part(place, ".said");
    this.fields = part(place, ".fields");
    this.names = /** @type {HTMLSelectElement} */ (part(place, ".names"));
    this.themes = part(place, ".themes");
    this.page = `${location.origin}/overlay/${encodeURIComponent(channel)}`; // as OBS opens it
    this.frame = document.createElement("iframe");
    this.frame.title = t("How the overlay looks");
    this.overlay = `/overlay/${encodeURIComponent(channel)}`;
    this.languages = /** @type {HTMLInputElement} */ (part(place, ".languages input"));
    this.frame.src = `${this.overlay}?preview`;
    this.frame.addEventListener("load", () => this.preview());
    part(place, ".picture").append(this.frame);
  }

  async start() {
    for (const theme of Object.keys(THEMES)) this.themes.append(this.themeButton(theme));
    for (const [label, fields] of GROUPS()) this.fields.append(this.group(label, fields));
    part(this.place, ".save").addEventListener("click", () => this.save(this.name));
    part(this.place, ".save-as").addEventListener("click", () => {
      const name = prompt(t("A name for this look, for example “game”:"))?.trim();
      if (name) this.save(name);
    });
    part(this.place, ".forget").addEventListener("click", () => this.forget());
    this.names.addEventListener("change", () => this.choose(this.names.value));
    this.languages.addEventListener("change", () => {
      this.frame.src = `${this.overlay}?${this.query("preview", "")}`;
      this.choose(this.name);
    });
    try {
      this.styles = await (await fetch(this.address)).json();
      this.page = (await (await fetch(this.address.replace(/styles$/, "links"))).json()).overlay;
    } catch {
      this.say(t("The service does not answer."));
    }
    this.choose(DEFAULT);
  }

  /** @param {string} theme */
  themeButton(theme) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = theme;
    button.dataset.theme = theme;
    button.addEventListener("click", () => this.change({ theme }));
    return button;
  }

  /** @param {string} label @param {Field[]} fields */
  group(label, fields) {
    const group = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = label;
    group.append(legend, ...fields.map((field) => this.field(field)));
    return group;
  }

  /** @param {Field} field */
  field({ name, label, options, range, color }) {
    const row = document.createElement("label");
    const output = document.createElement("output");
    const input = options ? document.createElement("select") : document.createElement("input");
    input.name = name;
    if (input instanceof HTMLInputElement) {
      input.type = range ? "range" : color ? "color" : "text";
      if (range) [input.min, input.max] = range.map(String);
      if (name === "weight") input.step = "100";
    } else {
      for (const [value, text] of options ?? []) input.add(new Option(text, value));
    }
    input.addEventListener("input", () => {
      this.change({ ...this.style, [name]: range ? Number(input.value) : input.value });
    });
    row.append(label, " ", output, input);
    return row;
  }

  /** @param {string} name */
  choose(name) {
    this.name = name;
    this.names.replaceChildren(...[DEFAULT, ...Object.keys(this.styles).filter((one) => one !== DEFAULT)].map(
      (one) => new Option(one === DEFAULT ? t("All overlays without a name of their own") : one, one),
    ));
    this.names.value = name;
    const page = new URL(this.page);
    for (const [key, value] of new URLSearchParams(name === DEFAULT ? this.query() : this.query("style", name))) {
      page.searchParams.set(key, value);
    }
    const address = /** @type {HTMLAnchorElement} */ (part(this.place, ".address"));
    address.href = page.href;
    address.textContent = masked(page.href);
    this.change(this.styles[name] ?? {});
    this.say("");
  }

  /** The parameters of the overlay's address: one, and the languages. @param {string[]} first its name and value */
  query(...first) {
    const query = new URLSearchParams(first.length ? [first] : []);
    const languages = this.languages.value.replaceAll(/\s/g, "");
    if (languages) query.set("lang", languages);
    return query.toString().replaceAll("%2C", ",");
  }

  /** Another look, not saved yet. @param {Style} style */
  change(style) {
    this.style = style;
    const whole = complete(style);
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (this.fields.querySelectorAll("input, select"))) {
      const value = String(whole[/** @type {keyof Style} */ (input.name)]);
      if (document.activeElement !== input || input.type !== "text") input.value = input.type === "color" ? hex(value) : value;
      const output = input.parentElement?.querySelector("output");
      if (output && input.type === "range") output.textContent = value;
    }
    for (const button of this.themes.children) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.theme === whole.theme));
    }
    this.preview();
  }

  preview() {
    this.frame.contentWindow?.postMessage({ style: this.style }, location.origin);
  }

  /** @param {string} name */
  async save(name) {
    const answer = await this.ask(name, { method: "PUT", body: JSON.stringify(this.style) });
    if (answer) {
      this.choose(name);
      this.say(t("Saved: every open overlay has it now."), true);
    }
  }

  async forget() {
    if (await this.ask(this.name, { method: "DELETE" })) this.choose(DEFAULT);
  }

  /** @param {string} name @param {RequestInit} request */
  async ask(name, request) {
    try {
      const answer = await fetch(`${this.address}/${encodeURIComponent(name)}`, request);
      const said = await answer.json();
      if (answer.ok) this.styles = said;
      else this.say(said.message);
      return answer.ok;
    } catch {
      this.say(t("The service does not answer."));
      return false;
    }
  }

  /** @param {string} text @param {boolean} good */
  say(text, good = false) {
    this.said.textContent = text;
    this.said.dataset.good = String(good);
  }
}

/** What a colour field takes. @param {string} color */
function hex(color) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return "#000000";
  context.fillStyle = /^[0-9a-f]{3,8}$/i.test(color) ? `#${color}` : color;
  return String(context.fillStyle).startsWith("#") ? String(context.fillStyle) : "#000000";
}

/** @param {HTMLElement} parent @param {string} selector */
function part(parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector));
}
