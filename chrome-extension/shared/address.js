// Addresses of the service. Pure.

/**
 * Complete an address as people type it to an origin with an optional path: "127.0.0.1:8000" means http.
 * @param {string} typed
 * @returns {string | null} null if it is not an address
 */
export function serverAddress(typed) {
  const text = typed.trim();
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) return null;
  const url = new URL(full.replace(/^ws/i, "http"));
  if (!/^https?:$/.test(url.protocol) || !url.hostname || url.username || url.search || url.hash) return null;
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/**
 * @param {string} server from `serverAddress`
 * @param {string} path
 * @param {Record<string, string>} [query] empty values are left out
 */
export function socketAddress(server, path, query = {}) {
  const url = new URL(server.replace(/^http/, "ws") + path);
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  return url.href;
}

/** Whether a channel can have this name. @param {string} channel */
export function isChannelName(channel) {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u.test(channel);
}

/** The addresses of a channel's pages. @param {string} server @param {string} channel @param {string} [translation] */
export function pageLinks(server, channel, translation = "") {
  const rest = encodeURIComponent(channel) + (translation && `?lang=${encodeURIComponent(translation)}`);
  return { viewer: `${server}/view/${rest}`, overlay: `${server}/overlay/${rest}` };
}
