// Lines of captions: nothing is lost, nothing moves, and no line begins or ends where it should not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { balanced, lines } from "../../obs_overlay/static/overlay/lines.js";

const VOCABULARY = {
  english: "We walked along, the river! (perhaps) “until” it's \"evening\" well-known 1,234.50 ¿and? a [b] … — I: supercalifragilisticexpialidocious".split(" "),
  french: "Bonjour ! « Oui\u00a0» dit-elle ; l’été « non » peut-être ?".split(" "),
  arabic: ["خرجنا", "إلى", "النهر،", "قبل", "غروب", "الشمس؟", "(ثم)", "عُدْنَا"],
  hindi: ["नमस्ते", "दुनिया।", "क्षत्रिय", "हिन्दी"],
  emoji: ["👍", "hello", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "good👋🏽", "(😀)"],
};
const UNSPACED = {
  japanese: ["今日", "は", "とても", "いい", "天気", "です", "「", "ね", "」", "。", "（", "東京", "）", "、", "カメラ", "OBS", "を", "使う"],
  chinese: ["今天", "天气", "很好", "，", "我们", "去", "《", "红楼梦", "》", "。", "“", "你好", "”", "！"],
  thai: ["เมื่อวาน", "เรา", "ไป", "ตลาด", "ด้วย", "กัน", " ", "(", "สนุก", ")", "มาก"],
  mixed: ["word(", "日本", ")", " ", "text", "「", "a", "」", "เรา", " ", "👍", "。"],
};
const OPENING = /[\p{Ps}«“‘¿¡]$/u;
const CLOSING = /^[\p{Pe}»”’!?.,:;…。、，！？]/u;

/** The same numbers each time. @param {number} seed */
function dice(seed) {
  return (/** @type {number} */ sides) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * sides);
  };
}

/** Many captions of each kind, as words with the space before them. */
function* captions() {
  const roll = dice(7);
  for (const [kind, vocabulary] of Object.entries({ ...VOCABULARY, ...UNSPACED })) {
    const space = kind in VOCABULARY ? " " : "";
    for (let round = 0; round < 150; round++) {
      const words = Array.from({ length: 1 + roll(30) }, (_, index) => (index ? space : "") + vocabulary[roll(vocabulary.length)]);
      yield { kind, words, committed: roll(words.length + 1), columns: 12 + roll(50), name: roll(3) ? "" : "Ada" };
    }
  }
}

/** @param {string[]} words @param {number} committed how many of them */
function caption(words, committed = words.length) {
  return { id: "c1", text: words.slice(0, committed).join(""), tentative: words.slice(committed).join("") };
}

/** @param {import("../../obs_overlay/static/overlay/lines.js").Line} line */
function textOf(line) {
  return line.words.map((word) => word.text).join("");
}

/** All of the text is in the lines, in its order, once; at breaks there was nothing but space. @param {string} whole @param {string[]} rows */
function assertWhole(whole, rows) {
  let at = 0;
  for (const row of rows) {
    const next = whole.indexOf(row, at);
    assert.ok(next >= 0, `${JSON.stringify(row)} is not in ${JSON.stringify(whole)} after ${at}`);
    assert.equal(whole.slice(at, next).trim(), "");
    at = next + row.length;
  }
  assert.equal(whole.slice(at).trim(), "");
}

test("no text is lost or doubled", () => {
  for (const { words, committed, columns, name } of captions()) {
    for (const make of [lines, balanced]) {
      const made = make(caption(words, committed), columns, "Ada", name);
      assertWhole(words.join(""), made.map(textOf));
      assert.deepEqual(made.map((line) => line.key), made.map((_, index) => `c1/${index}`));
      assert.deepEqual(made.map((line) => line.name), made.map((_, index) => (index ? "" : name)));
    }
  }
});

test("what may still change is told from what may not", () => {
  for (const { words, committed, columns } of captions()) {
    const { text } = caption(words, committed);
    const flat = lines(caption(words, committed), columns, "Ada", "").flatMap((line) => line.words);
    const firm = flat.filter((word) => !word.tentative);
    assert.deepEqual(flat.slice(0, firm.length), firm); // these come first
    const [said, first] = [bare(text), bare(firm.map((word) => word.text).join(""))];
    assert.ok(said.startsWith(first));
    if (firm.length < flat.length) assert.ok(said.length - first.length < bare(flat[firm.length].text).length);
  }
});

/** @param {string} text */
function bare(text) {
  return text.replace(/\s/g, "");
}

test("a line that grows keeps its words, and those before it never change", () => {
  for (const { kind, words, columns, name } of captions()) {
    if (!(kind in VOCABULARY)) continue;
    let before = /** @type {string[][]} */ ([]);
    for (let count = 1; count <= words.length; count++) {
      const now = lines(caption(words, count), columns, "Ada", name).map((line) => line.words.map((word) => word.text));
      before.forEach((row, index) => {
        const complete = index < before.length - 1;
        const kept = complete ? row : row.slice(0, -1);
        assert.deepEqual(now[index].slice(0, kept.length), kept, `${kind}: ${words.slice(0, count).join("")}`);
        if (complete) assert.equal(now[index].length, row.length);
      });
      before = now;
    }
  }
});

