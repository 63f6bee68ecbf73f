// A channel's other outputs on the dashboard: what is sent where, and a form that adds or changes one.

import { addOutput, changeOutput, getOutputs, removeOutput } from "../overlay/shared/api.js";
import { cloneTemplate, control, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { languageName } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";
import { readOptional, reportFailure, say } from "./settings-form.js";

/** @import { OutputDescription, OutputStatus } from "../overlay/shared/protocol.js" */

/** @type {Record<OutputStatus["state"], string>} */
const STATES = {
  off: t("off"),
  connecting: t("connecting"),
  waiting: t("ready"),
  sending: t("sending"),
  refused: t("refused"),
  behind: t("behind"),
  failed: t("failed"),
};

/** @type {Record<OutputStatus["kind"], string>} */
const KINDS = {
  caption_url: t("Caption link"),
  webhook: t("Webhook"),
  text_file: t("Text file"),
  obs_text: t("Text source in OBS"),
  vmix: t("Title in vMix"),
  obs: t("Closed captions in OBS"),
};

const CLOSED_CAPTIONS = "closed_captions"; // these have a place of their own
const URGENT = ["refused", "failed", "behind"]; // the states of which one is shown although the list is closed

/** Let the card's form add outputs. @param {HTMLElement} card @param {string} channel */
export function setUpOutputs(card, channel) {
  const box = part(card, ".ways-out");
  const form = part(box, "form", HTMLFormElement);
  const kind = control(form, "output-kind", HTMLSelectElement);
  kind.addEventListener("change", () => showFields(form, kind.value));
  showFields(form, kind.value);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(box, async () => {
      const { id } = form.dataset;
      if (id) await changeOutput(channel, id, read(form, kind.value, true));
      else await addOutput(channel, read(form, kind.value));
      endEditing(form);
      say(part(box, ".form-status"), id ? t("Applied.") : t("Added."), true);
    });
  });
  part(form, ".cancel").addEventListener("click", () => endEditing(form));
  part(box, ".list").addEventListener("click", (event) => {
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    const row = button?.closest("li");
    const id = row?.dataset.id;
    if (!button || !row || !id) return;
    if (button.classList.contains("edit-output")) {
      attempt(box, async () => {
        const { outputs } = await getOutputs(channel);
        const output = outputs.find((one) => one.id === id);
        if (output) edit(form, output);
      });
    } else if (button.classList.contains("switch-output")) {
      attempt(box, () => changeOutput(channel, id, { enabled: row.dataset.state === "off" }));
    } else if (confirm(t("Remove {name}?", { name: part(row, ".output-name").textContent ?? "" }))) {
      attempt(box, async () => {
        await removeOutput(channel, id);
        if (form.dataset.id === id) endEditing(form);
      });
    }
  });
}

/** @param {HTMLElement} card @param {OutputStatus[]} all */
export function showOutputs(card, all) {
  const box = part(card, ".ways-out");
  const outputs = all.filter(({ id }) => id !== CLOSED_CAPTIONS);
  const urgent = outputs.find(({ state }) => URGENT.includes(state));
  const sending = outputs.filter(({ state }) => state === "sending").length;
  const activity = sending ? t("sending: {sending}", { sending }) : "";
  box.dataset.state = urgent?.state ?? (sending ? "sending" : "off");
  writeOrHide(part(box, ".state"), urgent ? STATES[urgent.state] : activity);
  const list = part(box, ".list");
  list.hidden = outputs.length === 0;
  while (list.childElementCount > outputs.length) list.lastElementChild?.remove();
  while (list.childElementCount < outputs.length) list.append(cloneTemplate("output-template"));
  outputs.forEach((output, index) => show(/** @type {HTMLElement} */ (list.children[index]), output));
}

