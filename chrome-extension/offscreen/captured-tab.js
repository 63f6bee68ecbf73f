// One captioned tab: its sound, the microphone if wanted, and the boxes that show the captions.

import { socketAddress } from "../shared/address.js";
import { CaptionBoxes, closeBox } from "../shared/caption-boxes.js";
import { captureMicrophone, captureTab } from "../capture/capture.js";
import { CaptionLog } from "../capture/caption-log.js";
import { Reader } from "../capture/reader.js";
import { Source } from "../capture/source.js";

/**
 * @import { BoxRow, CaptureOrder } from "../shared/message-types.js"
 * @import { CaptionEvent } from "../shared/protocol.js"
 * @import { Kind, TabState } from "../shared/state.js"
 *
 * @typedef {object} Listener
 * @property {() => void} changed
 * @property {() => void} ended the tab was closed, or its capture was taken away
 * @property {() => void} boxLost a caption box disconnected
 */

const BOX_LOST_DELAY = 1000; // milliseconds after which the browser knows whether the page is gone or crashed

export class CapturedTab {
  #order;
  #listener;
  #log = new CaptionLog();
  #reader;
  #tab;
  /** @type {Source | null} */
  #microphone = null;
  /** @type {Source[]} all that were started, the newest first */
  #sources = [];
  #boxes = new CaptionBoxes(() => ({ type: "captions", rows: this.#rows, phase: this.#tab.state.phase }));
  #boxWanted;
  #hadMicrophone = false; // so that captions need names

  /** @param {CaptureOrder} order @param {Listener} listener */
  constructor(order, listener) {
    this.#order = order;
    this.#boxWanted = order.box;
    this.#listener = listener;
    const { server, token, translation: lang } = order;
    this.#reader = new Reader((last) => socketAddress(server, this.#path("captions"), { last, token, lang }), {
      caption: (caption) => this.#receive(caption),
      clear: () => {
        this.#log.clear();
        this.#boxes.show();
      },
    });
    this.#tab = this.#createSource("tab", order.source);
  }

  /** Start to capture the tab. */
  async start() {
    try {
      await this.#start(this.#tab, (listener) => captureTab(this.#order.streamId, listener), this.#listener.ended);
    } catch (error) {
      this.#reader.close();
      throw error;
    }
  }

  /** @returns {TabState} */
  get state() {
    const { tabId, server, channel } = this.#order;
    return {
      tabId, server, channel, box: this.#boxWanted, tab: this.#tab.state, microphone: this.#microphone?.state ?? null,
    };
  }

  /** In decibels below full scale. */
  get levels() {
    return { tab: this.#tab.level, microphone: this.#microphone?.level ?? null };
  }

  /** Whether last words are still awaited. */
  get isDraining() {
    return this.#sources.some((source) => source.state.phase !== "ended");
  }

  /** @param {string} name */
  async addMicrophone(name) {
    if (this.#microphone && this.#microphone.state.phase !== "ended") return;
    const source = this.#createSource("microphone", name);
    await this.#start(source, captureMicrophone, () => source.end({ code: "microphoneEnded" }));
    this.#microphone = source;
    this.#hadMicrophone = true;
    this.#changed();
  }

  removeMicrophone() {
    if (!this.#microphone) return;
    this.#microphone.end();
    this.#microphone = null;
    this.#changed();
  }

  /** @param {chrome.runtime.Port} port */
  addBox(port) {
    if (!this.#boxWanted) return closeBox(port);
    this.#boxes.add(port, () => {
      if (this.#boxWanted) setTimeout(this.#listener.boxLost, BOX_LOST_DELAY);
    });
  }

  /** @param {boolean} on */
  showBox(on) {
    this.#boxWanted = on;
    if (!on) this.#boxes.close();
    this.#changed();
  }

  /** Stop capturing; the last words still reach the channel. */
  end() {
    this.#tab.end();
    this.#microphone?.end();
    this.#reader.close();
    this.#boxes.close();
  }

  /** @param {Source} source @param {Parameters<Source["start"]>[0]} openCapture @param {() => void} ended */
  async #start(source, openCapture, ended) {
    await source.start(openCapture, ended);
    this.#sources.unshift(source);
  }

  /** @param {Kind} kind @param {string} name */
  #createSource(kind, name) {
    const { server, language, token } = this.#order;
    const identity = { ...(language && { lang: language }), ...(token && { token }) };
    return new Source(kind, name, () => socketAddress(server, this.#path("audio")), identity, {
      changed: () => this.#changed(),
      resendFrom: (oldest) => this.#log.resendFrom(kind, oldest),
      forgotten: (oldest) => this.#log.restart(kind, oldest),
      lost: () => this.#reader.reconnect(),
      readable: () => this.#reader.ready(),
    });
  }

  /** @param {"audio" | "captions"} what */
  #path(what) {
    return `/api/channels/${encodeURIComponent(this.#order.channel)}/${what}`;
  }

  /** @param {CaptionEvent} caption */
  #receive(caption) {
    const source = this.#sources.find(({ state }) => state.name === caption.source);
    if (!source) return; // the channel has other sources
    if (this.#log.put(caption, source.state.kind, (seconds) => source.position(seconds))) this.#boxes.show();
  }

  #changed() {
    this.#boxes.show();
    this.#listener.changed();
  }

  /** @returns {BoxRow[]} */
  get #rows() {
    return this.#log.rows.map(({ id, name, committed, tentative }) => ({
      id, name: this.#hadMicrophone ? name : "", committed, tentative,
    }));
  }
}
