// Messages between the parts of the extension; message-types.d.ts has their types.
//
//   popup, options, permission page ─ ask ─▶ worker ─ ask ─▶ offscreen page
//   offscreen page ─ ask "captureChanged" ─▶ worker
//   offscreen page ─ port "watch" ─▶ popup (state and levels, several times a second)
//   offscreen page ─ port "box" ─▶ caption box in a web page
//   caption box ─ ask ─▶ worker (its look, and that it is hidden or gone; it may ask for nothing else)

import { ProblemError, problemOf } from "./problem.js";

/** @import { Answers, BoxMessage, Handlers, Message, Reply } from "./message-types.js" */

/**
 * Answer the messages to one part.
 * @template {Message["to"]} P
 * @param {P} part
 * @param {Partial<Handlers<Exclude<Extract<Message, {to: P}>, BoxMessage>>>} handlers of messages from the extension's own pages
 * @param {Partial<Handlers<BoxMessage>>} [boxHandlers] of messages from caption boxes, which are not trusted
 */
export function answer(part, handlers, boxHandlers = {}) {
  chrome.runtime.onMessage.addListener((/** @type {Message | undefined} */ message, sender, respond) => {
    if (message?.to !== part || sender.id !== chrome.runtime.id) return false;
    const allowed = isOwnPage(sender) ? handlers : boxHandlers;
    if (!Object.hasOwn(allowed, message.type)) return false;
    const handler = /** @type {Record<string, Function>} */ (allowed)[message.type];
    reply(() => handler(message, sender)).then(respond);
    return true; // the answer comes later
  });
}

/**
 * Send a message, and wait for its answer. Throws a `ProblemError` if it failed.
 * @template {Message} M
 * @param {M} message
 * @returns {Promise<Answers[M["type"]]>}
 */
export async function ask(message) {
  const received = /** @type {Reply | undefined} */ (await chrome.runtime.sendMessage(message));
  if (!received) throw new Error(`nobody answered ${message.type}`);
  if ("problem" in received) throw new ProblemError(received.problem);
  return /** @type {Answers[M["type"]]} */ (received.value);
}

/** @param {() => unknown} handle @returns {Promise<Reply>} */
async function reply(handle) {
  try {
    return { value: (await handle()) ?? null };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** @param {chrome.runtime.MessageSender} sender */
export function isOwnPage(sender) {
  return sender.origin === location.origin || Boolean(sender.url?.startsWith(chrome.runtime.getURL("")));
}
