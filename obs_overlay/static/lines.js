// Captions into lines of a fixed number of columns. Pure: no page is touched here.

/**
 * @typedef {object} Word
 * @property {string} text with the space before it
 * @property {boolean} tentative
 *
 * @typedef {object} Line
 * @property {string} key stays the same while the line grows
 * @property {string} voice who speaks
 * @property {string} name the voice's, on the first line of its caption; else ""
 * @property {boolean} rtl
 * @property {Word[]} words
 */

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
/** Scripts of one column that write no spaces between words. */
const UNSPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const OPENING = /^[\p{Ps}\p{Pi}¿¡]+$/u;
const MARK = /\p{Mn}|\p{Me}|\p{Cf}/u;
const RTL = /^[^\p{L}]*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const words = new Intl.Segmenter(undefined, { granularity: "word" });

/**
 * Fill lines one after the other: what is in a line stays there when more follows.
 * @param {{id: string, text: string, tentative: string}} caption
 * @param {number} columns
 * @param {string} voice
 * @param {string} name shown before the first line; "" for none
 * @returns {Line[]}
 */
export function lines(caption, columns, voice, name) {
  const committed = caption.text.length;
  const whole = caption.text + caption.tentative;
  const rtl = RTL.test(whole);
  /** @type {Line[]} */
  const result = [];
  let width = 0;
  let at = 0;
  let space = "";
  for (const piece of pieces(whole)) {
    const text = piece.trimEnd();
    const needed = columnsOf(text);
    if (!result.length || (width + needed > columns && width > 0)) {
      const first = !result.length;
      result.push({ key: `${caption.id}/${result.length}`, voice, name: first ? name : "", rtl, words: [] });
      width = first && name ? columnsOf(name) + 2 : 0;
    }
    const line = result[result.length - 1];
    line.words.push({ text: line.words.length ? space + text : text, tentative: at + text.length > committed });
    space = piece.slice(text.length);
    width += needed + space.length;
    at += piece.length;
  }
  return result;
}

/**
 * The same for a caption that is shown whole: its lines are made about as long as each other.
 * @param {{id: string, text: string, tentative: string}} caption
 * @param {number} columns
 * @param {string} voice
 * @param {string} name
 */
export function balanced(caption, columns, voice, name) {
  const filled = lines(caption, columns, voice, name);
  let found = filled;
  for (let narrower = columns - 1; narrower >= 8 && filled.length > 1; narrower--) {
    const next = lines(caption, narrower, voice, name);
    if (next.length > filled.length) break;
    found = next;
  }
  return found;
}

/**
 * Where a line may break: after spaces, and between words of scripts that write none.
 * @param {string} text
 */
function pieces(text) {
  /** @type {string[]} */
  const result = [];
  for (const { segment, isWordLike } of words.segment(text)) {
    const before = result[result.length - 1] ?? " ";
    const unspaced = isWordLike && (WIDE.test(segment) || UNSPACED.test(segment));
    const begins = OPENING.test(segment) ? /\s$/.test(before) || WIDE.test(before.slice(-1))
      : isWordLike ? /\s$/.test(before) || (unspaced && !OPENING.test(before))
      : !result.length; // spaces and other punctuation belong to the word before
    if (begins) result.push(segment);
    else result[result.length - 1] += segment;
  }
  return result;
}

/** @param {string} text */
function columnsOf(text) {
  let columns = 0;
  for (const character of text) columns += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}