test("scripts without spaces grow at the end only", () => {
  for (const { kind, words, columns } of captions()) {
    if (!(kind in UNSPACED)) continue;
    for (let count = 1; count < words.length; count++) {
      const [before, now] = [count, count + 1].map((length) => lines(caption(words, length), columns, "", "").map(textOf));
      // where words begin may be seen otherwise when another follows: in the last line and at its beginning
      assert.deepEqual(now.slice(0, Math.max(0, before.length - 2)), before.slice(0, Math.max(0, before.length - 2)), kind);
    }
  }
});

test("opening marks end no line, closing marks begin none", () => {
  for (const { kind, words, columns } of captions()) {
    for (const make of [lines, balanced]) {
      const rows = make(caption(words), columns, "Ada", "").map(textOf);
      const told = `${kind} at ${columns}: ${rows.join(" / ")}`;
      for (const row of rows.slice(1)) assert.doesNotMatch(row, CLOSING, told);
      for (const row of rows.slice(0, -1)) assert.doesNotMatch(row.trim(), OPENING, told);
    }
  }
});

test("lines are as wide as they may be, and no wider unless one word is", () => {
  for (const { words, columns } of captions()) {
    for (const line of lines(caption(words), columns, "Ada", "")) {
      const wide = [...textOf(line)].filter((character) => /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uff60]/u.test(character)).length;
      if (line.words.length > 1) assert.ok([...textOf(line).replace(/\p{M}|\p{Cf}/gu, "")].length + wide <= columns + 1);
    }
  }
  assert.deepEqual(lines(caption(["We walked", " along the river"]), 12, "", "").map(textOf), ["We walked", "along the", "river"]);
  assert.deepEqual(lines(caption(["We walked"]), 12, "Ada", "Ada").map(textOf), ["We", "walked"]); // "Ada: We walked" is 14
});

test("whole captions have no more lines than filled ones, about as long as each other", () => {
  for (const { words, columns, name } of captions()) {
    const filled = lines(caption(words), columns, "Ada", name);
    const even = balanced(caption(words), columns, "Ada", name);
    assert.equal(even.length, filled.length);
  }
  const walk = ["We walked along the river until the sun went down."];
  const lengths = balanced(caption(walk), 42, "", "").map((line) => textOf(line).length);
  assert.equal(lengths.length, 2);
  assert.ok(Math.abs(lengths[0] - lengths[1]) < 10, String(lengths));
});

test("wide letters count twice, marks and joiners not at all", () => {
  assert.deepEqual(lines(caption(["今日は天気がいい"]), 12, "", "").map(textOf), ["今日は天気が", "いい"]);
  assert.equal(lines(caption(["e\u0301e\u0301e\u0301e\u0301 e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"]), 12, "", "").length, 1);
  assert.equal(lines(caption(["ที่นี่ที่นี่"]), 12, "", "").length, 1);
  assert.equal(lines(caption(["👍👍👍👍👍👍👍👍👍"]), 12, "", "").length, 2);
});

test("quotation marks stay with what they quote, whichever way they close", () => {
  const at = (/** @type {string} */ text, columns = 12) => lines(caption([text]), columns, "", "").map(textOf);
  assert.deepEqual(at("er sagt „Hallo“ und geht"), ["er sagt", "„Hallo“ und", "geht"]);
  assert.deepEqual(at('he says "hello" and'), ["he says", '"hello" and']);
  assert.deepEqual(at("elle dit « non » et"), ["elle dit", "« non » et"]);
  assert.deepEqual(at("elle dit «\u00a0non\u00a0»"), ["elle dit", "«\u00a0non\u00a0»"]);
  assert.deepEqual(at("使用OBS录制，“今天”很好", 14), ["使用OBS录制，", "“今天”很好"]);
});

test("a line is read from the side from which its script is", () => {
  const first = (/** @type {string} */ text) => lines(caption([text]), 42, "", "")[0].rtl;
  assert.equal(first("خرجنا"), true);
  assert.equal(first("(123) שלום hello"), true);
  assert.equal(first("hello שלום"), false);
  assert.equal(first("123"), false);
});

test("nothing makes no lines, and anything makes some", () => {
  assert.deepEqual(lines(caption([""]), 42, "", ""), []);
  for (const text of ["(", ")", "…", "。", "👍", "-", "x".repeat(500), "\u200b", "a\nb", " a", "a "]) {
    assert.equal(lines(caption([text]), 12, "", "").map(textOf).join(" ").trim().replace(/\s+/g, " "), text.trim().replace(/\s+/g, " "));
  }
});
