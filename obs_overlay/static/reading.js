// How a reader likes to read: size, typeface, spacing, colours. Kept in this browser.

const SIZES = [16, 18, 21, 25, 30, 36, 44, 56]; // pixels
const USUAL = 21;
const KEY = "reading";

/** Read and apply what was chosen, and let it be changed. @param {() => void} changed called after each change */
export function readingPreferences(changed) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("preferences"));
  const chosen = { size: USUAL, face: "sans", spacing: "normal", colours: "auto", tentative: true, ...kept() };

  function apply() {
    const root = document.documentElement;
    root.style.setProperty("--text-size", `${chosen.size / 16}rem`);
    for (const name of /** @type {const} */ (["face", "spacing", "colours"])) root.dataset[name] = chosen[name];
    root.dataset.tentative = String(chosen.tentative);
    try {
      localStorage.setItem(KEY, JSON.stringify(chosen));
    } catch {
      // a browser that keeps nothing shows it all the same
    }
    changed();
  }

  for (const name of /** @type {const} */ (["face", "spacing", "colours"])) {
    const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
    select.value = chosen[name];
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.addEventListener("change", () => {
      chosen[name] = select.value;
      apply();
    });
  }
  const box = /** @type {HTMLInputElement} */ (form.elements.namedItem("tentative"));
  box.checked = chosen.tentative;
  box.addEventListener("change", () => {
    chosen.tentative = box.checked;
    apply();
  });
  for (const [id, step] of /** @type {const} */ ([["smaller", -1], ["larger", 1]])) {
    document.getElementById(id)?.addEventListener("click", () => {
      const now = Math.max(0, SIZES.indexOf(chosen.size));
      chosen.size = SIZES[Math.min(SIZES.length - 1, Math.max(0, now + step))];
      apply();
    });
  }
  if (!SIZES.includes(chosen.size)) chosen.size = USUAL;
  apply();
}

/** @returns {any} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}
