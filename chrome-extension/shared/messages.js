// How the parts of the extension talk: questions that are answered, and ports that tell.
//
//   popup, options, permission page ─ ask ─▶ worker ─ ask ─▶ offscreen page
//   offscreen page ─ ask "changed" ─▶ worker
//   offscreen page ─ port "watch" ─▶ popup (state and levels, several times a second)
//   offscreen page ─ port "box" ─▶ caption box in the page
//   caption box ─ ask ─▶ worker (how it should look; nothing else is answered to a page)

/**
 * @typedef {Record<string, (message: any, sender: chrome.runtime.MessageSender) => unknown>} Handlers
 */

/**
 * Answer what is asked of one part.
 * @param {"worker" | "offscreen"} to
 * @param {Handlers} own asked by the extension's own pages
 * @param {Handlers} [box] asked by the caption box: it lives in the process of a page, so it is a stranger
 */
export function answer(to, own, box = {}) {
  chrome.runtime.onMessage.addListener((message, sender, respond) => {
    if (message?.to !== to || sender.id !== chrome.runtime.id) return false;
    const handler = (isOurs(sender) ? own : box)[message.type];
    if (!handler) return false;
    Promise.resolve()
      .then(() => handler(message, sender))
      .then(
        (value) => respond({ value: value ?? null }),
        (error) => respond({ error: error instanceof Error ? error.message : String(error) }),
      );
    return true; // the answer comes later
  });
}

/**
 * Ask one part. Throws what it says went wrong.
 * @param {"worker" | "offscreen"} to
 * @param {string} type
 * @param {object} [more]
 * @returns {Promise<any>}
 */
export async function ask(to, type, more = {}) {
  const answered = await chrome.runtime.sendMessage({ to, type, ...more });
  if (!answered) throw new Error(`nobody answered ${type}`);
  if ("error" in answered) throw new Error(answered.error);
  return answered.value;
}

/** @param {chrome.runtime.MessageSender} sender */
function isOurs(sender) {
  return sender.origin === location.origin || Boolean(sender.url?.startsWith(chrome.runtime.getURL("")));
}
