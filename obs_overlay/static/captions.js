// Follows a channel: one WebSocket that comes back by itself and resumes where it was.
// Used by the overlay, the viewer and the dashboard.

import { isRefusal } from "./token.js";

/**
 * @typedef {object} Caption
 * @property {string} id
 * @property {number} rev
 * @property {string} source
 * @property {string|null} speaker
 * @property {number} start seconds on the channel's clock
 * @property {number} end
 * @property {string} text committed: never changes again
 * @property {string} tentative what follows it for now
 * @property {boolean} final
 * @property {string} lang
 */

const FIRST_WAIT = 400; // milliseconds before the first try to come back
const LONGEST_WAIT = 5000;
const REMEMBERED = 500; // revisions kept, to drop what comes out of order

/**
 * @param {string} channel
 * @param {{caption?: (caption: Caption) => void, clear?: () => void, state?: (state: string) => void,
 *   restarted?: () => void, style?: (name: string, style: import("./themes.js").Style) => void,
 *   translation?: (state: string, message: string) => void}} listener
 *   `state` is told "live", "lost" and, for good, "refused"; `restarted`: the service was started anew, and finishes no
 *   caption from before; `translation`: "waiting", "fetching", "loading", "live", "behind" or "failed", and what people should know of it
 * @param {{last?: string, lang?: string}} [from] resume id from which to go on; the language, what is spoken if none
 * @returns {() => void} stops following
 */
export function follow(channel, listener, { last, lang } = {}) {
  /** @type {Map<string, number>} */
  const revisions = new Map();
  let place = last;
  let wait = FIRST_WAIT;
  let stopped = false;
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {number | undefined} */
  let timer;

  function connect() {
    const url = new URL(`/api/channels/${encodeURIComponent(channel)}/captions`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (place) url.searchParams.set("last", place);
    if (lang) url.searchParams.set("lang", lang);
    socket = new WebSocket(url);
    socket.onopen = () => {
      wait = FIRST_WAIT;
      listener.state?.("live");
    };
    socket.onmessage = (message) => receive(JSON.parse(message.data));
    socket.onclose = ({ code }) => {
      if (stopped) return;
      if (isRefusal(code)) {
        listener.state?.("refused");
        return;
      }
      listener.state?.("lost");
      timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(LONGEST_WAIT, wait * 2);
    };
  }

  /** @param {{event: string, id: string, data: any, message: string}} received an event or an error */
  function receive({ event, id, data, message }) {
    if (!event) {
      if (lang) listener.translation?.("failed", message); // the connection closes after it
      return;
    }
    if (place && id.split("-")[0] !== place.split("-")[0]) listener.restarted?.();
    place = id;
    if (event === "clear") {
      listener.clear?.();
    } else if (event === "style") {
      listener.style?.(data.name, data.style);
    } else if (event === "translation") {
      listener.translation?.(data.state, data.message);
    } else if (event === "caption" && data.rev > (revisions.get(data.id) ?? 0)) {
      revisions.delete(data.id);
      revisions.set(data.id, data.rev);
      if (revisions.size > REMEMBERED) revisions.delete(revisions.keys().next().value ?? "");
      listener.caption?.(data);
    }
  }

  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket?.close();
  };
}
