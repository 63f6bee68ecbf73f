// Links and tokens for others, where the service requires tokens: each is shown once, and can be revoked.

import { ServiceError, createToken, getTokens, revokeToken } from "../overlay/shared/api.js";
import { copy } from "../overlay/shared/clipboard.js";
import { control, create, createButton, element, part } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { masked } from "../overlay/shared/token.js";
import { say } from "./settings-form.js";

/** @import { PageLinks, TokenEntry } from "../overlay/shared/protocol.js" */

const SCOPES = { view: t("can read"), publish: t("can send audio"), admin: t("can do everything") };
const EVERY = "*";

const section = element("access-links");
const form = part(section, "form", HTMLFormElement);
const answer = part(section, ".form-status");
const created = part(section, ".new-link");
let service = ""; // its address for others, with a slash at its end
let link = ""; // the newest one

form.addEventListener("submit", (event) => {
  event.preventDefault();
  reportFailure(async () => {
    const wanted = Object.fromEntries(new FormData(form));
    const { token } = await createToken(wanted);
    show(String(wanted.scope), String(wanted.channel), token);
    await list();
  });
});
part(created, "button").addEventListener("click", async () => {
  await copy(link);
  say(answer, t("Copied"), true);
});

/**
 * Show the section if the service requires tokens.
 * @param {Record<string, PageLinks> | undefined} links by channel, only where pages need a token
 * @param {string[]} channels
 */
export function showAccessLinks(links, channels) {
  const first = Object.values(links ?? {})[0];
  if (first && section.hidden) reportFailure(list);
  section.hidden = !first;
  if (!first) return;
  service = new URL("..", first.viewer).href;
  const choice = control(form, "channel", HTMLSelectElement);
  const wanted = [...channels, EVERY];
  if (wanted.join("\n") === [...choice.options].map(({ value }) => value).join("\n")) return;
  const before = choice.value;
  choice.replaceChildren(...wanted.map((name) => new Option(channelLabel(name), name)));
  if (wanted.includes(before)) choice.value = before;
}

/** Show a new token: as a link, or to publish as the token itself. @param {string} scope @param {string} channel @param {string} token */
function show(scope, channel, token) {
  const page = scope === "admin" ? "" : `view/${encodeURIComponent(channel === EVERY ? "main" : channel)}`;
  const publish = scope === "publish";
  link = publish ? token : `${service}${page}?token=${token}`;
  part(created, "output", HTMLOutputElement).value = publish ? "…" : masked(link);
  created.hidden = false;
  say(answer, publish
    ? t("Enter it as the token in the extension or in OBS. It is shown only once.")
    : t("Pass this link on. It is shown only once."), true);
}

async function list() {
  const { tokens } = await getTokens();
  part(section, "ul").replaceChildren(...tokens.filter(({ revoked }) => revoked === null).map(row).reverse());
}

/** @param {TokenEntry} token */
function row({ id, name, scope, channel, expires }) {
  const label = name || id;
  const until = new Date(expires * 1000).toLocaleDateString(document.documentElement.lang);
  const what = t("{what} in {where} until {until}", { what: SCOPES[scope], where: channelLabel(channel), until });
  const item = create("li");
  const button = createButton(t("Revoke"), () => reportFailure(async () => {
    await revokeToken(id);
    item.remove();
  }));
  button.setAttribute("aria-label", `${t("Revoke")}: ${label}`);
  item.append(create("span", "", label), create("span", "description", what), button);
  return item;
}

/** @param {string} channel */
function channelLabel(channel) {
  return channel === EVERY ? t("all channels") : channel;
}

/** @param {() => Promise<unknown>} action */
async function reportFailure(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    say(answer, error.message);
  }
}
