// Reading preferences: text size, typeface, spacing, colors. Stored in this browser.

import { control, element } from "../shared/dom.js";

const SIZES = [16, 18, 21, 25, 30, 36, 44, 56]; // pixels
const DEFAULTS = { size: 21, face: "sans", spacing: "normal", colors: "auto", tentative: true };
const KEY = "reading";
const CHOICES = /** @type {const} */ (["face", "spacing", "colors"]);

/** Apply the stored preferences, and let them be changed. @param {() => void} changed called after each change */
export function readingPreferences(changed) {
  const form = element("preferences", HTMLFormElement);
  const preferences = { ...DEFAULTS, ...stored() };

  function apply() {
    const root = document.documentElement;
    root.style.setProperty("--text-size", `${preferences.size / 16}rem`);
    for (const name of CHOICES) root.dataset[name] = preferences[name];
    root.dataset.tentative = String(preferences.tentative);
    try {
      localStorage.setItem(KEY, JSON.stringify(preferences));
    } catch {
      // storage is blocked: they apply until the page is closed
    }
    changed();
  }

  for (const name of CHOICES) {
    const select = control(form, name, HTMLSelectElement);
    select.value = preferences[name];
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.addEventListener("change", () => {
      preferences[name] = select.value;
      apply();
    });
  }
  const tentative = control(form, "tentative");
  tentative.checked = preferences.tentative;
  tentative.addEventListener("change", () => {
    preferences.tentative = tentative.checked;
    apply();
  });
  for (const [id, step] of /** @type {const} */ ([["smaller", -1], ["larger", 1]])) {
    element(id).addEventListener("click", () => {
      const now = Math.max(0, SIZES.indexOf(preferences.size));
      preferences.size = SIZES[Math.min(SIZES.length - 1, Math.max(0, now + step))];
      apply();
    });
  }
  if (!SIZES.includes(preferences.size)) preferences.size = DEFAULTS.size;
  apply();
}

/** @returns {Partial<typeof DEFAULTS>} */
function stored() {
  try {
    const { colours, ...preferences } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return colours ? { colors: colours, ...preferences } : preferences; // the name until version 0.1.0
  } catch {
    return {};
  }
}
