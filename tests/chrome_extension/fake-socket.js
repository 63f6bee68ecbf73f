// A WebSocket whose other side is the test. (Node has one, but with it no test can decide when it opens and breaks.)

export class FakeSocket {
  /** @type {FakeSocket[]} in the order in which they were created */
  static all = [];

  readyState = 0;
  bufferedAmount = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all[FakeSocket.all.length - 1];
  }

  /** For the option `createSocket` of a connection. @param {string} url */
  static create(url) {
    return /** @type {WebSocket} */ (/** @type {unknown} */ (new FakeSocket(url)));
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  /** Let a message arrive. @param {object} message */
  receive(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** @param {number} code */
  break(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** @param {string | Int16Array} data */
  send(data) {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close() {
    this.readyState = 3;
  }

  /** All samples that were sent. */
  get samples() {
    return this.sent.filter((data) => data instanceof Int16Array).flatMap((frame) => [...frame]);
  }
}
