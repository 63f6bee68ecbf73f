// Captions for looking at a style: what two people say, again and again. Nothing is sent or heard.

/** @typedef {import("./captions.js").Caption} Caption */

const TALK = [
  ["Ada", "Good evening, and welcome to the show.", "Bonsoir, et bienvenue à notre émission."],
  ["Ada", "The words that you read are written down while I am speaking, and they stay where they are.",
    "Les mots que vous lisez sont écrits pendant que je parle, et ils restent à leur place."],
  ["Grace", "Even when two of us are talking?", "Même quand nous parlons à deux ?"],
  ["Ada", "Then everybody has a name, and a colour.", "Alors chacun a un nom, et une couleur."],
];
const STEP = 240; // milliseconds from word to word
const TENTATIVE = 2; // words that are not committed yet

/** @param {{caption: (caption: Caption) => void}[]} listeners the first shows what is said, the others a translation */
export function play(listeners) {
  let number = 0;
  let said = 0;
  setInterval(() => {
    const [voice, ...texts] = TALK[number % TALK.length];
    said++;
    const final = said >= Math.max(...texts.map((text) => text.split(" ").length)) + TENTATIVE;
    listeners.forEach((listener, index) => {
      const words = texts[Math.min(index, 1)].split(" ");
      const committed = words.slice(0, Math.max(0, said - TENTATIVE)).join(" ");
      const rest = words.slice(Math.max(0, said - TENTATIVE), said).join(" ");
      listener.caption({
        id: `preview-${number}`, rev: said, source: voice, speaker: voice, start: 0, end: 0,
        text: committed, tentative: rest && (committed ? ` ${rest}` : rest), final, lang: index ? "fr" : "en",
      });
    });
    if (final) {
      number++;
      said = 0;
    }
  }, STEP);
}
