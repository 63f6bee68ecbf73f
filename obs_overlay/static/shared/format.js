// Numbers as people read them.

/** Seconds as h:mm:ss. @param {number} seconds */
export function formatClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60].map((number) => String(number).padStart(2, "0"));
  return `${Math.floor(whole / 3600)}:${minutes}:${rest}`;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  const megabytes = bytes < 1e9;
  const digits = bytes < 1e8 || !megabytes ? 1 : 0;
  return megabytes ? `${(bytes / 1e6).toFixed(digits)} MB` : `${(bytes / 1e9).toFixed(digits)} GB`;
}

/** A share from 0 to 1, as a whole number of percent. @param {number | null} share */
export function percent(share) {
  return Math.floor((share ?? 0) * 100);
}

/** A language's name in the language of the page. @param {string} tag @param {string} otherwise */
export function languageName(tag, otherwise) {
  try {
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: "language", fallback: "none" });
    return names.of(tag) ?? otherwise;
  } catch {
    return otherwise;
  }
}
