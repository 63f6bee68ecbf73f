// Leads somebody from a choice to their first captions; each step shows whether it is done.

import { transcribeFile } from "../overlay/shared/api.js";
import { control, create, element, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { Progress, steps } from "./guide-steps.js";

/**
 * @import { ServiceStatus } from "../overlay/shared/protocol.js"
 * @import { Choice, Step } from "./guide-steps.js"
 */

const DOCUMENTATION = "https://github.com/surtitle/surtitle/blob/main/";
/** @type {Record<Choice, string>} what explains each choice */
const HELP = {
  microphone: "docs/sound-in.md",
  tab: "README.md#caption-a-browser-tab",
  obs: "docs/obs.md",
  file: "docs/recording.md",
};

const guide = element("guide");
const panel = part(guide, ".panel");
const list = part(guide, ".steps");
const buttons = [...guide.querySelectorAll("button.guide-choice")].filter((button) => button instanceof HTMLButtonElement);

/** @type {Choice | null} */
let choice = null;
let progress = new Progress();
/** @type {ServiceStatus | null} */
let newest = null;

for (const button of buttons) {
  button.addEventListener("click", () => choose(button.ariaExpanded === "true" ? null : /** @type {Choice} */ (button.dataset.choice)));
}
part(panel, ".extension", HTMLAnchorElement).href = `${DOCUMENTATION}docs/extension.md#install`;
part(panel, ".close").addEventListener("click", () => choose(null));
setUpFile(part(panel, ".file", HTMLFormElement));

/** Show the newest state of the service; null while it does not answer. @param {ServiceStatus | null} status */
export function showGuide(status) {
  newest = status;
  if (status) progress.update(status);
  show();
}

/** @param {Choice | null} chosen */
function choose(chosen) {
  choice = chosen;
  progress = new Progress();
  for (const button of buttons) button.ariaExpanded = String(button.dataset.choice === chosen);
  panel.hidden = chosen === null;
  if (newest) progress.update(newest);
  show();
}

function show() {
  if (choice === null) return;
  part(panel, ".file").hidden = choice !== "file";
  part(panel, ".speak").hidden = choice !== "microphone";
  part(panel, ".help", HTMLAnchorElement).href = DOCUMENTATION + HELP[choice];
  const current = choice === "file" ? [] : steps(choice, newest, progress);
  const installed = current.some(({ name, state }) => name === "install" && state === "done");
  part(panel, ".extension").hidden = choice !== "tab" || installed;
  part(panel, ".obs-script").hidden = choice !== "obs" || installed;
  list.hidden = !current.length;
  part(panel, ".finished").hidden = !current.length || current.some(({ state }) => state !== "done");
  while (list.childElementCount > current.length) list.lastElementChild?.remove();
  while (list.childElementCount < current.length) list.append(createStep());
  current.forEach((step, index) => showStep(/** @type {HTMLElement} */ (list.children[index]), step));
}

function createStep() {
  const row = create("li");
  const advice = create("p", "advice");
  advice.hidden = true;
  row.append(create("span", "text"), create("span", "state"), advice);
  return row;
}

/** @param {HTMLElement} row @param {Step} step */
function showStep(row, { name, state, text, advice }) {
  row.dataset.step = name;
  row.dataset.state = state;
  if (state === "current") row.setAttribute("aria-current", "step");
  else row.removeAttribute("aria-current");
  write(part(row, ".text"), text);
  write(part(row, ".state"), state === "done" ? t("done") : "");
  writeOrHide(part(row, ".advice"), advice);
}

/** @param {HTMLFormElement} form */
function setUpFile(form) {
  const bar = part(form, "progress", HTMLProgressElement);
  const status = part(form, ".file-status");
  const result = part(form, ".result", HTMLAnchorElement);
  const button = part(form, "button", HTMLButtonElement);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = control(form, "file").files?.[0];
    if (!file) return;
    const format = control(form, "format", HTMLSelectElement).value;
    button.disabled = true;
    result.hidden = true;
    bar.hidden = false;
    delete status.dataset.state;
    write(status, t("{name} is being transcribed on this computer. This page has to stay open.", { name: file.name }));
    try {
      const text = await transcribeFile("main", file, format);
      URL.revokeObjectURL(result.href);
      result.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      result.download = `${file.name.replace(/\.[^.]*$/, "")}.${format === "text" ? "txt" : format}`;
      write(result, t("Save {name}", { name: result.download }));
      result.hidden = false;
      write(status, text.trim() ? t("Done.") : t("Nothing was said in {name}.", { name: file.name }));
    } catch (error) {
      status.dataset.state = "problem";
      write(status, error instanceof Error ? error.message : String(error));
    } finally {
      button.disabled = false;
      bar.hidden = true;
    }
  });
}
