// Asks for the microphone, once: the offscreen page that uses it cannot ask.

import { ask } from "../shared/messages.js";
import { element, say, text, translate } from "../shared/page.js";

translate();
element("ask").addEventListener("click", request);
const permission = await navigator.permissions.query({ name: "microphone" });
if (permission.state === "granted") await request();

async function request() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of stream.getTracks()) track.stop();
  } catch (error) {
    const none = error instanceof DOMException && error.name === "NotFoundError";
    return answered(text(none ? "permissionNone" : "permissionDenied"), false);
  }
  const began = await ask("worker", "allowed").catch(() => false);
  answered(text(began ? "permissionDone" : "permissionReady"), true);
}

/** @param {string} said @param {boolean} good */
function answered(said, good) {
  const place = element("answer");
  place.dataset.good = String(good);
  say(place, said);
  element("ask").hidden = element("how").hidden = good;
}
