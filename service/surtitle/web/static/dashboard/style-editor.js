// The style editor: a preview of the channel's overlays, and the properties of their styles.

import { BASE, ServiceError, deleteStyle, getLinks, getStyles, saveStyle } from "../overlay/shared/api.js";
import { create, createButton, part } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { STYLE_PROPERTIES } from "../overlay/shared/style-properties.js";
import { THEMES, completeStyle } from "../overlay/shared/themes.js";
import { masked } from "../overlay/shared/token.js";
import { say } from "./settings-form.js";

/**
 * @import { Style } from "../overlay/shared/protocol.js"
 *
 * @typedef {object} Field
 * @property {keyof Style} name
 * @property {string} label
 * @property {string[][]} [options] values with their labels
 * @property {[number, number]} [range]
 * @property {boolean} [color]
 */

/** @type {[string, Field[]][]} */
const GROUPS = [
  [t("Text"), [
    { name: "font", label: t("Font (names of installed fonts)") },
    { name: "size", label: t("Size, percent"), range: [50, 250] },
    { name: "weight", label: t("Weight"), range: STYLE_PROPERTIES.weight },
    { name: "case", label: t("Capitals"), options: [["normal", t("As spoken")], ["upper", t("All capitals")]] },
    { name: "color", label: t("Color"), color: true },
    { name: "outline_color", label: t("Outline color"), color: true },
    { name: "outline", label: t("Outline"), range: STYLE_PROPERTIES.outline },
    { name: "shadow", label: t("Shadow"), range: STYLE_PROPERTIES.shadow },
  ]],
  [t("Box"), [
    { name: "box", label: t("Box color"), color: true },
    { name: "box_opacity", label: t("Opacity, percent"), range: STYLE_PROPERTIES.box_opacity },
    { name: "radius", label: t("Roundness"), range: STYLE_PROPERTIES.radius },
  ]],
  [t("Position"), [
    { name: "align", label: t("Side"), options: [["left", t("Left")], ["center", t("Center")], ["right", t("Right")]] },
    { name: "position", label: t("Height"), options: [["top", t("Top")], ["middle", t("Middle")], ["bottom", t("Bottom")]] },
    { name: "margin", label: t("Distance from the edge, percent"), range: STYLE_PROPERTIES.margin },
    { name: "lines", label: t("Lines"), range: STYLE_PROPERTIES.lines },
    { name: "columns", label: t("Characters per line"), range: STYLE_PROPERTIES.columns },
  ]],
  [t("Words"), [
    { name: "mode", label: t("Animation"), options: [
      ["roll-up", t("Lines roll up")], ["pop-on", t("Whole captions")], ["word", t("Word by word")]] },
    { name: "tentative", label: t("Words that may still change"), options: [
      ["lighter", t("Lighter")], ["same", t("Like the others")], ["hidden", t("Hidden")]] },
    { name: "fade", label: t("Seconds of silence until they disappear, 0 for never"), range: [0, 60] },
    { name: "names", label: t("Speakers' names"), options: [
      ["auto", t("When they change")], ["always", t("Always")], ["never", t("Never")]] },
    { name: "voices", label: t("Colors of speakers"), options: [
      ["name", t("For names")], ["text", t("For words")], ["none", t("None")]] },
    { name: "name_color", label: t("Color of names"), color: true },
  ]],
];

const DEFAULT = "default";

/** Let the card's editor show and change the styles. @param {HTMLElement} card @param {string} channel */
export function setUpStyleEditor(card, channel) {
  const details = part(card, ".style-editor", HTMLDetailsElement);
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("iframe")) new Editor(details, channel).start();
  });
}

class Editor {
  /** @param {HTMLElement} place @param {string} channel */
  constructor(place, channel) {
    this.place = place;
    this.channel = channel;
    /** @type {Record<string, Style>} by name */
    this.styles = {};
    this.name = DEFAULT;
    /** @type {Style} */
    this.style = {};
    this.answer = part(place, ".form-status");
    this.fields = part(place, ".fields");
    this.names = part(place, ".names", HTMLSelectElement);
    this.themes = part(place, ".themes");
    this.overlay = `${BASE}/overlay/${encodeURIComponent(channel)}`;
    this.page = location.origin + this.overlay; // as OBS opens it
    this.languages = part(place, ".languages input", HTMLInputElement);
    this.frame = create("iframe");
    this.frame.title = t("Preview of the overlay");
    this.frame.src = `${this.overlay}?preview`;
    this.frame.addEventListener("load", () => this.preview());
    part(place, ".picture").append(this.frame);
  }

