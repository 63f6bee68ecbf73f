// Alerts on the dashboard: what is wrong now, and the form for where alerts are sent and which sources are backups.

import { changeSettings, testAlerts } from "../overlay/shared/api.js";
import { control, part, writeAll, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { reportFailure, say, settingsForm } from "./settings-form.js";

/** @import { Alert, AlertStatus, ChannelSettings, SettingsChanges } from "../overlay/shared/protocol.js" */

const THRESHOLDS = /** @type {const} */ (["silence", "wordless", "lag", "output"]);

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpAlerts(card, channel) {
  settingsForm(card, ".alert-settings", channel, { write: fill, read });
  const form = part(card, ".alert-settings form", HTMLFormElement);
  part(form, ".test").addEventListener("click", () => attempt(form, async () => {
    await testAlerts(channel);
    return t("The test was sent.");
  }));
  part(form, ".forget").addEventListener("click", () => attempt(form, async () => {
    fill(form, await changeSettings(channel, { alerts: { url: "", secret: "" } }));
    return t("Removed.");
  }));
}

/** @param {HTMLElement} card @param {AlertStatus} status */
export function showAlerts(card, { active, problem }) {
  showAlertList(part(card, ".alerts"), active);
  writeOrHide(part(card, ".alert-settings .problem"), problem && t("The last alert was not sent: {problem}", { problem }));
}

/** Show alerts; without any, the box takes no space. @param {HTMLElement} box @param {Alert[]} alerts */
export function showAlertList(box, alerts) {
  writeAll(box, "p", alerts.map(describe));
}

/** Whether an alert says already what is wrong with a source. @param {AlertStatus} status @param {string} source */
export function isAlerted({ active }, source) {
  return active.some(({ kind, subject }) => kind !== "output" && subject === source);
}

/** @param {Alert} alert */
function describe({ kind, subject: name, message }) {
  switch (kind) {
    case "stopped": return t("{name} has lost its connection or failed: start it again.", { name });
    case "no_sound": return t("{name} sends no sound: check whether it is muted, or the wrong device.", { name });
    case "no_words": return t("{name} has sound, but no words are recognized: check its sound, its language and its model.", { name });
    case "lag": return t("The captions of {name} are late: choose a smaller model, or stop a source.", { name });
    case "disk": return t("The disk of the data folder is nearly full: remove files or recordings.");
    default: return message; // the service's own words, as those of outputs
  }
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, { alerts, backup }) {
  control(form, "alert-kind", HTMLSelectElement).value = alerts.url_set ? alerts.kind : "ntfy";
  for (const name of THRESHOLDS) control(form, `alert-${name}`).value = String(alerts[name]);
  control(form, "backup").value = backup.sources.join(", ");
  control(form, "backup-after").value = String(backup.after);
  showSecret(form, "alert-url", alerts.url_set ? t("set: {host}", { host: alerts.host }) : "https://ntfy.sh/…");
  showSecret(form, "alert-secret", alerts.secret_set ? t("set") : t("none"));
  part(form, ".test", HTMLButtonElement).disabled = !alerts.url_set;
  part(form, ".forget", HTMLButtonElement).disabled = !alerts.url_set;
}

/** Empty a field whose value is never shown. @param {HTMLFormElement} form @param {string} name @param {string} placeholder */
function showSecret(form, name, placeholder) {
  control(form, name).value = "";
  control(form, name).placeholder = placeholder;
}

/** @param {HTMLFormElement} form @returns {SettingsChanges} */
function read(form) {
  const url = control(form, "alert-url").value.trim();
  const secret = control(form, "alert-secret").value.trim();
  const [silence, wordless, lag, output] = THRESHOLDS.map((name) => Number(control(form, `alert-${name}`).value));
  const kind = control(form, "alert-kind", HTMLSelectElement).value === "webhook" ? "webhook" : "ntfy";
  return {
    alerts: { kind, silence, wordless, lag, output, ...(url && { url }), ...(secret && { secret }) },
    backup: {
      sources: control(form, "backup").value.split(",").map((name) => name.trim()).filter(Boolean),
      after: Number(control(form, "backup-after").value),
    },
  };
}

/** Do something, and say that it is done, or why not. @param {HTMLFormElement} form @param {() => Promise<string>} action */
async function attempt(form, action) {
  const answer = part(form, ".form-status");
  say(answer, "…");
  await reportFailure(answer, async () => say(answer, await action(), true));
}
