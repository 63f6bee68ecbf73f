// Links to a transcript in all formats.

import { create } from "/static/overlay/shared/dom.js";
import { t } from "/static/overlay/shared/i18n.js";

/** @type {{format: string, label: string, timed?: boolean}[]} `timed`: can hold the time of each word */
const FORMATS = [
  { format: "srt", label: "SRT" },
  { format: "vtt", label: "WebVTT", timed: true },
  { format: "ass", label: "ASS", timed: true },
  { format: "txt", label: t("Text") },
  { format: "timed.txt", label: t("Text with times") },
  { format: "md", label: "Markdown" },
  { format: "json", label: "JSON" },
  { format: "podcast.json", label: t("Podcast transcript"), timed: true },
  { format: "chapters.json", label: t("Chapters") },
];

export class Downloads {
  /** What to add to the page. @type {Node[]} */
  nodes;
  #words = create("input");
  #offset = create("input");
  #query = new URLSearchParams();
  /** @type {HTMLAnchorElement[]} */
  #links;
  #base;

  /**
   * @param {string} base address of the folder of transcripts, with a slash at its end
   * @param {string} name of the files
   * @param {{shiftable?: boolean}} [options] `shiftable`: with a field for seconds that are added to all times
   */
  constructor(base, name, { shiftable = false } = {}) {
    this.#base = base;
    this.#words.type = "checkbox";
    this.#offset.type = "number";
    this.#offset.step = "0.1";
    this.#offset.placeholder = "0";
    this.#links = FORMATS.map(({ format, label }) => {
      const link = create("a", "", label);
      link.download = `${name}.${format}`;
      return link;
    });
    const list = create("ul", "downloads");
    for (const link of this.#links) {
      const item = create("li");
      item.append(link);
      list.append(item);
    }
    const words = create("label", "check");
    words.append(this.#words, ` ${t("with the time of each word")}`);
    this.nodes = [create("span", "", t("Transcript:")), list, words];
    if (shiftable) {
      const offset = create("label", "check");
      offset.append(`${t("Add to all times, in seconds:")} `, this.#offset);
      this.nodes.push(offset);
    }
    this.#words.addEventListener("change", () => this.#setAddresses());
    this.#offset.addEventListener("input", () => this.#setAddresses());
    this.#setAddresses();
  }

  /** @param {URLSearchParams} query of all addresses */
  setQuery(query) {
    this.#query = query;
    this.#setAddresses();
  }

  #setAddresses() {
    FORMATS.forEach(({ format, timed }, index) => {
      const parameters = new URLSearchParams(this.#query);
      if (timed && this.#words.checked) parameters.set("words", "1");
      if (Number(this.#offset.value)) parameters.set("offset", this.#offset.value);
      this.#links[index].href = `${this.#base}transcript.${format}${parameters.size ? `?${parameters}` : ""}`;
    });
  }
}
