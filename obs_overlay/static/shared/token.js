// Access tokens. A page that was opened by a link with a token has a cookie instead from then on: the token leaves the
// address, so that nobody reads it over a shoulder, on a shared screen or in the browser's history.

import { BASE } from "./api.js";

const url = new URL(location.href);
if (url.searchParams.has("token")) {
  url.searchParams.delete("token");
  // below a path, the browser sends the cookie only there, and on the service's computer the page also opens without it
  if (!`${url.pathname}/`.startsWith(`${BASE}/`)) url.pathname = BASE + url.pathname;
  history.replaceState(history.state, "", url);
}

/** An address without its token, to be displayed. @param {string} address */
export function masked(address) {
  return address.replace(/(token=)[^&]*/, "$1…");
}

/** Whether a WebSocket was closed because its token is not valid (any more): reconnecting is pointless. @param {number} code */
export function isRefusal(code) {
  return code === 4401 || code === 4403;
}
