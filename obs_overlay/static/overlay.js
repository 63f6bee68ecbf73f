// The overlay: the newest lines of a channel over a transparent page, in one language or in several.

import { Block } from "./block.js";
import { follow } from "./captions.js";
import { play } from "./preview.js";
import { apply, fromQuery } from "./style.js";

const TIGHT = 0.9; // of the columns that fit on average: lines of wide letters must fit as well
const MOST = 4; // languages

const query = new URLSearchParams(location.search);
const asked = fromQuery(query);
const named = query.get("style") ?? "default";
let style = apply(asked);
let columns = style.columns;

const first = /** @type {HTMLElement} */ (document.getElementById("captions"));
const ruler = /** @type {HTMLElement} */ (document.getElementById("ruler"));
const languages = (query.get("lang") ?? "").split(",").map((name) => name.trim()).slice(0, MOST);
const blocks = languages.map((_, index) => new Block(index ? another() : first, () => ({ style, columns })));
if (blocks.length > 1) document.documentElement.dataset.stacked = "true";

if (query.has("preview")) play(blocks);
else languages.forEach((lang, index) => {
  const block = blocks[index];
  follow(document.body.dataset.channel ?? "main", {
    caption: (caption) => block.caption(caption),
    restarted: () => block.restarted(),
    clear: () => block.clear(),
    style(name, said) {
      if (index === 0 && name === named) restyle({ ...said, ...asked });
    },
  }, { lang });
});

addEventListener("resize", fit);
document.fonts?.ready.then(fit);
fit();

/** For the editor, which shows this page in a frame of its own. */
addEventListener("message", (message) => {
  if (message.origin === location.origin && message.data?.style) restyle({ ...message.data.style, ...asked });
});

/** A block below those that there are. */
function another() {
  const box = document.createElement("div");
  box.className = "captions";
  box.dataset.state = "empty";
  first.parentElement?.append(box);
  return box;
}

/** @param {import("./themes.js").Style} chosen */
function restyle(chosen) {
  const before = style.mode;
  style = apply(chosen);
  if (before !== style.mode) for (const block of blocks) block.clear();
  fit();
}

/** As many columns as the style says, but no more than the picture has room for. */
function fit() {
  const wanted = ruler.getBoundingClientRect().width;
  const room = innerWidth * (1 - (2 * style.side) / 100);
  columns = wanted > room ? Math.max(8, Math.floor((TIGHT * style.columns * room) / wanted)) : style.columns;
  document.documentElement.dataset.fitted = String(columns);
  document.documentElement.style.setProperty("--caption-lines", String(style.lines));
  for (const block of blocks) block.refit();
}
