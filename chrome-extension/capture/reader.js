// Reads the captions of a channel, without gaps or repetitions, over as many connections as it takes.

import { Connection } from "../shared/connection.js";
import { isFinal } from "../shared/problem.js";

/**
 * @import { Loss } from "../shared/connection.js"
 * @import { CaptionEvent } from "../shared/protocol.js"
 *
 * @typedef {object} Listener
 * @property {(caption: CaptionEvent) => void} caption
 * @property {() => void} clear
 * @property {() => void} [opened]
 * @property {(loss: Loss) => void} [lost] for a reader without a publisher, which reports losses of the same service
 *
 * @typedef {{id: string} & ({event: "caption", data: CaptionEvent} | {event: "clear" | "style" | "translation"})} ChannelEvent
 */

const READY_TIMEOUT = 3000; // milliseconds

export class Reader {
  /** @type {Connection<ChannelEvent>} */
  #connection;
  #last = ""; // event received
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {(last: string) => string} address for continuing after an event
   * @param {Listener} listener
   * @param {(address: string) => WebSocket} [createSocket]
   */
  constructor(address, listener, createSocket) {
    this.#connection = new Connection(() => address(this.#last), {
      opened: () => {
        this.#connection.resetBackoff();
        for (const resolve of this.#waiting.splice(0)) resolve();
        listener.opened?.();
      },
      message: (event) => {
        if (event.id) this.#last = event.id;
        if (event.event === "caption") listener.caption(event.data);
        if (event.event === "clear") listener.clear();
      },
      lost: (loss) => listener.lost?.(loss),
    }, { isFinal, createSocket });
    this.#connection.open();
  }

  /** Resolves when captions can arrive, or after a while in any case: late captions are better than none. @returns {Promise<void>} */
  ready() {
    if (this.#connection.isOpen) return Promise.resolve();
    this.#connection.retryNow();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, READY_TIMEOUT);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Reconnect, and continue where this connection was: it may be dead without having been closed. */
  reconnect() {
    if (this.#connection.isOpen) this.#connection.reconnect();
  }

  close() {
    this.#connection.close();
  }
}
