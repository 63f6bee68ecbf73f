// Follows a channel's captions: a WebSocket that reconnects, and continues where it was.

import { channelPath, socketAddress } from "./api.js";
import { Connection } from "./connection.js";
import { isRefusal } from "./token.js";

/**
 * @import { CaptionEvent, PauseEvent, StyleEvent, TranslationEvent } from "./protocol.js"
 *
 * @typedef {{id: string} & ({event: "caption", data: CaptionEvent} | {event: "style", data: StyleEvent}
 *   | {event: "translation", data: TranslationEvent} | {event: "clear", data: {}}
 *   | {event: "pause", data: PauseEvent})} ChannelEvent
 *
 * @typedef {"live" | "lost" | "refused"} ConnectionState "refused" is final
 *
 * @typedef {object} Listener
 * @property {(caption: CaptionEvent) => void} [caption] a new caption, or a new revision of one
 * @property {() => void} [clear] take everything off the screen
 * @property {(state: ConnectionState) => void} [state]
 * @property {() => void} [restarted] the service was started again, and finishes no caption from before
 * @property {(paused: boolean) => void} [pause] show nothing while it is paused
 * @property {(name: string, style: StyleEvent["style"]) => void} [style]
 * @property {(state: TranslationEvent["state"], message: string) => void} [translation]
 */

const REMEMBERED = 500; // revisions kept, to drop those that arrive out of order
const OPEN_TIMEOUT = 20_000; // milliseconds; phones in a crowded network take their time

/**
 * @param {string} channel
 * @param {Listener} listener
 * @param {{last?: string, lang?: string}} [from] the event after which to continue; the language, else the original
 * @returns {Connection<ChannelEvent>} to be closed when no more captions are wanted
 */
export function followCaptions(channel, listener, { last = "", lang = "" } = {}) {
  /** @type {Map<string, number>} */
  const revisions = new Map();

  /** @param {CaptionEvent} caption */
  function isNew({ id, rev }) {
    if (rev <= (revisions.get(id) ?? 0)) return false;
    revisions.delete(id);
    revisions.set(id, rev);
    if (revisions.size > REMEMBERED) revisions.delete(revisions.keys().next().value ?? "");
    return true;
  }

  /** @type {Connection<ChannelEvent>} */
  const connection = new Connection(() => socketAddress(channelPath(channel, "/captions"), { last, lang }), {
    opened() {
      connection.resetBackoff();
      listener.state?.("live");
    },
    message(event) {
      if (last && epochOf(event.id) !== epochOf(last)) listener.restarted?.();
      last = event.id;
      if (event.event === "clear") listener.clear?.();
      else if (event.event === "style") listener.style?.(event.data.name, event.data.style);
      else if (event.event === "pause") listener.pause?.(event.data.paused);
      else if (event.event === "translation") listener.translation?.(event.data.state, event.data.message);
      else if (event.event === "caption" && isNew(event.data)) listener.caption?.(event.data);
    },
    lost({ detail, final }) {
      if (lang && detail) listener.translation?.("failed", detail);
      listener.state?.(final ? "refused" : "lost");
    },
  }, { isFinal: isRefusal, openTimeout: OPEN_TIMEOUT });
  connection.open();
  return connection;
}

/** Event ids begin with what is new in each run of the service. @param {string} id */
function epochOf(id) {
  return id.split("-")[0];
}
