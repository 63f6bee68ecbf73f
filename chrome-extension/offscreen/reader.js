// Reads the captions of a channel, without gap and without double, over as many connections as it takes.

import { Link } from "./link.js";

/**
 * @typedef {object} Caption
 * @property {string} id
 * @property {number} rev the highest wins
 * @property {string} source
 * @property {string | null} speaker
 * @property {number} start seconds on the channel's clock
 * @property {number} end
 * @property {string} text committed: never changes again
 * @property {string} tentative what follows it for now
 * @property {boolean} final
 */

export class Reader {
  #link;
  #place = "";
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {(last: string) => string} address
   * @param {{caption: (caption: Caption) => void, clear: () => void}} listener
   * @param {(address: string) => WebSocket} [make]
   */
  constructor(address, listener, make) {
    this.#link = new Link(() => address(this.#place), {
      opened: () => {
        this.#link.settle();
        for (const go of this.#waiting.splice(0)) go();
      },
      message: ({ event, id, data }) => {
        if (id) this.#place = id;
        if (event === "caption") listener.caption(data);
        if (event === "clear") listener.clear();
      },
      lost: () => {}, // the publisher tells why: it talks to the same service
    }, make);
    this.#link.open();
  }

  /**
   * Resolves when captions can come, or after a while in any case: captions that are late are better than none.
   * @param {number} [patience] milliseconds
   * @returns {Promise<void>}
   */
  ready(patience = 3000) {
    if (this.#link.isOpen) return Promise.resolve();
    this.#link.now();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** The connection may be dead without saying so: make a new one, and go on where this one was. */
  again() {
    if (this.#link.isOpen) this.#link.again();
  }

  close() {
    this.#link.close();
  }
}
