// Links to a transcript in all formats.

import { create } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";

/** @import { SessionObsRecording } from "../overlay/shared/protocol.js" */

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
  #clocks = create("label", "check");
  #clock = create("select");
  #query = new URLSearchParams();
  /** @type {HTMLAnchorElement[]} */
  #links;
  #base;

  /**
   * @param {string} base address of the folder of transcripts, with a slash at its end
   * @param {string} name of the files
   * @param {{shiftable?: boolean}} [options] `shiftable`: with fields for the clock, and for seconds that are added
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
      this.#clocks.append(`${t("Times of")} `, this.#clock);
      this.#clocks.hidden = true;
      this.nodes.push(this.#clocks, offset);
    }
    this.#clock.addEventListener("change", () => this.#setAddresses());
    this.#words.addEventListener("change", () => this.#setAddresses());
    this.#offset.addEventListener("input", () => this.#setAddresses());
    this.#setAddresses();
  }

  /** @param {URLSearchParams} query of all addresses */
  setQuery(query) {
    this.#query = query;
    this.#setAddresses();
  }

  /** Offer the times of recordings that OBS made. @param {SessionObsRecording[]} recordings */
  setRecordings(recordings) {
    const chosen = this.#clock.value;
    const options = recordings.map(({ number, file }) => new Option(obsLabel(number, file), String(number)));
    this.#clock.replaceChildren(new Option(t("the session's sound"), ""), ...options);
    this.#clock.value = options.some(({ value }) => value === chosen) ? chosen : "";
    this.#clocks.hidden = !recordings.length;
    this.#setAddresses();
  }

  #setAddresses() {
    FORMATS.forEach(({ format, timed }, index) => {
      const parameters = new URLSearchParams(this.#query);
      if (timed && this.#words.checked) parameters.set("words", "1");
      if (this.#clock.value) {
        parameters.set("clock", "obs");
        parameters.set("recording", this.#clock.value);
      }
      if (Number(this.#offset.value)) parameters.set("offset", this.#offset.value);
      this.#links[index].href = `${this.#base}transcript.${format}${parameters.size ? `?${parameters}` : ""}`;
    });
  }
}

/** @param {number} number @param {string} file its path on the computer with OBS, or "" */
function obsLabel(number, file) {
  return file.split(/[\\/]/).at(-1) || t("OBS's recording {number}", { number });
}
