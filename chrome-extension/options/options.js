// The settings page.

import { isChannelName, serverAddress } from "../shared/address.js";
import { capturesTabs } from "../shared/browser.js";
import { BOX_THEMES } from "../shared/box-themes.js";
import { element, field, fillLanguages, fillTranslations, input, text, translate, writeOrHide } from "../shared/page.js";
import { sentence } from "../shared/sentence.js";
import { StatusWatcher } from "../shared/service-status.js";
import { load, resetLooks, save } from "../shared/settings.js";

/** @import { Settings } from "../shared/settings.js" */

document.body.dataset.captures = String(capturesTabs);
translate();
writeOrHide(element("shortcutsNote"), text(capturesTabs ? "shortcutsNote" : "shortcutsNoteFirefox"));
let settings = await load();
const watcher = new StatusWatcher((status, problem) => {
  const place = element("service");
  place.dataset.state = status ? "live" : "lost";
  if (status) writeOrHide(place, text("serviceRuns", status.engine));
  else if (problem) writeOrHide(place, sentence(problem));
});

fillLanguages("language", settings.language);
fillTranslations("translation", settings.translation);
field("server").value = settings.server;
field("token").value = settings.token;
field("channel").value = settings.channel;
input("box").checked = settings.box;
input("microphone").checked = settings.microphone;
field("microphoneName").value = settings.microphoneName;
input("microphoneName").placeholder = text("you");
field("theme").value = String(settings.look.theme);
field("size").value = String(settings.look.size);
field("lines").value = String(settings.look.lines);
watchService();
showSample();
await showShortcuts();

savesWhenValid("server", serverAddress, "address");
savesWhenValid("channel", (typed) => (isChannelName(typed.trim()) ? typed.trim() : null), "channelName");
savesWhenValid("token", (typed) => typed.trim());
savesWhenValid("microphoneName", (typed) => typed.trim());
savesWhenValid("language", (code) => code);
savesWhenValid("translation", (code) => code);
for (const id of /** @type {const} */ (["box", "microphone"])) {
  input(id).addEventListener("change", () => change({ [id]: input(id).checked }));
}
for (const id of /** @type {const} */ (["theme", "size", "lines"])) {
  const control = /** @type {HTMLInputElement | HTMLSelectElement} */ (element(id));
  control.addEventListener("input", () => {
    if (!control.checkValidity() || !control.value) return;
    change({ look: { ...settings.look, [id]: Number(control.value) } });
  });
}
element("forget").addEventListener("click", async () => {
  await resetLooks();
  writeOrHide(element("saved"), text("forgotten"));
});

/**
 * Save a field whenever it has a valid value.
 * @param {"server" | "channel" | "token" | "microphoneName" | "language" | "translation"} id
 * @param {(typed: string) => string | null} read null if it is not valid
 * @param {string} [problem] code of the problem of a value that is not
 */
function savesWhenValid(id, read, problem = "unknown") {
  field(id).addEventListener("change", async () => {
    const value = read(field(id).value);
    field(id).setAttribute("aria-invalid", String(value === null));
    if (value === null) return writeOrHide(element("saved"), sentence({ code: problem }));
    field(id).value = value;
    await change({ [id]: value });
    if (id === "server" || id === "token") watchService();
  });
}

function watchService() {
  const server = serverAddress(settings.server);
  if (server) watcher.watch(server, settings.token);
}

/** Show what captions look like. */
function showSample() {
  const sample = element("sample");
  const { ink, soft, ground } = BOX_THEMES[settings.look.theme] ?? BOX_THEMES[0];
  const [committed, tentative] = text("sample").split(/(?<=,) /);
  const [first, second] = /** @type {HTMLElement[]} */ ([...sample.children]);
  first.textContent = `${committed} `;
  second.textContent = tentative ?? "";
  sample.style.color = ink;
  second.style.color = soft;
  sample.style.background = `rgb(${ground} / ${settings.look.ground}%)`;
  sample.style.fontSize = `${settings.look.size}px`;
}

async function showShortcuts() {
  const commands = await chrome.commands.getAll();
  element("shortcuts").replaceChildren(...commands.flatMap(({ name, description, shortcut }) => {
    const term = document.createElement("dt");
    term.textContent = description || text(name === "_execute_action" ? "badge_off" : "commandToggle");
    const keys = document.createElement("kbd");
    keys.textContent = shortcut || "–";
    const details = document.createElement("dd");
    details.append(keys);
    return [term, details];
  }));
}

/** @param {Partial<Settings>} changed */
async function change(changed) {
  await save(changed);
  settings = await load();
  showSample();
  writeOrHide(element("saved"), text("saved"));
}
