// Captions for looking at a style: what two people say, again and again. Nothing is sent or heard.

/** @typedef {import("./captions.js").Caption} Caption */

const TALK = [
  ["Ada", "Good evening, and welcome to the show."],
  ["Ada", "The words that you read are written down while I am speaking, and they stay where they are."],
  ["Grace", "Even when two of us are talking?"],
  ["Ada", "Then everybody has a name, and a colour."],
];
const STEP = 240; // milliseconds from word to word
const TENTATIVE = 2; // words that are not committed yet

/** @param {{caption: (caption: Caption) => void}} listener */
export function play(listener) {
  let number = 0;
  let said = 0;
  setInterval(() => {
    const [voice, text] = TALK[number % TALK.length];
    const words = text.split(" ");
    said++;
    const final = said >= words.length + TENTATIVE;
    const committed = words.slice(0, Math.max(0, said - TENTATIVE)).join(" ");
    const rest = words.slice(Math.max(0, said - TENTATIVE), said).join(" ");
    listener.caption({
      id: `preview-${number}`, rev: said, source: voice, speaker: voice, start: 0, end: 0,
      text: committed, tentative: rest && (committed ? ` ${rest}` : rest), final, lang: "en",
    });
    if (final) {
      number++;
      said = 0;
    }
  }, STEP);
}
