// The caption boxes of one tab: it has several if its page has been in the back/forward cache.

/** @import { BoxPortMessage } from "./message-types.js" */

const SHOW_DELAY = 40; // milliseconds in which changes are collected

export class CaptionBoxes {
  /** @type {Set<chrome.runtime.Port>} */
  #ports = new Set();
  #create;
  #showing = false;

  /** @param {() => BoxPortMessage} create the message that shows the captions of now */
  constructor(create) {
    this.#create = create;
  }

  /** @param {chrome.runtime.Port} port @param {() => void} disconnected */
  add(port, disconnected) {
    this.#ports.add(port);
    port.onDisconnect.addListener(() => {
      this.#ports.delete(port);
      disconnected();
    });
    this.show();
  }

  /** Show the captions of now, soon. */
  show() {
    if (!this.#ports.size || this.#showing) return;
    this.#showing = true;
    setTimeout(() => {
      this.#showing = false;
      if (this.#ports.size) this.#post(this.#create());
    }, SHOW_DELAY);
  }

  close() {
    this.#post({ type: "close" });
    this.#ports.clear();
  }

  /** @param {BoxPortMessage} message */
  #post(message) {
    for (const port of this.#ports) port.postMessage(message);
  }
}

/** Close a box that has nothing to show. @param {chrome.runtime.Port} port */
export function closeBox(port) {
  /** @type {BoxPortMessage} */
  const message = { type: "close" };
  port.postMessage(message);
}
