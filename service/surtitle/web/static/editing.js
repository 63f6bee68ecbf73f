// A channel's live transcript on the dashboard; what is final can be corrected.

import { follow } from "/static/overlay/captions.js";
import { t } from "/static/overlay/i18n.js";

/** @typedef {import("/static/overlay/captions.js").Caption} Caption */

const KEPT = 60; // captions
const NEAR = 40; // pixels from the end that count as the end

/** @param {string} channel @param {HTMLElement} box */
export function transcript(channel, box) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  let following = true;
  box.addEventListener("scroll", () => {
    following = box.scrollTop + box.clientHeight >= box.scrollHeight - NEAR;
  }, { passive: true });
  follow(channel, {
    caption(caption) {
      let row = rows.get(caption.id);
      if (!caption.text && !caption.tentative) {
        row?.remove();
        rows.delete(caption.id);
        return;
      }
      if (!row) {
        box.querySelector(".waiting")?.remove();
        row = new Row(channel, box);
        rows.set(caption.id, row);
      }
      row.show(caption);
      for (const [id, old] of rows) {
        if (rows.size <= KEPT) break;
        if (old.editing) continue;
        old.remove();
        rows.delete(id);
      }
      if (following) box.scrollTop = box.scrollHeight;
    },
    clear() {
      for (const row of rows.values()) row.remove();
      rows.clear();
    },
  });
}

class Row {
  /** @param {string} channel @param {HTMLElement} box */
  constructor(channel, box) {
    this.channel = channel;
    this.editing = false;
    /** @type {Caption | undefined} */
    this.caption = undefined;
    this.element = document.createElement("li");
    this.from = this.span("from");
    this.text = document.createElement("span");
    this.text.dir = "auto";
    this.committed = this.span("committed", this.text);
    this.tentative = this.span("tentative", this.text);
    this.edit = document.createElement("button");
    this.edit.type = "button";
    this.edit.className = "edit";
    this.edit.hidden = true;
    this.edit.textContent = t("Correct");
    this.edit.addEventListener("click", () => this.open());
    this.element.append(this.from, this.text, this.edit);
    box.append(this.element);
  }

  /** @param {string} name @param {HTMLElement} [parent] */
  span(name, parent) {
    const span = document.createElement("span");
    span.className = name;
    parent?.append(span);
    return span;
  }

  /** @param {Caption} caption */
  show(caption) {
    this.caption = caption;
    for (const [place, text] of /** @type {[HTMLElement, string][]} */ ([
      [this.from, caption.speaker ?? caption.source], [this.committed, caption.text], [this.tentative, caption.tentative],
    ])) {
      if (place.textContent !== text) place.textContent = text;
    }
    this.edit.hidden = !caption.final;
  }

  remove() {
    this.element.remove();
  }

  open() {
    const caption = this.caption;
    if (!caption || this.editing) return;
    this.editing = true;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("correction-template"));
    const form = /** @type {HTMLFormElement} */ (template.content.firstElementChild?.cloneNode(true));
    const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    const voice = caption.speaker ?? caption.source;
    field("text").value = caption.text;
    field("speaker").value = voice;
    this.element.append(form);
    this.element.dataset.editing = "true";
    form.scrollIntoView({ block: "nearest" });
    field("text").focus();
    const close = () => {
      form.remove();
      delete this.element.dataset.editing;
      this.editing = false;
      this.edit.focus();
    };
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.querySelector(".cancel")?.addEventListener("click", close);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const speaker = field("speaker").value.trim();
      const everywhere = field("everywhere").checked;
      const problem = await save(this.channel, caption, {
        text: field("text").value, remember: field("remember").checked,
        ...(speaker !== voice && !everywhere ? { speaker } : {}),
      }, speaker !== voice && everywhere ? [caption.speaker ?? caption.source, speaker] : null);
      if (!problem) close();
      else /** @type {HTMLElement} */ (form.querySelector(".said")).textContent = problem;
    });
  }
}

/**
 * @param {string} channel
 * @param {Caption} caption
 * @param {object} correction
 * @param {[string, string] | null} rename a voice's name, and what it is to be everywhere
 * @returns {Promise<string>} what went wrong; "" if nothing
 */
async function save(channel, caption, correction, rename) {
  const base = `/api/channels/${encodeURIComponent(channel)}`;
  try {
    const answer = await fetch(`${base}/captions/${encodeURIComponent(caption.id)}`, {
      method: "PATCH", body: JSON.stringify(correction),
    });
    if (!answer.ok) return (await answer.json()).message;
    if (rename) {
      const { names } = await (await fetch(`${base}/settings`)).json();
      const own = Object.keys(names).find((name) => names[name] === rename[0]) ?? rename[0];
      const settings = await fetch(`${base}/settings`, {
        method: "PATCH", body: JSON.stringify({ names: { ...names, [own]: rename[1] } }),
      });
      if (!settings.ok) return (await settings.json()).message;
    }
    return "";
  } catch {
    return t("The service does not answer.");
  }
}
