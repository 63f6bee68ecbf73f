// Sample captions for the style editor: two people talking, over and over. Nothing is sent or heard.

/** @import { CaptionEvent } from "../shared/protocol.js" */

const TALK = [
  ["Ada", "Good evening, and welcome to the show.", "Bonsoir, et bienvenue à notre émission."],
  ["Ada", "The words that you read are written down while I am speaking, and they stay where they are.",
    "Les mots que vous lisez sont écrits pendant que je parle, et ils restent à leur place."],
  ["Grace", "Even when two of us are talking?", "Même quand nous parlons à deux ?"],
  ["Ada", "Then everybody has a name, and a color.", "Alors chacun a un nom, et une couleur."],
];
const INTERVAL = 240; // milliseconds from word to word
const TENTATIVE = 2; // newest words, which are not committed yet

/** @param {{caption: (caption: CaptionEvent) => void}[]} blocks the first shows the original, the others a translation */
export function playPreview(blocks) {
  let number = 0;
  let spoken = 0; // words
  setInterval(() => {
    const [voice, ...texts] = TALK[number % TALK.length];
    spoken++;
    const committed = Math.max(0, spoken - TENTATIVE);
    const final = committed >= Math.max(...texts.map((text) => text.split(" ").length));
    blocks.forEach((block, index) => {
      const words = texts[Math.min(index, 1)].split(" ");
      const text = words.slice(0, committed).join(" ");
      const rest = words.slice(committed, spoken).join(" ");
      block.caption({
        id: `preview-${number}`, rev: spoken, source: voice, speaker: voice, start: 0, end: 0,
        text, tentative: rest && (text ? ` ${rest}` : rest), final, lang: index ? "fr" : "en",
      });
    });
    if (final) {
      number++;
      spoken = 0;
    }
  }, INTERVAL);
}
