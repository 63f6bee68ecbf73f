// A channel's closed captions in OBS on the dashboard: their state, and where OBS is.

import { addObsOverlay } from "../overlay/shared/api.js";
import { control, part, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { readLines, readOptional, reportFailure, say, settingsForm } from "./settings-form.js";

/** @import { ChannelSettings, ClosedCaptionsStatus, SceneStatus } from "../overlay/shared/protocol.js" */

/** @type {Record<string, string>} */
const STATES = {
  off: t("off"),
  connecting: t("connecting"),
  not_connected: t("not connected"),
  wrong_password: t("wrong password"),
  not_streaming: t("ready, OBS is not streaming"),
  sending: t("sending"),
  refused: t("language not supported"),
};

/** Let the card's form show and change the settings. @param {HTMLElement} card @param {string} channel */
export function setUpClosedCaptions(card, channel) {
  settingsForm(card, ".outputs", channel, { write: fill, read });
  const answer = part(card, ".outputs .form-status");
  part(card, ".outputs .add-overlay").addEventListener("click", () => reportFailure(answer, async () => {
    say(answer, "…");
    const { scene } = await addObsOverlay(channel);
    say(answer, t("The overlay is in the scene {scene}.", { scene }), true);
  }));
}

/** @param {HTMLElement} card @param {ClosedCaptionsStatus} status @param {SceneStatus} scenes */
export function showClosedCaptions(card, { by, state, message, text, skipped }, scenes) {
  const box = part(card, ".outputs");
  const byScript = by === "script";
  box.dataset.state = byScript ? "sending" : state;
  writeOrHide(part(box, ".state"), byScript ? t("sent by the OBS script") : (STATES[state] ?? state));
  const late = skipped ? t("{skipped} words came too late to be sent.", { skipped }) : "";
  const explanation = [message, late].filter(Boolean).join(" ");
  writeOrHide(part(box, ".explanation"), byScript ? t("The script in OBS sends them itself.") : explanation);
  writeOrHide(part(box, ".viewers"), text);
  const followed = scenes.state === "connected" ? t("Scene on program: {scene}", { scene: scenes.scene }) : scenes.message;
  writeOrHide(part(box, ".scene"), scenes.state === "off" ? "" : followed);
}

/** @param {HTMLFormElement} form @param {ChannelSettings} settings */
function fill(form, { closed_captions: settings, pause_scenes: scenes }) {
  control(form, "enabled").checked = settings.enabled;
  control(form, "host").value = settings.host;
  control(form, "port").value = String(settings.port);
  control(form, "delay").value = String(settings.delay);
  control(form, "cc-language").value = settings.language ?? "";
  control(form, "pause-scenes", HTMLTextAreaElement).value = scenes.join("\n");
  const password = control(form, "password");
  password.value = "";
  password.placeholder = settings.password_set ? t("set") : t("none");
}

/** @param {HTMLFormElement} form */
function read(form) {
  const password = control(form, "password").value;
  return {
    pause_scenes: readLines(form, "pause-scenes"),
    closed_captions: {
      enabled: control(form, "enabled").checked,
      host: control(form, "host").value.trim(),
      port: Number(control(form, "port").value),
      delay: Number(control(form, "delay").value),
      language: readOptional(form, "cc-language"),
      ...(password && { password }),
    },
  };
}
