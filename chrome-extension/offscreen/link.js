// A WebSocket that comes back by itself.

/** @typedef {import("../shared/state.js").Problem} Problem */

const FIRST_WAIT = 300; // milliseconds before the first try to come back
const LONGEST_WAIT = 4000;
const OPENING = 5000; // milliseconds that a connection may take to open

/** Waits that double, up to a limit, each a little different so that clients do not come back in step. */
export class Backoff {
  #next = FIRST_WAIT;

  reset() {
    this.#next = FIRST_WAIT;
  }

  /** Milliseconds to wait now. @param {number} chance 0 to 1 */
  next(chance = Math.random()) {
    const wait = this.#next * (0.75 + chance / 2);
    this.#next = Math.min(LONGEST_WAIT, this.#next * 2);
    return wait;
  }
}

/** @type {Record<number, {code: string, final: boolean}>} */
const CODES = {
  4400: { code: "refused", final: true },
  4401: { code: "token", final: true },
  4403: { code: "forbidden", final: true },
  4404: { code: "channel", final: true },
  4408: { code: "timeout", final: false },
  4413: { code: "busy", final: false },
  4429: { code: "busy", final: false },
  1011: { code: "engine", final: false },
  1012: { code: "stopping", final: false },
};

/**
 * What the end of a connection means, and whether trying again is of use.
 * @param {number} close the WebSocket's close code
 * @param {string} [detail] what the service said before it closed
 * @returns {{problem: Problem, final: boolean}}
 */
export function judge(close, detail) {
  const { code, final } = CODES[close] ?? { code: "unreachable", final: false };
  return { problem: detail ? { code, detail } : { code }, final };
}

/**
 * @typedef {object} Listener
 * @property {() => void} [opened]
 * @property {(message: any) => void} message JSON that came
 * @property {(problem: Problem, final: boolean) => void} lost
 */

export class Link {
  #address;
  #listener;
  #make;
  #backoff = new Backoff();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;
  #detail = "";

  /**
   * @param {() => string} address
   * @param {Listener} listener
   * @param {(address: string) => WebSocket} [make]
   */
  constructor(address, listener, make = (url) => new WebSocket(url)) {
    this.#address = address;
    this.#listener = listener;
    this.#make = make;
  }

  /** Bytes that wait to be sent. */
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  open() {
    clearTimeout(this.#timer);
    const socket = this.#make(this.#address());
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#detail = "";
    this.#timer = setTimeout(() => this.again(), OPENING);
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

  /** The other side is well: the next loss is a new one. */
  settle() {
    this.#backoff.reset();
  }

  /** @param {string | Int16Array<ArrayBuffer>} data */
  send(data) {
    if (this.isOpen) this.#socket?.send(data);
  }

  /** Try at once, if it waits to try again. */
  now() {
    if (!this.#socket && !this.#closed) this.open();
  }

  /** Give this connection up and make a new one. */
  again() {
    this.#drop();
    this.#lose(1006);
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
    const { problem, final } = judge(code, this.#detail);
    if (final) this.#closed = true;
    else this.#timer = setTimeout(() => this.open(), this.#backoff.next());
    this.#listener.lost(problem, final);
  }
}