/** @param {HTMLElement} row @param {OutputStatus} output */
function show(row, { id, kind, target, language, state, message, enabled, sent, skipped }) {
  row.dataset.id = id;
  row.dataset.state = state;
  const name = `${KINDS[kind]}: ${target}`;
  write(part(row, ".output-name"), language ? `${name}, ${languageName(language, language)}` : name);
  write(part(row, ".output-state"), sent && enabled ? `${STATES[state]} (${sent})` : STATES[state]);
  const late = skipped ? t("Captions that could not be sent: {skipped}.", { skipped }) : "";
  writeOrHide(part(row, ".output-message"), [state === "sending" || state === "off" ? "" : message, late].filter(Boolean).join(" "));
  const toggle = part(row, ".switch-output");
  write(toggle, enabled ? t("Switch off") : t("Switch on"));
  toggle.setAttribute("aria-label", `${enabled ? t("Switch off") : t("Switch on")}: ${name}`);
  part(row, ".edit-output").setAttribute("aria-label", `${t("Edit")}: ${name}`);
  part(row, ".remove-output").setAttribute("aria-label", `${t("Remove")}: ${name}`);
}

/** Let the form change an output. What is secret is not known, and stays as it is if the field is left empty. @param {HTMLFormElement} form @param {OutputDescription} output */
function edit(form, { id, kind, language, delay, settings }) {
  endEditing(form);
  form.dataset.id = id;
  form.dataset.dialect = String(settings.dialect ?? "");
  const choice = control(form, "output-kind", HTMLSelectElement);
  choice.value = kind;
  choice.disabled = true;
  showFields(form, kind);
  control(form, "output-language").value = language ?? "";
  control(form, "output-delay").value = String(delay);
  for (const input of fieldsOf(form)) {
    const name = input.dataset.field ?? "";
    if (`${name}_set` in settings && input instanceof HTMLInputElement) {
      input.placeholder = settings[`${name}_set`] ? t("unchanged") : "";
      input.required = false;
    } else if (!input.disabled) {
      input.value = String(settings[name] ?? "");
    }
  }
  part(form, ".cancel").hidden = false;
  write(part(form, "[type=submit]"), t("Apply"));
  form.scrollIntoView({ block: "nearest" });
  fieldsOf(form).find((input) => !input.disabled)?.focus();
}

/** Let the form add outputs. @param {HTMLFormElement} form */
function endEditing(form) {
  const kind = control(form, "output-kind", HTMLSelectElement);
  delete form.dataset.id;
  form.reset();
  kind.disabled = false;
  for (const input of fieldsOf(form)) {
    if (!(input instanceof HTMLInputElement) || input.type !== "password") continue;
    input.placeholder = "";
    input.required = input.dataset.field === "url";
  }
  showFields(form, kind.value);
  part(form, ".cancel").hidden = true;
  write(part(form, "[type=submit]"), t("Add"));
}

/** @param {HTMLFormElement} form */
function fieldsOf(form) {
  return [...form.querySelectorAll("[data-field]")].filter(
    (input) => input instanceof HTMLInputElement || input instanceof HTMLSelectElement,
  );
}

/** Show the fields that a kind has. @param {HTMLFormElement} form @param {string} kind */
function showFields(form, kind) {
  for (const label of form.querySelectorAll("label")) {
    const kinds = label.dataset.kinds;
    if (!kinds) continue;
    label.hidden = !kinds.split(" ").includes(kind);
    for (const input of label.querySelectorAll("input, select")) {
      if (input instanceof HTMLInputElement || input instanceof HTMLSelectElement) input.disabled = label.hidden;
    }
  }
  if (kind === "obs" || kind === "obs_text") control(form, "output-port").placeholder = "4455";
  if (kind === "vmix") control(form, "output-port").placeholder = "8088";
}

/** What the form asks for, without fields that are empty or not shown. @param {HTMLFormElement} form @param {string} kind @param {boolean} editing whether the kind is given */
function read(form, kind, editing = false) {
  /** @type {Record<string, unknown>} */
  const fields = { language: readOptional(form, "output-language"), delay: Number(control(form, "output-delay").value) };
  if (!editing) fields.kind = kind;
  for (const input of fieldsOf(form)) {
    const value = input.value.trim();
    if (input.disabled || !value || !input.dataset.field) continue;
    fields[input.dataset.field] = input.type === "number" ? Number(value) : value;
  }
  if (editing && "url" in fields && fields.dialect === form.dataset.dialect) delete fields.dialect; // it is that of the old link
  return fields;
}

/** Do something, and say why if the service refuses it. @param {HTMLElement} box @param {() => Promise<unknown>} action */
async function attempt(box, action) {
  const answer = part(box, ".form-status");
  say(answer, "");
  await reportFailure(answer, action);
}
