// Sends one source's sound to the service, over as many connections as it takes.

import { Connection } from "../shared/connection.js";
import { isFinal, problemOfLoss } from "../shared/problem.js";
import { RATE } from "./backlog.js";

/**
 * @import { Loss } from "../shared/connection.js"
 * @import { EndMessage, FinalMessage, LagMessage, PartialMessage, ReadyMessage, StartMessage, StatusMessage, StopMessage }
 *   from "../shared/protocol.js"
 * @import { SourceEvent } from "../shared/state.js"
 * @import { Backlog } from "./backlog.js"
 */

const MAX_BUFFERED = 10 * RATE * 2; // bytes queued in a socket above which nothing more is sent
const STUCK_TIMEOUT = 10_000; // milliseconds above that limit after which the socket is replaced
const READY_TIMEOUT = 30_000; // milliseconds that the service may take to answer a start message
const END_TIMEOUT = 30_000; // milliseconds that the last words may take, reconnecting included
const PUMP_INTERVAL = 100; // milliseconds

/**
 * What this source is, in each start message. The `resume` id is chosen here, so that a source can be resumed even if the
 * connection was lost before its `ready`.
 * @typedef {Pick<StartMessage, "lang" | "token"> & {source: string, resume: string}} Identity
 *
 * @typedef {ReadyMessage | StatusMessage | LagMessage | PartialMessage | FinalMessage | EndMessage} PublisherMessage
 *
 * @typedef {object} Listener
 * @property {(event: SourceEvent) => void} event
 * @property {(oldest: number) => number} resendFrom the position from which a service that has forgotten the source needs
 *   its sound, see `CaptionLog.resendFrom`; `oldest` is the first that can be sent
 * @property {(oldest: number) => void} forgotten the service has forgotten the source, and is sent its sound again
 * @property {() => void} lost a working connection was lost
 * @property {() => Promise<void>} readable resolves when the captions of what is sent can be received
 *
 * @typedef {"connecting" | "starting" | "live" | "refused" | "finished"} Phase "starting": until sound can be sent
 */

export class Publisher {
  #identity;
  #backlog;
  #listener;
  /** @type {Connection<PublisherMessage>} */
  #connection;
  /** @type {Phase} */
  #phase = "connecting";
  #attempt = 0; // counts connections, to notice that one was replaced

  // Positions are samples since the start of the capture, see `Backlog`.
  #base = 0; // where the service's source begins
  #clock = 0; // the same in seconds on the channel's clock
  #next = 0; // the first that was not sent
  #known = false; // whether the service was sent anything of the source
  #oldestAtStart = 0; // the first that could be sent when the connection was opened
  #resendFrom = 0; // the first to be sent if the service has forgotten the source
  #missing = 0; // samples before `#oldestAtStart` that it would need in that case

  #ending = false;
  #endSent = false; // on this connection
  /** @type {number | null} */
  #stuckSince = null; // milliseconds
  #latest = 0; // end of the latest word, seconds on the channel's clock
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pumpTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #endTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #readyTimer;

