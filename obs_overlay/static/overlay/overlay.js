// The overlay: the newest lines of a channel on a transparent page, in one language or several.

import { followCaptions } from "../shared/captions.js";
import { create, element } from "../shared/dom.js";
import { Block } from "./block.js";
import { playPreview } from "./preview.js";
import { applyStyle, styleFromQuery } from "./style.js";

/** @import { Style } from "../shared/protocol.js" */

const TIGHT = 0.9; // of the columns that fit on average: lines of wide letters must fit as well
const MAX_LANGUAGES = 4;

const query = new URLSearchParams(location.search);
const ownStyle = styleFromQuery(query);
const styleName = query.get("style") ?? "default";
let style = applyStyle(ownStyle);
let columns = style.columns;

const first = element("captions");
const ruler = element("ruler");
const languages = (query.get("lang") ?? "").split(",").map((name) => name.trim()).slice(0, MAX_LANGUAGES);
const blocks = languages.map((_, index) => new Block(index ? addBox() : first, () => ({ style, columns })));
if (blocks.length > 1) document.documentElement.dataset.stacked = "true";

if (query.has("preview")) playPreview(blocks);
else languages.forEach((lang, index) => {
  const block = blocks[index];
  followCaptions(document.body.dataset.channel ?? "main", {
    caption: (caption) => block.caption(caption),
    restarted() {
      block.restarted();
      block.pause(false); // the service tells again what is paused
    },
    pause: (paused) => block.pause(paused),
    clear: () => block.clear(),
    style(name, changed) {
      if (index === 0 && name === styleName) restyle({ ...changed, ...ownStyle });
    },
  }, { lang });
});

addEventListener("resize", fit);
document.fonts?.ready.then(fit);
fit();

// The style editor shows this page in a frame, and sends it the style that is being edited.
addEventListener("message", (message) => {
  if (message.origin === location.origin && message.data?.style) restyle({ ...message.data.style, ...ownStyle });
});

/** A box below the others. */
function addBox() {
  const box = create("div", "captions");
  box.dataset.state = "empty";
  first.parentElement?.append(box);
  return box;
}

/** @param {Style} wanted */
function restyle(wanted) {
  const before = style.mode;
  style = applyStyle(wanted);
  if (before !== style.mode) for (const block of blocks) block.clear();
  fit();
}

/** As many columns as the style wants, but no more than fit into the picture. */
function fit() {
  const wanted = ruler.getBoundingClientRect().width;
  const available = innerWidth * (1 - (2 * style.side) / 100);
  const share = available / wanted;
  columns = share < 1 ? Math.max(8, Math.floor(TIGHT * style.columns * share)) : style.columns;
  document.documentElement.dataset.fitted = String(columns);
  document.documentElement.style.setProperty("--caption-lines", String(style.lines));
  for (const block of blocks) block.refit();
}
