// A channel's live captions on the dashboard; final ones can be corrected.

import { ServiceError, changeSettings, correctCaption, getSettings, getTranscript } from "../overlay/shared/api.js";
import { followCaptions } from "../overlay/shared/captions.js";
import { cloneTemplate, control, create, createButton, part, write } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";

/**
 * @import { Listener } from "../overlay/shared/captions.js"
 * @import { CaptionEvent, Correction } from "../overlay/shared/protocol.js"
 */

const CAPACITY = 60; // captions
const NEAR = 40; // pixels from the end that count as the end

/** Show the newest captions and those that follow. @param {string} channel @param {HTMLElement} list @returns {{close: () => void}} */
export function liveTranscript(channel, list) {
  /** @type {Map<string, Row>} by caption id */
  const rows = new Map();
  let following = true;
  let width = list.clientWidth;
  list.addEventListener("scroll", () => {
    if (list.clientWidth !== width) return; // the browser has scrolled, because lines are broken elsewhere
    following = list.scrollTop + list.clientHeight >= list.scrollHeight - NEAR;
  }, { passive: true });
  new ResizeObserver(() => {
    width = list.clientWidth;
    scrollIfFollowing();
  }).observe(list);

  function scrollIfFollowing() {
    if (following) list.scrollTop = list.scrollHeight;
  }

  /** @param {string} id */
  function remove(id) {
    rows.get(id)?.element.remove();
    rows.delete(id);
  }

  return followFromHistory(channel, {
    caption(caption) {
      if (!caption.text && !caption.tentative) return remove(caption.id);
      let row = rows.get(caption.id);
      if (!row) {
        list.querySelector(".waiting")?.remove();
        row = new Row(channel, caption);
        rows.set(caption.id, row);
        list.append(row.element);
      }
      row.show(caption);
      for (const [id, old] of rows) {
        if (rows.size <= CAPACITY) break;
        if (!old.editing) remove(id);
      }
      scrollIfFollowing();
    },
    clear() {
      for (const id of rows.keys()) remove(id);
    },
  });
}

/**
 * Follow a channel, beginning with the newest captions of its transcript.
 * @param {string} channel @param {Listener & Required<Pick<Listener, "caption">>} listener @returns {{close: () => void}}
 */
function followFromHistory(channel, listener) {
  /** @type {ReturnType<typeof followCaptions> | null} */
  let connection = null;
  let closed = false;

  async function start() {
    let last = "";
    try {
      const history = await getTranscript(channel, "");
      if (closed) return;
      last = history.resume;
      for (const caption of history.captions.slice(-CAPACITY)) listener.caption({ ...caption, rev: 0, tentative: "", final: true });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error; // without a transcript, captions begin with the next one
    }
    if (!closed) connection = followCaptions(channel, listener, { last });
  }

  start();
  return {
    close() {
      closed = true;
      connection?.close();
    },
  };
}

class Row {
  /** @param {string} channel @param {CaptionEvent} caption */
  constructor(channel, caption) {
    this.channel = channel;
    this.caption = caption;
    this.editing = false;
    this.element = create("li");
    this.voice = create("span", "from");
    this.committed = create("span", "committed");
    this.tentative = create("span", "tentative");
    this.correct = createButton(t("Correct"), () => this.edit(), "edit");
    this.correct.hidden = true;
    const text = create("span");
    text.dir = "auto";
    text.append(this.committed, this.tentative);
    this.element.append(this.voice, text, this.correct);
  }

  /** @param {CaptionEvent} caption */
  show(caption) {
    this.caption = caption;
    write(this.voice, voiceOf(caption));
    write(this.committed, caption.text);
    write(this.tentative, caption.tentative);
    this.correct.hidden = !caption.final;
  }

  edit() {
    if (this.editing) return;
    this.editing = true;
    const { caption } = this;
    const voice = voiceOf(caption);
    const form = cloneTemplate("correction-template", HTMLFormElement);
    const [text, speaker] = [control(form, "text"), control(form, "speaker")];
    text.value = caption.text;
    speaker.value = voice;
    this.element.append(form);
    this.element.dataset.editing = "true";
    form.scrollIntoView({ block: "nearest" });
    text.focus();
    const close = () => {
      const focused = form.contains(document.activeElement); // the person may be at another caption already
      form.remove();
      delete this.element.dataset.editing;
      this.editing = false;
      if (focused) this.correct.focus();
    };
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    part(form, ".cancel").addEventListener("click", close);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const name = speaker.value.trim();
      const renamed = name !== voice;
      const everywhere = control(form, "everywhere").checked;
      /** @type {Correction} */
      const correction = { text: text.value, remember: control(form, "remember").checked };
      if (renamed && !everywhere) correction.speaker = name;
      try {
        await correctCaption(this.channel, caption.id, correction);
        if (renamed && everywhere) await renameVoice(this.channel, voice, name);
        close();
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        part(form, ".form-status").textContent = error.message;
      }
    });
  }
}

/** Show another name for a voice from now on. @param {string} channel @param {string} shown the name that is shown now @param {string} name */
async function renameVoice(channel, shown, name) {
  const { names } = await getSettings(channel);
  const own = Object.keys(names).find((key) => names[key] === shown) ?? shown;
  await changeSettings(channel, { names: { ...names, [own]: name } });
}

/** @param {CaptionEvent} caption */
function voiceOf({ speaker, source }) {
  return speaker ?? source;
}
