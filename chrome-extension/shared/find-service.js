// Looks for the service on this computer when the address in the settings does not answer. Nothing is sent elsewhere.

import { socketAddress } from "./address.js";

/** @import { ServiceStatus } from "./protocol.js" */

const ADDRESSES = ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"];
// Those that the program takes if another one has its port. They may be anybody's, so they do not get the token.
const NEXT_ADDRESSES = [8001, 8002, 8003, 8004].map((port) => `http://127.0.0.1:${port}`);
const TIMEOUT = 1500; // milliseconds
const OWN_HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * The first other address on this computer at which the service answers; null if there is none, or if the settings name
 * another computer, whose token is nobody else's business.
 * @param {string} server that did not answer
 * @param {string} token
 * @param {(address: string) => WebSocket} [createSocket]
 * @returns {Promise<string | null>}
 */
export async function findService(server, token, createSocket = (url) => new WebSocket(url)) {
  if (!OWN_HOSTS.has(new URL(server).hostname)) return null;
  /** @param {string[]} addresses @param {string} given */
  const find = (addresses, given) => Promise.any(addresses.filter((address) => address !== server).map((address) =>
    answers(createSocket(socketAddress(address, "/api/status", { token: given }))).then(() => address)));
  return find(ADDRESSES, token).catch(() => find(NEXT_ADDRESSES, "")).catch(() => null);
}

/** Resolves if Surtitle's status arrives, rejects otherwise. @param {WebSocket} socket @returns {Promise<void>} */
function answers(socket) {
  return new Promise((resolve, reject) => {
    const fail = () => end(() => reject(new Error("no service")));
    const timer = setTimeout(fail, TIMEOUT);
    /** @param {() => void} settle */
    const end = (settle) => {
      clearTimeout(timer);
      socket.onmessage = socket.onclose = null;
      socket.close();
      settle();
    };
    socket.onclose = fail;
    socket.onmessage = ({ data }) => (isStatus(data) ? end(resolve) : fail());
  });
}

/** @param {string} data */
function isStatus(data) {
  try {
    const status = /** @type {Partial<ServiceStatus>} */ (JSON.parse(data));
    return typeof status.engine === "string" && Array.isArray(status.channels);
  } catch {
    return false;
  }
}
