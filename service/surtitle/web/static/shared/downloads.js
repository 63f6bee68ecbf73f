// Links to a transcript in all formats.

import { create } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";

/** @type {{format: string, label: string, timed?: boolean}[]} `timed`: can hold the time of each word */
const FORMATS = [
  { format: "srt", label: "SRT" },
  { format: "vtt", label: "WebVTT", timed: true },
  { format: "ass", label: "ASS", timed: true },
  { format: "txt", label: t("Text") },
  { format: "md", label: "Markdown" },
  { format: "json", label: "JSON" },
  { format: "podcast.json", label: t("Podcast transcript"), timed: true },
  { format: "chapters.json", label: t("Chapters") },
];

/**
 * @param {string} base address of the folder of transcripts, with a slash at its end
 * @param {string} name of the files
 * @param {string} query
 * @returns {Node[]}
 */
export function downloads(base, name, query = "") {
  const words = create("input");
  words.type = "checkbox";
  const label = create("label", "check");
  label.append(words, ` ${t("with the time of each word")}`);
  const links = FORMATS.map(({ format, label: text }) => {
    const link = create("a", "", text);
    link.download = `${name}.${format}`;
    return link;
  });
  const setAddresses = () => FORMATS.forEach(({ format, timed }, index) => {
    const parameters = new URLSearchParams(query);
    if (timed && words.checked) parameters.set("words", "1");
    links[index].href = `${base}transcript.${format}${parameters.size ? `?${parameters}` : ""}`;
  });
  words.addEventListener("change", setAddresses);
  setAddresses();
  const list = create("ul", "downloads");
  for (const link of links) {
    const item = create("li");
    item.append(link);
    list.append(item);
  }
  return [create("span", "", t("Transcript:")), list, label];
}
