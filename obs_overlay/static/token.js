// A page that was opened by a link with a token has a cookie in its place: the token leaves the address, so that
// nobody reads it over a shoulder, in a shared screen or in the list of pages.

const url = new URL(location.href);
if (url.searchParams.has("token")) {
  url.searchParams.delete("token");
  history.replaceState(history.state, "", url);
}

/** An address to be looked at, also by those who watch a shared screen. @param {string} address */
export function masked(address) {
  return address.replace(/(token=)[^&]*/, "$1…");
}

/** Whether a socket was closed because its token counts no more, so that trying again is of no use. @param {number} code */
export function isRefusal(code) {
  return code === 4401 || code === 4403;
}
