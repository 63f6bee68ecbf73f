// A tab whose page shows the captions of a channel.

import { socketAddress } from "../shared/address.js";
import { CaptionBoxes } from "../shared/caption-boxes.js";
import { problemOfLoss } from "../shared/problem.js";
import { newSource, reduce } from "../shared/state.js";
import { CaptionLog } from "../capture/caption-log.js";
import { Reader } from "../capture/reader.js";

/**
 * @import { BoxRow } from "../shared/message-types.js"
 * @import { SourceEvent, TabState } from "../shared/state.js"
 *
 * @typedef {object} Order
 * @property {number} tabId
 * @property {string} server
 * @property {string} token
 * @property {string} channel
 * @property {string} translation the language to read, or "" for the original
 */

export class ShownChannel {
  #order;
  #changed;
  #log = new CaptionLog();
  #state;
  #reader;
  #boxes = new CaptionBoxes(() => ({ type: "captions", rows: this.#rows, phase: this.#state.phase }));

  /** @param {Order} order @param {() => void} changed the state has changed */
  constructor(order, changed) {
    this.#order = order;
    this.#changed = changed;
    const { server, token, channel, translation: lang } = order;
    this.#state = newSource("channel", channel);
    const path = `/api/channels/${encodeURIComponent(channel)}/captions`;
    this.#reader = new Reader((last) => socketAddress(server, path, { last, token, lang }), {
      opened: () => this.#apply({ type: "ready", name: channel, engine: "", language: "" }),
      caption: (caption) => {
        if (this.#log.put(caption, "channel", (seconds) => seconds)) this.#boxes.show();
      },
      clear: () => {
        this.#log.clear();
        this.#boxes.show();
      },
      lost: (loss) => this.#apply({ type: loss.final ? "failed" : "lost", problem: problemOfLoss(loss) }),
    });
  }

  /** @returns {TabState} */
  get state() {
    const { tabId, server, channel } = this.#order;
    return { tabId, server, channel, box: true, tab: this.#state, microphone: null };
  }

  /** @param {chrome.runtime.Port} port */
  addBox(port) {
    this.#boxes.add(port, () => {});
  }

  end() {
    this.#reader.close();
    this.#boxes.close();
  }

  /** @param {SourceEvent} event */
  #apply(event) {
    this.#state = reduce(this.#state, event);
    this.#boxes.show();
    this.#changed();
  }

  /** Only captions of several people need names. @returns {BoxRow[]} */
  get #rows() {
    const rows = this.#log.rows;
    const named = new Set(rows.map((row) => row.name)).size > 1;
    return rows.map(({ id, name, committed, tentative }) => ({ id, name: named ? name : "", committed, tentative }));
  }
}
