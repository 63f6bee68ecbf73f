// Breaks captions into lines of a fixed number of columns. Pure: it touches no page.

/**
 * @typedef {object} Word
 * @property {string} text with the space before it
 * @property {boolean} tentative
 *
 * @typedef {object} Line
 * @property {string} key stays the same while the line grows
 * @property {string} voice who speaks
 * @property {string} name of the voice, on the first line of its caption; else ""
 * @property {boolean} rtl
 * @property {Word[]} words
 */

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Scripts of one column without spaces between words. */
const UNSPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
const OPENING = /^[\p{Ps}¿¡]$/u;
/** Opening only at the beginning of a word: German closes with the mark that opens in English. */
const QUOTING = /^[\p{Pi}"']$/u;
const CLOSING = /^\p{Pf}$/u;
const SPACE = /[^\S\u00a0\u202f\ufeff]$/u; // at which a line may break
const MARK = /\p{Mn}|\p{Me}|\p{Cf}/u;
const RTL = /^[^\p{L}]*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const words = new Intl.Segmenter(undefined, { granularity: "word" });

/**
 * Fill one line after the other: words stay in their line when more words follow.
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
 * The lines of a caption that is shown as a whole: they are about equally long.
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
 * Split a text where a line may break: after spaces, and between words of scripts without spaces; never after an opening
 * mark.
 * @param {string} text
 */
function pieces(text) {
  /** @type {string[]} */
  const result = [];
  let last = " ";
  let opening = false;
  for (const { segment, isWordLike } of words.segment(text)) {
    const opens = OPENING.test(segment) || QUOTING.test(segment);
    /** @type {boolean} */
    const begins = !opening && mayBreak(last, segment, opens, Boolean(isWordLike));
    opening = OPENING.test(segment) || (opens && (begins || opening)) || (opening && SPACE.test(segment));
    if (begins || !result.length) result.push(segment);
    else result[result.length - 1] += segment;
    last = segment;
  }
  return result;
}

/**
 * Whether a line may break between two segments.
 * @param {string} before @param {string} after @param {boolean} opens whether `after` is an opening mark
 * @param {boolean} isWord whether `after` is a word
 */
function mayBreak(before, after, opens, isWord) {
  if (opens) return SPACE.test(before) || WIDE.test(before) || CLOSING.test(before);
  if (EMOJI.test(after)) return SPACE.test(before) || EMOJI.test(before);
  if (!isWord) return false; // spaces and other punctuation belong to the word before them
  return SPACE.test(before) || [before, after].some((text) => WIDE.test(text) || UNSPACED.test(text));
}

/** @param {string} text */
function columnsOf(text) {
  let columns = 0;
  for (const character of text) {
    if (WIDE.test(character)) columns += 2;
    else if (!MARK.test(character)) columns += 1;
  }
  return columns;
}
