// The dashboard: the state of the service and of all channels.

import { BASE, playDemo, socketAddress } from "../overlay/shared/api.js";
import { Connection } from "../overlay/shared/connection.js";
import { element, part, write, writeOrHide } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { isRefusal } from "../overlay/shared/token.js";
import { showAccessLinks } from "./access-links.js";
import { showAlertList } from "./alerts.js";
import { ChannelCard } from "./channel-card.js";
import { showGuide } from "./guide.js";
import { showProgress } from "./model.js";
import { noteLoss, showProgram } from "./program.js";

/** @import { ServiceStatus } from "../overlay/shared/protocol.js" */

const serviceState = element("service");
const notice = element("notice");
const demoButton = element("demo", HTMLButtonElement);
const sample = new Audio(`${BASE}/static/demo/speech.flac`);
/** @type {Map<string, ChannelCard>} by channel */
const cards = new Map();

demoButton.addEventListener("click", async () => {
  const { started } = await playDemo().catch(() => ({ started: false })); // the page shows that the service is gone
  if (started && element("listen", HTMLInputElement).checked) {
    sample.currentTime = 0;
    await sample.play().catch(() => {}); // without a sound device there are captions all the same
  }
});

/** @type {Connection<ServiceStatus>} */
const connection = new Connection(() => socketAddress(`${BASE}/api/status`), {
  message(status) {
    connection.resetBackoff();
    show(status);
  },
  lost: ({ final }) => showLoss(final),
}, { isFinal: isRefusal });
connection.open();

/** @param {boolean} refused */
function showLoss(refused) {
  serviceState.dataset.state = "lost";
  write(serviceState, refused
    ? t("This link is no longer valid: ask for a new one.")
    : t("The service does not answer: restart it"));
  showGuide(null);
  noteLoss();
  for (const card of cards.values()) card.showSources([]);
}

/** @param {ServiceStatus} status */
function show(status) {
  const { engine, model, loading } = status;
  const ready = loading === null || loading.state === "failed";
  serviceState.dataset.state = ready ? "live" : "loading";
  write(serviceState, ready
    ? t("Running on {engine} ({model})", { engine, model })
    : t("The model is being loaded; until then on {engine}", { engine }));
  showAlertList(element("alerts"), status.alerts);
  writeOrHide(element("choice"), status.choice);
  const { recipient } = status;
  writeOrHide(element("recipient"), recipient && t("Sound leaves this computer: it is sent to {recipient} to be recognized.", { recipient }));
  notice.hidden = !status.notice;
  write(part(notice, ".text"), status.notice);
  showProgress(part(notice, "progress", HTMLProgressElement), status.loading);
  showGuide(status);
  showProgram(status.program);
  demoButton.disabled = status.demo;
  write(demoButton, status.demo ? t("Playing…") : t("Play the demo"));
  for (const channel of status.channels) cardOf(channel.name).show(channel);
  showAccessLinks(status.links, status.channels.map(({ name }) => name));
  for (const [name, card] of cards) {
    if (status.channels.some((channel) => channel.name === name)) continue;
    card.remove();
    cards.delete(name);
  }
}

/** @param {string} name */
function cardOf(name) {
  let card = cards.get(name);
  if (!card) {
    card = new ChannelCard(name);
    cards.set(name, card);
    element("channels").append(card.element);
  }
  return card;
}
