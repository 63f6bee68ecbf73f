// Sends one source's sound to the service, over as many connections as it takes.

import { RATE } from "./backlog.js";
import { Link } from "./link.js";

/** @typedef {import("../shared/state.js").Event} Event */

const STUFFED = 10 * RATE * 2; // bytes waiting in a socket from which nothing more is put into it
const STUCK = 10_000; // milliseconds after which a stuffed socket is given up
const ANSWER = 30_000; // milliseconds that a service may take to be ready
const FAREWELL = 30_000; // milliseconds that the last words may take, reconnecting included

/**
 * @typedef {object} Start
 * @property {string} source
 * @property {string} resume chosen by us, so that a connection lost before `ready` can be resumed too
 * @property {string} [lang]
 * @property {string} [token]
 *
 * @typedef {object} Listener
 * @property {(event: Event) => void} told
 * @property {(oldest: number) => number} covered the position from which a service that has forgotten the source has to
 *   be told again, see `Transcript.covered`; `oldest` is the first that is still kept
 * @property {(oldest: number) => void} forgotten it has, and is
 * @property {() => void} lost a connection that worked is gone
 * @property {() => Promise<void>} readable resolves when the captions of what is sent can be received
 */

export class Publisher {
  #start;
  #backlog;
  #listener;
  #link;
  #base = 0; // the position at which the service's source begins
  #clock = 0; // where that is on the channel's clock, seconds
  #next = 0; // the next position to send
  #again = 0; // the position from which to send if the service has forgotten the source
  #oldest = 0; // the first position that was kept when the connection opened
  #missed = 0; // samples before that which would have been needed
  #known = false; // whether the service has had anything of it
  #ready = false;
  #connection = 0;
  #ending = false;
  #failed = false;
  #said = false; // whether this connection was told the end
  /** @type {number | null} */
  #stuffed = null; // since when, milliseconds
  #latest = 0; // end of the latest word, seconds on the channel's clock
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pumping;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadline;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting; // for ready

  /**
   * @param {() => string} address
   * @param {Start} start
   * @param {import("./backlog.js").Backlog} backlog
   * @param {Listener} listener
   * @param {(address: string) => WebSocket} [make]
   */
  constructor(address, start, backlog, listener, make) {
    this.#start = start;
    this.#backlog = backlog;
    this.#listener = listener;
    this.#link = new Link(address, {
      opened: () => this.#open(),
      message: (message) => this.#receive(message),
      lost: (problem, final) => this.#lost(problem, final),
    }, make);
    this.#link.open();
  }

  /** The backlog has something new. */
  push() {
    this.#pump();
  }

  /** No more sound: what is there is recognized, then `ended` is told. */
  end() {
    if (this.#failed) return this.#finish();
    if (this.#ending) return;
    this.#ending = true;
    this.#pumping = setInterval(() => this.#pump(), 100);
    this.#deadline = setTimeout(() => this.#finish(), FAREWELL);
    this.#link.now();
    this.#pump();
  }

  #abort() {
    this.#ready = false;
    this.#connection++;
    clearInterval(this.#pumping);
    clearTimeout(this.#deadline);
    clearTimeout(this.#waiting);
    this.#link.close();
  }

  /** A time on the channel's clock as a position. @param {number} seconds */
  position(seconds) {
    return this.#base + Math.round((seconds - this.#clock) * RATE);
  }

  #open() {
    const { oldest, newest } = this.#backlog;
    const wanted = this.#known ? this.#listener.covered(oldest) : 0;
    this.#oldest = oldest;
    this.#again = Math.min(newest, Math.max(oldest, wanted));
    this.#missed = Math.max(0, oldest - wanted);
    const age = (newest - this.#again) / RATE;
    this.#link.send(JSON.stringify({ op: "start", rate: RATE, channels: 1, ...this.#start, age }));
    this.#waiting = setTimeout(() => this.#link.again(), ANSWER);
  }

  /** @param {any} message */
  #receive(message) {
    switch (message.type) {
      case "ready":
        return void this.#continue(message);
      case "status":
        return this.#listener.told({ type: "notice", engine: message.engine, notice: message.notice });
      case "lag":
        return this.#listener.told({ type: "lag", seconds: message.seconds, skipped: message.skipped });
      case "partial":
      case "final":
        return this.#measure(message);
      case "end":
        return this.#finish();
    }
  }

  /** Find out what the service has, and send what it has not. @param {any} ready */
  async #continue(ready) {
    this.#link.settle();
    clearTimeout(this.#waiting);
    if (ready.resumed && ready.received > 0) {
      this.#next = this.#base + Math.round(ready.received * RATE);
    } else {
      this.#base = this.#next = this.#again;
      this.#listener.forgotten(this.#oldest);
      if (this.#missed) this.#gap(this.#missed);
    }
    this.#clock = ready.clock ?? 0;
    this.#latest = 0;
    this.#start = { ...this.#start, source: ready.source };
    this.#listener.told({ type: "ready", name: ready.source, engine: ready.engine, language: ready.language });
    const connection = this.#connection;
    await this.#listener.readable();
    if (connection !== this.#connection) return;
    this.#ready = true;
    this.#pump();
  }

  #pump() {
    while (this.#ready && this.#next < this.#backlog.newest && this.#link.waiting < STUFFED) {
      const { samples, lost } = this.#backlog.read(this.#next);
      if (lost) this.#gap(samples.length);
      this.#link.send(/** @type {Int16Array<ArrayBuffer>} */ (samples));
      this.#next += samples.length;
      this.#known = true;
    }
    this.#watch();
    if (this.#ending && this.#ready && !this.#said && this.#next >= this.#backlog.newest) {
      this.#said = true;
      this.#link.send('{"op":"end"}');
    }
  }

  /** A network that swallows everything closes no connection: see that it moves. */
  #watch() {
    if (this.#link.waiting < STUFFED) this.#stuffed = null;
    else if (Date.now() - (this.#stuffed ??= Date.now()) > STUCK) {
      this.#stuffed = null;
      this.#link.again();
    }
  }

  /** How long ago the latest word was spoken. @param {{te: number, text: string}} caption */
  #measure({ te, text }) {
    if (!text || te <= this.#latest) return;
    this.#latest = te;
    const seconds = Math.max(0, (this.#backlog.newest - this.position(te)) / RATE);
    this.#listener.told({ type: "delay", seconds });
  }

  /** @param {number} samples */
  #gap(samples) {
    this.#listener.told({ type: "gap", seconds: samples / RATE });
  }

  /** @param {import("../shared/state.js").Problem} problem @param {boolean} final */
  #lost(problem, final) {
    if (this.#ready) this.#listener.lost();
    this.#ready = this.#said = false;
    this.#connection++;
    clearTimeout(this.#waiting);
    this.#failed = final;
    if (this.#ending && final) return this.#finish();
    this.#listener.told({ type: final ? "failed" : "lost", problem });
  }

  #finish() {
    this.#abort();
    this.#listener.told({ type: "ended", problem: null });
  }
}
