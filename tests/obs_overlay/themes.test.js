// Themes and styles: what is not said is as the theme has it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BASE, completeStyle, DARK_VOICES, THEMES, VOICES } from "../../obs_overlay/static/shared/themes.js";

test("every theme is complete, and says nothing that a style cannot", () => {
  for (const [name, theme] of Object.entries(THEMES)) {
    const whole = completeStyle({ theme: /** @type {any} */ (name) });
    assert.deepEqual(whole, { ...BASE, ...theme, theme: name });
    assert.deepEqual(Object.keys(whole).sort(), Object.keys(BASE).sort());
    for (const [key, value] of Object.entries(whole)) {
      assert.equal(typeof value, typeof (/** @type {Record<string, unknown>} */ (BASE)[key]), `${name}: ${key}`);
      if (/color|^box$/.test(key)) assert.match(String(value), /^#[0-9a-f]{6}$/);
    }
  }
});

test("what a style says goes before its theme, and what it leaves open does not", () => {
  const style = completeStyle({ theme: "neon", color: "#123456", fade: 0, box_opacity: 0, font: undefined, size: /** @type {any} */ (null) });
  assert.equal(style.color, "#123456");
  assert.equal(style.fade, 0);
  assert.equal(style.box_opacity, 0);
  assert.equal(style.font, THEMES.neon.font);
  assert.equal(style.size, BASE.size);
});

test("a theme that is not there is the first one", () => {
  for (const theme of ["nothing", "", "toString", "__proto__", "constructor", undefined]) {
    assert.deepEqual(completeStyle({ theme: /** @type {any} */ (theme) }), { ...BASE });
  }
});

test("completing changes neither the style nor the themes", () => {
  const before = structuredClone({ BASE, THEMES });
  const style = Object.freeze({ theme: "comic", size: 50 });
  completeStyle(style).color = "red";
  assert.deepEqual({ BASE, THEMES }, before);
});

test("there are as many voices for light boxes as for dark ones, all different", () => {
  assert.equal(VOICES.length, DARK_VOICES.length);
  assert.equal(new Set([...VOICES, ...DARK_VOICES]).size, VOICES.length + DARK_VOICES.length);
});
