// A WebSocket of which the test is the other side. (Node has one, but no test can decide when it opens and breaks.)

export class FakeSocket {
  /** @type {FakeSocket[]} all that were made */
  static made = [];

  readyState = 0;
  bufferedAmount = 0;
  /** @type {any[]} */
  sent = [];

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }

  static get last() {
    return FakeSocket.made[FakeSocket.made.length - 1];
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  /** @param {object} message */
  say(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** @param {number} code */
  break(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  send(data) {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close() {
    this.readyState = 3;
  }

  /** All samples that came. */
  get samples() {
    return this.sent.filter((data) => data instanceof Int16Array).flatMap((frame) => [...frame]);
  }
}
