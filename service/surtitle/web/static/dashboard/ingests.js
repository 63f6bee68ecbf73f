// The streams of a channel on the dashboard: those that the service fetches or waits for, and their state.

import { addIngest, removeIngest } from "../overlay/shared/api.js";
import { control, create, createButton, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { reportFailure, say } from "./settings-form.js";

/** @import { IngestDescription } from "../overlay/shared/protocol.js" */

/** @type {Record<IngestDescription["state"], string>} */
const STATES = {
  connecting: t("connecting"),
  waiting: t("waiting for an encoder"),
  receiving: t("receiving"),
  reconnecting: t("reconnecting"),
  refused: t("refused"),
  failed: t("failed"),
  ended: t("ended"),
};
const TROUBLED = new Set(["reconnecting", "refused", "failed"]);

/** Let the card's form add streams. @param {HTMLElement} card @param {string} channel */
export function setUpIngests(card, channel) {
  const box = part(card, ".ingests");
  const form = part(box, "form", HTMLFormElement);
  const answer = part(form, ".form-status");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(answer, "…");
    await reportFailure(answer, async () => {
      await addIngest(channel, {
        url: control(form, "address").value.trim(),
        name: control(form, "stream-name").value.trim(),
        language: control(form, "stream-language").value.trim() || null,
        listen: control(form, "listen").checked,
      });
      form.reset();
      say(answer, "");
    });
  });
}

/** @param {HTMLElement} card @param {string} channel @param {IngestDescription[]} ingests */
export function showIngests(card, channel, ingests) {
  const box = part(card, ".ingests");
  const troubled = ingests.filter(({ state }) => TROUBLED.has(state));
  box.dataset.state = troubled.length ? "troubled" : "calm";
  const named = troubled.length ? troubled : ingests; // those in trouble are not to be overlooked among others
  writeOrHide(part(box, "summary .state"), named.map(({ name, state }) => `${name}: ${STATES[state]}`).join(", "));
  const list = part(box, ".running");
  const ids = ingests.map(({ id }) => id);
  if (ids.join() !== [...list.querySelectorAll("li")].map((row) => row.dataset.id).join()) {
    list.replaceChildren(...ingests.map((ingest) => createRow(box, channel, ingest)));
  }
  for (const [index, { state, message }] of ingests.entries()) {
    const row = part(list, `li:nth-child(${index + 1})`);
    row.dataset.state = state;
    write(part(row, ".stream-state"), STATES[state]);
    writeOrHide(part(row, ".message"), TROUBLED.has(state) ? message : ""); // otherwise it says no more than the state
  }
}

/** @param {HTMLElement} box @param {string} channel @param {IngestDescription} ingest */
function createRow(box, channel, { id, name, url }) {
  const row = create("li");
  row.dataset.id = id;
  const answer = part(box, ".form-status");
  const button = createButton(t("Remove"), () => {
    if (confirm(t("Remove {name}?", { name }))) reportFailure(answer, () => removeIngest(channel, id));
  });
  button.setAttribute("aria-label", `${t("Remove")}: ${name}`);
  const title = create("p", "title");
  const label = create("span", "stream-name", name);
  label.dir = "auto";
  title.append(label, create("span", "stream-state"));
  row.append(title, create("p", "address", url), create("p", "message"), button);
  return row;
}
