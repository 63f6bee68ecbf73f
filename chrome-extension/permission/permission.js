// Asks for the microphone permission once: the offscreen page, which uses the microphone, cannot ask.

import { ask } from "../shared/messages.js";
import { element, text, translate, writeOrHide } from "../shared/page.js";

translate();
element("ask").addEventListener("click", request);
const permission = await navigator.permissions.query({ name: "microphone" });
if (permission.state === "granted") await request();

async function request() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of stream.getTracks()) track.stop();
  } catch (error) {
    const noDevice = error instanceof DOMException && error.name === "NotFoundError";
    return showResult(text(noDevice ? "permissionNone" : "permissionDenied"), false);
  }
  const captioned = await ask({ to: "worker", type: "microphoneAllowed" }).catch(() => false);
  showResult(text(captioned ? "permissionDone" : "permissionReady"), true);
}

/** @param {string} sentence @param {boolean} good */
function showResult(sentence, good) {
  const place = element("answer");
  place.dataset.good = String(good);
  writeOrHide(place, sentence);
  element("ask").hidden = element("instructions").hidden = good;
}
