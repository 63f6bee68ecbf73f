// The colors of the caption box. `soft` is for words that may still change.

/** @typedef {{ink: string, soft: string, name: string, ground: string}} Theme `ground` as red, green and blue */

/** @type {Theme[]} */
export const BOX_THEMES = [
  { ink: "#fff", soft: "#b9bcc8", name: "#ffc53d", ground: "12 14 19" },
  { ink: "#16181f", soft: "#6a6d78", name: "#8a5300", ground: "255 255 255" },
  { ink: "#ffe14d", soft: "#c7b24a", name: "#fff", ground: "0 0 0" },
  { ink: "#eaf6ff", soft: "#9fc3dd", name: "#8fe3b5", ground: "6 30 56" },
];
