// One tab that is captioned: its sound, the microphone if wanted, and the boxes that show the captions.

import { socketAddress } from "../shared/address.js";
import { captureMicrophone, captureTab } from "./capture.js";
import { Reader } from "./reader.js";
import { Source } from "./source.js";
import { Transcript } from "./transcript.js";

/**
 * What the worker orders.
 * @typedef {object} Order
 * @property {number} tabId
 * @property {string} streamId
 * @property {string} server
 * @property {string} token
 * @property {string} channel
 * @property {string} language
 * @property {string} translation the language in which the box shows it, or empty
 * @property {string} source
 * @property {boolean} box
 *
 * @typedef {import("./transcript.js").Kind} Kind
 */

const SOON = 40; // milliseconds in which changes come together

export class Session {
  #order;
  #listener;
  #transcript = new Transcript();
  #reader;
  #tab;
  /** @type {Source | null} */
  #microphone = null;
  /** @type {Source[]} all that have begun, the newest first */
  #sources = [];
  /** @type {Set<chrome.runtime.Port>} */
  #boxes = new Set();
  #box;
  #several = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #showing;

  /**
   * @param {Order} order
   * @param {{changed: () => void, gone: () => void, unseen: () => void}} listener `gone`: the tab was closed, or its sound
   *   was taken away; `unseen`: a caption box was lost
   */
  constructor(order, listener) {
    this.#order = order;
    this.#box = order.box;
    this.#listener = listener;
    const path = `/api/channels/${encodeURIComponent(order.channel)}/captions`;
    const { server, token, translation: lang } = order;
    this.#reader = new Reader((last) => socketAddress(server, path, { last, token, lang }), {
      caption: (caption) => this.#receive(caption),
      clear: () => {
        this.#transcript.clear();
        this.#show();
      },
    });
    this.#tab = this.#source("tab", order.source);
  }

  /** Begin to capture the tab. */
  async begin() {
    try {
      await this.#begin(this.#tab, (frames) => captureTab(this.#order.streamId, frames), this.#listener.gone);
    } catch (error) {
      this.#reader.close();
      throw error;
    }
  }

  /** @returns {import("../shared/state.js").TabState} */
  get state() {
    const { tabId, server, channel } = this.#order;
    return { tabId, server, channel, box: this.#box, tab: this.#tab.state, microphone: this.#microphone?.state ?? null };
  }

  /** Loudness in dB. */
  get levels() {
    return { tab: this.#tab.level, microphone: this.#microphone?.level ?? null };
  }

  /** Whether somebody still waits for the last words. */
  get isDraining() {
    return this.#sources.some((source) => source.state.phase !== "ended");
  }

  /** @param {string} name */
  async addMicrophone(name) {
    if (this.#microphone && this.#microphone.state.phase !== "ended") return;
    const source = this.#source("microphone", name);
    await this.#begin(source, captureMicrophone, () => source.end({ code: "microphoneEnded" }));
    this.#microphone = source;
    this.#several = true;
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
    if (!this.#box) return port.postMessage({ type: "bye" });
    this.#boxes.add(port);
    port.onDisconnect.addListener(() => {
      this.#boxes.delete(port);
      if (this.#box) setTimeout(this.#listener.unseen, 1000); // the page went away, or crashed: soon the browser knows
    });
    this.#show();
  }

  /** @param {boolean} on */
  showBox(on) {
    this.#box = on;
    if (!on) this.#dismissBoxes();
    this.#changed();
  }

  /** Stop capturing; the last words still reach the transcript. */
  end() {
    this.#tab.end();
    this.#microphone?.end();
    this.#reader.close();
    this.#dismissBoxes();
  }

  #dismissBoxes() {
    for (const port of this.#boxes) port.postMessage({ type: "bye" });
    this.#boxes.clear();
  }

  /** @param {Source} source @param {Parameters<Source["begin"]>[0]} open @param {() => void} ended */
  async #begin(source, open, ended) {
    await source.begin(open, ended);
    this.#sources.unshift(source);
  }

  /** @param {Kind} kind @param {string} name */
  #source(kind, name) {
    const { server, channel, language, token } = this.#order;
    const start = { ...(language && { lang: language }), ...(token && { token }) };
    const path = `/api/channels/${encodeURIComponent(channel)}/audio`;
    return new Source(kind, name, () => socketAddress(server, path), start, {
      changed: () => this.#changed(),
      covered: (oldest) => this.#transcript.covered(kind, oldest),
      forgotten: (oldest) => this.#transcript.restart(kind, oldest),
      lost: () => this.#reader.again(),
      readable: () => this.#reader.ready(),
    });
  }

  /** @param {import("./reader.js").Caption} caption */
  #receive(caption) {
    const source = this.#sources.find((one) => one.state.name === caption.source);
    if (!source) return; // somebody else speaks in this channel
    if (this.#transcript.put(caption, source.state.kind, (seconds) => source.position(seconds))) this.#show();
  }

  #changed() {
    this.#show();
    this.#listener.changed();
  }

  #show() {
    if (!this.#boxes.size) return;
    this.#showing ??= setTimeout(() => {
      this.#showing = undefined;
      const rows = this.#transcript.rows.map(({ id, name, committed, tentative }) => ({
        id, name: this.#several ? name : "", committed, tentative,
      }));
      for (const port of this.#boxes) port.postMessage({ type: "show", rows, phase: this.#tab.state.phase });
    }, SOON);
  }
}
