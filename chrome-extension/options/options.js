// The defaults, for those who want others.

import { isChannel, serverAddress } from "../shared/address.js";
import { element, field, fillLanguages, fillTranslations, say, text, translate } from "../shared/page.js";
import { sentence } from "../shared/problem.js";
import { forgetLooks, load, save } from "../shared/settings.js";
import { THEMES } from "../shared/themes.js";
import { Service } from "../popup/service.js";

translate();
let settings = await load();
const service = new Service((status, problem) => {
  const place = element("service");
  place.dataset.state = status ? "live" : "lost";
  if (status) say(place, text("serviceRuns", status.engine));
  else if (problem) say(place, sentence(problem));
});

fillLanguages("language", settings.language);
fillTranslations("translation", settings.translation);
field("server").value = settings.server;
field("token").value = settings.token;
field("channel").value = settings.channel;
field("box").checked = settings.box;
field("microphone").checked = settings.microphone;
field("microphoneName").value = settings.microphoneName;
field("microphoneName").placeholder = text("you");
field("theme").value = String(settings.look.theme);
field("size").value = String(settings.look.size);
field("lines").value = String(settings.look.lines);
watch();
showLook();
await showShortcuts();

checked("server", serverAddress, "address");
checked("channel", (typed) => (isChannel(typed.trim()) ? typed.trim() : null), "channelName");
checked("token", (typed) => typed.trim());
checked("microphoneName", (typed) => typed.trim());
checked("language", (chosen) => chosen);
checked("translation", (chosen) => chosen);
for (const id of /** @type {const} */ (["box", "microphone"])) {
  field(id).addEventListener("change", () => keep({ [id]: field(id).checked }));
}
for (const id of /** @type {const} */ (["theme", "size", "lines"])) {
  field(id).addEventListener("input", () => {
    if (!field(id).checkValidity() || !field(id).value) return;
    keep({ look: { ...settings.look, [id]: Number(field(id).value) } });
  });
}
element("forget").addEventListener("click", async () => {
  await forgetLooks();
  say(element("saved"), text("forgotten"));
});

/**
 * A field that is saved when it is right, and says what is wrong when it is not.
 * @param {"server" | "channel" | "token" | "microphoneName" | "language" | "translation"} id
 * @param {(typed: string) => string | null} read
 * @param {string} [problem]
 */
function checked(id, read, problem = "unknown") {
  field(id).addEventListener("change", async () => {
    const value = read(field(id).value);
    field(id).setAttribute("aria-invalid", String(value === null));
    if (value === null) return say(element("saved"), sentence({ code: problem }));
    field(id).value = value;
    await keep({ [id]: value });
    if (id === "server" || id === "token") watch();
  });
}

function watch() {
  const server = serverAddress(settings.server);
  if (server) service.watch(server, settings.token);
}

function showLook() {
  const sample = element("sample");
  const { ink, soft, ground } = THEMES[settings.look.theme] ?? THEMES[0];
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
  const rows = (await chrome.commands.getAll()).map(({ name, description, shortcut }) => {
    const term = document.createElement("dt");
    term.textContent = description || text(name === "_execute_action" ? "badge_off" : "commandToggle");
    const keys = document.createElement("dd");
    const kbd = document.createElement("kbd");
    kbd.textContent = shortcut || "–";
    keys.append(kbd);
    return [term, keys];
  });
  element("shortcuts").replaceChildren(...rows.flat());
}

/** @param {Partial<import("../shared/settings.js").Settings>} changed */
async function keep(changed) {
  await save(changed);
  settings = await load();
  showLook();
  say(element("saved"), text("saved"));
}
