// Captions into lines of a fixed number of columns. Pure: no page is touched here.

/**
 * @typedef {object} Line
 * @property {string} key stays the same while the line grows
 * @property {string} name the source's, on the first line of its caption; else ""
 * @property {string} committed
 * @property {string} tentative
 */

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const words = new Intl.Segmenter(undefined, { granularity: "word" });

/**
 * Fill lines one after the other: what is in a line stays there when more follows.
 * @param {import("./captions.js").Caption} caption
 * @param {number} columns
 * @param {string} name shown before the first line; "" for none
 * @returns {Line[]}
 */
export function lines(caption, columns, name) {
  const committed = caption.text.length;
  /** @type {Line[]} */
  const result = [];
  let width = 0;
  let at = 0;
  for (const piece of pieces(caption.text + caption.tentative)) {
    const needed = columnsOf(piece.trimEnd());
    if (!result.length || (width + needed > columns && width > 0)) {
      const first = !result.length;
      if (!first) trim(result[result.length - 1]);
      result.push({ key: `${caption.id}/${result.length}`, name: first ? name : "", committed: "", tentative: "" });
      width = first && name ? columnsOf(name) + 2 : 0;
    }
    const line = result[result.length - 1];
    const known = Math.max(0, Math.min(piece.length, committed - at));
    line.committed += piece.slice(0, known);
    line.tentative += piece.slice(known);
    width += columnsOf(piece);
    at += piece.length;
  }
  return result;
}

/**
 * Where a line may break: after spaces, and between words of scripts that write none.
 * @param {string} text
 */
function pieces(text) {
  /** @type {string[]} */
  const result = [];
  for (const { segment, isWordLike } of words.segment(text)) {
    const before = result[result.length - 1];
    if (before !== undefined && (!isWordLike || !/\s$/.test(before)) && !(isWordLike && WIDE.test(segment))) {
      result[result.length - 1] += segment; // spaces and punctuation belong to the word before
    } else {
      result.push(segment);
    }
  }
  return result;
}

/** No space hangs over the end of a full line. @param {Line} line */
function trim(line) {
  if (line.tentative) line.tentative = line.tentative.trimEnd();
  else line.committed = line.committed.trimEnd();
}

/** @param {string} text */
function columnsOf(text) {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}
