// Recording on the dashboard: start, stop, duration and size.

import { BASE, changeSettings, record } from "../overlay/shared/api.js";
import { part, write } from "../overlay/shared/dom.js";
import { formatBytes, formatClock } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";

/** @import { RecordingStatus } from "../overlay/shared/protocol.js" */

/** @param {HTMLElement} card @param {string} channel */
export function setUpRecording(card, channel) {
  const button = part(card, ".recording .record");
  const automatic = part(card, ".recording .automatic", HTMLInputElement);
  // A failure needs no message: the page shows that the service is gone.
  button.addEventListener("click", () => {
    record(channel, button.ariaPressed !== "true").catch(() => {});
  });
  let changes = 0; // under way
  automatic.addEventListener("change", () => {
    automatic.dataset.changing = String((changes += 1) > 0);
    changeSettings(channel, { record: automatic.checked }).catch(() => {}).finally(() => {
      automatic.dataset.changing = String((changes -= 1) > 0);
    });
  });
  part(card, ".recording .sessions", HTMLAnchorElement).href = `${BASE}/sessions?channel=${encodeURIComponent(channel)}`;
}

/** @param {HTMLElement} card @param {RecordingStatus} recording */
export function showRecording(card, recording) {
  const box = part(card, ".recording");
  const button = part(box, ".record");
  box.hidden = !recording.possible;
  box.dataset.on = String(recording.on);
  box.dataset.running = String(recording.files > 0);
  button.ariaPressed = String(recording.on);
  write(button, recording.on ? t("Stop recording") : t("Record"));
  write(part(box, ".state"), describe(recording));
  const automatic = part(box, ".automatic", HTMLInputElement);
  if (automatic.dataset.changing !== "true") automatic.checked = recording.automatic; // it may be older than a change
}

/** @param {RecordingStatus} recording */
function describe({ on, seconds, bytes, files, lost }) {
  if (!on) return "";
  if (!files) return t("waiting for a source");
  const size = `${formatClock(seconds)}, ${formatBytes(bytes)}`;
  if (!lost) return size;
  const missing = t("{lost} s lost: the disk is too slow", { lost: lost.toFixed(0) });
  return `${size}, ${missing}`;
}
