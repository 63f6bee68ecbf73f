// A WebSocket to the service that reconnects by itself.
//
// The extension and the pages of the service are delivered separately, so each has this file; a test compares the two.

const FIRST_WAIT = 300; // milliseconds before the first attempt to reconnect
const LONGEST_WAIT = 4000;
const OPEN_TIMEOUT = 5000; // milliseconds that a connection may take to open
const BROKEN = 1006; // the close code of a connection that was not closed properly (RFC 6455)

/** Waiting times that double up to a limit, with jitter, so that many clients do not reconnect at the same moment. */
export class Backoff {
  #next = FIRST_WAIT;

  reset() {
    this.#next = FIRST_WAIT;
  }

  /** Milliseconds to wait now. @param {number} random 0 to 1 */
  next(random = Math.random()) {
    const wait = this.#next * (0.75 + random / 2);
    this.#next = Math.min(LONGEST_WAIT, this.#next * 2);
    return wait;
  }
}

/**
 * @typedef {object} Loss
 * @property {number} code the WebSocket's close code
 * @property {string} detail the service's error message, or "" if it sent none
 * @property {boolean} final whether the connection gives up
 */

/**
 * @template M
 * @typedef {object} Listener
 * @property {() => void} [opened]
 * @property {(message: M) => void} message JSON from the service; its error messages are the `detail` of a loss
 * @property {(loss: Loss) => void} [lost]
 */

/**
 * @typedef {object} Options
 * @property {(code: number) => boolean} [isFinal] whether reconnecting after this close code is pointless
 * @property {number} [openTimeout] milliseconds
 * @property {(address: string) => WebSocket} [createSocket]
 */

/** @template M the type of the service's messages */
export class Connection {
  #address;
  #listener;
  #isFinal;
  #openTimeout;
  #createSocket;
  #backoff = new Backoff();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;
  #detail = "";

  /**
   * @param {() => string} address called for each attempt
   * @param {Listener<M>} listener
   * @param {Options} [options]
   */
  constructor(address, listener, options = {}) {
    this.#address = address;
    this.#listener = listener;
    this.#isFinal = options.isFinal ?? (() => false);
    this.#openTimeout = options.openTimeout ?? OPEN_TIMEOUT;
    this.#createSocket = options.createSocket ?? ((url) => new WebSocket(url));
  }

  /** Bytes that are queued in the socket. */
  get bufferedAmount() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  open() {
    clearTimeout(this.#timer);
    const socket = this.#createSocket(this.#address());
    this.#socket = socket;
    this.#detail = "";
    this.#timer = setTimeout(() => this.reconnect(), this.#openTimeout);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#listener.opened?.();
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "error") this.#detail = message.message;
      else this.#listener.message(message);
    };
    socket.onclose = (event) => this.#lose(event.code);
  }

  /** Start the back-off again: the service works, and the next loss is a new one. */
  resetBackoff() {
    this.#backoff.reset();
  }

  /** Dropped while the connection is not open. @param {string | Int16Array<ArrayBuffer>} data */
  send(data) {
    if (this.isOpen) this.#socket?.send(data);
  }

  /** Stop waiting for the next attempt, and make it now. */
  retryNow() {
    if (!this.#socket && !this.#closed) this.open();
  }

  /** Drop this connection, and make a new one after the usual wait. */
  reconnect() {
    this.#drop();
    this.#lose(BROKEN);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {number} code */
  #lose(code) {
    this.#socket = null;
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const final = this.#isFinal(code);
    if (final) this.#closed = true;
    else this.#timer = setTimeout(() => this.open(), this.#backoff.next());
    this.#listener.lost?.({ code, detail: this.#detail, final });
  }
}
