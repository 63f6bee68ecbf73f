// A session in a few words.

import { formatClock } from "../overlay/shared/format.js";
import { t } from "../overlay/shared/i18n.js";

/** @import { Session } from "../overlay/shared/protocol.js" */

/** @param {Session} session */
export function sessionTitle({ channel, began }) {
  const when = new Date(began * 1000).toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  return `${channel}, ${when}`;
}

/** @param {Session} session */
export function sessionFacts(session) {
  const { seconds, captions, recording, ended, versions } = session;
  return [
    formatClock(seconds),
    t("captions: {captions}", { captions }),
    recordingState(session),
    ended === null && !recording ? t("in progress") : "",
    versions.includes("polished") ? t("transcribed again") : "",
  ].filter(Boolean).join(" · ");
}

/** @param {Session} session */
function recordingState({ recording, audio }) {
  if (recording) return t("is being recorded");
  return audio ? t("recorded") : t("not recorded");
}
