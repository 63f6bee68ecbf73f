// Links to a transcript in all its formats.

import { t } from "/static/overlay/i18n.js";

/** @type {[string, string, boolean][]} format, name, whether it can hold the times of words */
const FORMS = [
  ["srt", "SRT", false],
  ["vtt", "WebVTT", true],
  ["ass", "ASS", true],
  ["txt", t("Text"), false],
  ["md", "Markdown", false],
  ["json", "JSON", false],
  ["podcast.json", t("Podcast transcript"), true],
  ["chapters.json", t("Chapters"), false],
];

/**
 * @param {string} base address below which the transcripts are, with a slash at its end
 * @param {string} name of the files
 * @param {string} query
 * @returns {(Node | string)[]}
 */
export function downloads(base, name, query = "") {
  const box = document.createElement("input");
  box.type = "checkbox";
  const label = document.createElement("label");
  label.className = "check";
  label.append(box, ` ${t("with the time of each word")}`);
  const list = document.createElement("ul");
  list.className = "downloads";
  const links = FORMS.map(([form, shown, timed]) => {
    const link = document.createElement("a");
    link.download = `${name}.${form}`;
    link.textContent = shown;
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
    return { link, form, timed };
  });
  const write = () => {
    for (const { link, form, timed } of links) {
      const all = new URLSearchParams(query);
      if (timed && box.checked) all.set("words", "1");
      link.href = `${base}transcript.${form}${all.size ? `?${all}` : ""}`;
    }
  };
  box.addEventListener("change", write);
  write();
  const heading = document.createElement("span");
  heading.textContent = t("Transcript:");
  return [heading, list, label];
}