  async start() {
    for (const theme of /** @type {(keyof typeof THEMES)[]} */ (Object.keys(THEMES))) this.themes.append(this.themeButton(theme));
    for (const [label, fields] of GROUPS) this.fields.append(this.group(label, fields));
    part(this.place, ".save").addEventListener("click", () => this.save(this.name));
    part(this.place, ".save-as").addEventListener("click", () => {
      const name = prompt(t("Name of the new style, for example “game”:"))?.trim();
      if (name) this.save(name);
    });
    part(this.place, ".forget").addEventListener("click", () => this.reset());
    this.names.addEventListener("change", () => this.select(this.names.value));
    this.languages.addEventListener("change", () => {
      this.frame.src = `${this.overlay}?${this.query("preview", "")}`;
      this.select(this.name);
    });
    this.select(DEFAULT);
    await this.reportFailure(async () => {
      this.styles = await getStyles(this.channel);
      this.page = (await getLinks(this.channel)).overlay;
      this.select(DEFAULT);
    });
  }

  /** @param {keyof typeof THEMES} theme */
  themeButton(theme) {
    const button = createButton(theme, () => this.change({ theme }));
    button.dataset.theme = theme;
    return button;
  }

  /** @param {string} label @param {Field[]} fields */
  group(label, fields) {
    const group = create("fieldset");
    group.append(create("legend", "", label), ...fields.map((field) => this.field(field)));
    return group;
  }

  /** @param {Field} field */
  field({ name, label, options, range, color }) {
    const row = create("label");
    const input = options ? create("select") : create("input");
    input.name = name;
    if (input instanceof HTMLInputElement) {
      input.type = "text";
      if (color) input.type = "color";
      if (range) {
        input.type = "range";
        [input.min, input.max] = range.map(String);
      }
      if (name === "weight") input.step = "100";
    } else {
      for (const [value, text] of options ?? []) input.add(new Option(text, value));
    }
    input.addEventListener("input", () => {
      this.change({ ...this.style, [name]: range ? Number(input.value) : input.value });
    });
    row.append(label, " ", create("output"), input);
    return row;
  }

  /** Edit one of the styles. @param {string} name */
  select(name) {
    this.name = name;
    const others = Object.keys(this.styles).filter((other) => other !== DEFAULT);
    this.names.replaceChildren(
      new Option(t("All overlays that do not name a style"), DEFAULT), ...others.map((other) => new Option(other, other)),
    );
    this.names.value = name;
    const page = new URL(this.page);
    for (const [key, value] of new URLSearchParams(name === DEFAULT ? this.query() : this.query("style", name))) {
      page.searchParams.set(key, value);
    }
    const address = part(this.place, ".address", HTMLAnchorElement);
    address.href = page.href;
    address.textContent = masked(page.href);
    this.change(this.styles[name] ?? {});
    say(this.answer, "");
  }

  /** The parameters of the overlay's address: one, and the languages. @param {string[]} parameter its name and value */
  query(...parameter) {
    const query = new URLSearchParams(parameter.length ? [parameter] : []);
    const languages = this.languages.value.replaceAll(/\s/g, "");
    if (languages) query.set("lang", languages);
    return query.toString().replaceAll("%2C", ",");
  }

  /** Show a style that is not saved yet. @param {Style} style */
  change(style) {
    this.style = style;
    const whole = completeStyle(style);
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (this.fields.querySelectorAll("input, select"))) {
      const value = String(whole[/** @type {keyof Style} */ (input.name)]);
      const typing = document.activeElement === input && input.type === "text";
      if (!typing) input.value = input.type === "color" ? hex(value) : value;
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
    await this.reportFailure(async () => {
      this.styles = await saveStyle(this.channel, name, this.style);
      this.select(name);
      say(this.answer, t("Saved: all open overlays use it now."), true);
    });
  }

  async reset() {
    await this.reportFailure(async () => {
      this.styles = await deleteStyle(this.channel, this.name);
      this.select(DEFAULT);
    });
  }

  /** @param {() => Promise<void>} action */
  async reportFailure(action) {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      say(this.answer, error.message);
    }
  }
}

/** A color as color fields want it. @param {string} color */
function hex(color) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return "#000000";
  context.fillStyle = /^[0-9a-f]{3,8}$/i.test(color) ? `#${color}` : color;
  return String(context.fillStyle).startsWith("#") ? String(context.fillStyle) : "#000000";
}