  /**
   * @param {() => string} address
   * @param {Identity} identity
   * @param {Backlog} backlog
   * @param {Listener} listener
   * @param {(address: string) => WebSocket} [createSocket]
   */
  constructor(address, identity, backlog, listener, createSocket) {
    this.#identity = identity;
    this.#backlog = backlog;
    this.#listener = listener;
    this.#connection = new Connection(address, {
      opened: () => this.#start(),
      message: (message) => this.#receive(message),
      lost: (loss) => this.#lose(loss),
    }, { isFinal, createSocket });
    this.#connection.open();
  }

  /** The backlog has new sound. */
  push() {
    this.#pump();
  }

  /** No more sound follows: send the rest, wait for its captions, and report `ended`. */
  end() {
    if (this.#phase === "refused") return this.#finish();
    if (this.#ending) return;
    this.#ending = true;
    this.#pumpTimer = setInterval(() => this.#pump(), PUMP_INTERVAL);
    this.#endTimer = setTimeout(() => this.#finish(), END_TIMEOUT);
    this.#connection.retryNow();
    this.#pump();
  }

  /** The position of a time. @param {number} seconds on the channel's clock */
  position(seconds) {
    return this.#base + Math.round((seconds - this.#clock) * RATE);
  }

  #start() {
    const { oldest, newest } = this.#backlog;
    const wanted = this.#known ? this.#listener.resendFrom(oldest) : 0;
    this.#phase = "starting";
    this.#oldestAtStart = oldest;
    this.#resendFrom = Math.min(newest, Math.max(oldest, wanted));
    this.#missing = Math.max(0, oldest - wanted);
    const age = (newest - this.#resendFrom) / RATE;
    this.#send({ op: "start", rate: RATE, channels: 1, ...this.#identity, age });
    this.#readyTimer = setTimeout(() => this.#connection.reconnect(), READY_TIMEOUT);
  }

  /** @param {PublisherMessage} message */
  #receive(message) {
    switch (message.type) {
      case "ready":
        return void this.#continue(message);
      case "status":
        return this.#listener.event({
          type: "notice", engine: message.engine, recipient: message.recipient, notice: message.notice,
        });
      case "lag":
        return this.#listener.event({ type: "lag", seconds: message.seconds, skipped: message.skipped });
      case "partial":
      case "final":
        return this.#measureDelay(message);
      case "end":
        return this.#finish();
    }
  }

  /** Send what the service does not have. @param {ReadyMessage} ready */
  async #continue(ready) {
    this.#connection.resetBackoff();
    clearTimeout(this.#readyTimer);
    if (ready.resumed && ready.received > 0) {
      this.#next = this.#base + Math.round(ready.received * RATE);
    } else {
      this.#base = this.#next = this.#resendFrom;
      this.#listener.forgotten(this.#oldestAtStart);
      if (this.#missing) this.#reportGap(this.#missing);
    }
    this.#clock = ready.clock ?? 0;
    this.#latest = 0;
    this.#identity = { ...this.#identity, source: ready.source };
    const { engine, language, recipient } = ready;
    this.#listener.event({ type: "ready", name: ready.source, engine, language, recipient });
    const attempt = this.#attempt;
    await this.#listener.readable();
    if (attempt !== this.#attempt) return;
    this.#phase = "live";
    this.#pump();
  }

  /** Send as much as the socket takes. */
  #pump() {
    while (this.#phase === "live" && this.#next < this.#backlog.newest && this.#connection.bufferedAmount < MAX_BUFFERED) {
      const { samples, lost } = this.#backlog.read(this.#next);
      if (lost) this.#reportGap(samples.length);
      this.#connection.send(samples);
      this.#next += samples.length;
      this.#known = true;
    }
    this.#replaceStuck();
    if (this.#ending && this.#phase === "live" && !this.#endSent && this.#next >= this.#backlog.newest) {
      this.#endSent = true;
      this.#send({ op: "end" });
    }
  }

  /** @param {StartMessage | StopMessage} message */
  #send(message) {
    this.#connection.send(JSON.stringify(message));
  }

  /** Replace a socket that has stopped sending: a network that drops everything does not close connections. */
  #replaceStuck() {
    if (this.#connection.bufferedAmount < MAX_BUFFERED) this.#stuckSince = null;
    else if (Date.now() - (this.#stuckSince ??= Date.now()) > STUCK_TIMEOUT) {
      this.#stuckSince = null;
      this.#connection.reconnect();
    }
  }

  /** Report how long ago the latest word was spoken. @param {PartialMessage | FinalMessage} caption */
  #measureDelay({ te, text }) {
    if (!text || te <= this.#latest) return;
    this.#latest = te;
    const seconds = Math.max(0, (this.#backlog.newest - this.position(te)) / RATE);
    this.#listener.event({ type: "delay", seconds });
  }

  /** @param {number} samples that are lost */
  #reportGap(samples) {
    this.#listener.event({ type: "gap", seconds: samples / RATE });
  }

  /** @param {Loss} loss */
  #lose(loss) {
    if (this.#phase === "live") this.#listener.lost();
    this.#phase = loss.final ? "refused" : "connecting";
    this.#endSent = false;
    this.#attempt++;
    clearTimeout(this.#readyTimer);
    if (this.#ending && loss.final) return this.#finish();
    this.#listener.event({ type: loss.final ? "failed" : "lost", problem: problemOfLoss(loss) });
  }

  #finish() {
    this.#phase = "finished";
    this.#attempt++;
    clearInterval(this.#pumpTimer);
    clearTimeout(this.#endTimer);
    clearTimeout(this.#readyTimer);
    this.#connection.close();
    this.#listener.event({ type: "ended", problem: null });
  }
}
