// The languages that can be spoken.

// What Whisper recognizes well enough to caption.
const LANGUAGES =
  "ar bg bn ca cs da de el en es et fa fi fr gl he hi hr hu id it ja ko lt lv mk ms nl no pl pt ro ru sk sl sr sv ta th tl tr uk ur vi zh zh-Hans zh-Hant";

/** Names and codes, sorted by name. @param {string} locale in which they are named @returns {string[][]} */
export function namedLanguages(locale) {
  const names = new Intl.DisplayNames([locale], { type: "language" });
  return LANGUAGES.split(" ")
    .map((code) => [names.of(code) ?? code, code])
    .sort(([one], [other]) => one.localeCompare(other));
}
