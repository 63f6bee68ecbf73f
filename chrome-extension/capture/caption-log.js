// The captions of one tab, as its box shows them. Pure.

import { RATE } from "./backlog.js";

/**
 * @import { CaptionEvent } from "../shared/protocol.js"
 * @import { Kind } from "../shared/state.js"
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {number} rev
 * @property {Kind} kind
 * @property {string} name
 * @property {string} committed
 * @property {string} tentative
 * @property {boolean} final
 * @property {number} start position in its source's sound, samples
 * @property {number} end
 * @property {boolean} stale whether the service, which had forgotten it, is recognizing it again
 */

const CAPACITY = 60; // captions
const PAD = Math.round(0.2 * RATE); // the accuracy of a word's end

export class CaptionLog {
  /** @type {Map<string, Row>} in order of their first word */
  #rows = new Map();
  /** @type {Map<Kind, number>} the end of the last final caption; kept when the screen is cleared */
  #finalEnds = new Map();

  get rows() {
    return [...this.#rows.values()];
  }

  /**
   * Take a revision of a caption.
   * @param {CaptionEvent} caption
   * @param {Kind} kind
   * @param {(seconds: number) => number} position of a time on the channel's clock in the source's sound
   * @returns {boolean} whether anything has changed
   */
  put(caption, kind, position) {
    const before = this.#rows.get(caption.id);
    if (before && before.rev >= caption.rev) return false;
    if (!caption.text && !caption.tentative) return this.#rows.delete(caption.id);
    if (!before) this.#replaceStale(kind);
    this.#rows.set(caption.id, {
      id: caption.id,
      rev: caption.rev,
      kind,
      name: caption.speaker ?? caption.source,
      committed: caption.text,
      tentative: caption.tentative,
      final: caption.final,
      start: position(caption.start),
      end: position(caption.end),
      stale: false,
    });
    if (caption.final) this.#finish(kind, position(caption.end));
    for (const id of this.#rows.keys()) {
      if (this.#rows.size <= CAPACITY) break;
      this.#rows.delete(id);
    }
    return true;
  }

  clear() {
    this.#rows.clear();
  }

  /**
   * The position from which a service that was restarted, and has forgotten a source, needs its sound: after the final
   * captions. A caption that is still open is recognized again from its beginning, if its sound is still available.
   * @param {Kind} kind
   * @param {number} oldest the first position that can still be sent
   */
  resendFrom(kind, oldest) {
    const open = this.rows.filter((row) => row.kind === kind && !row.final);
    const cut = open.filter((row) => row.start < oldest && row.committed);
    const covered = Math.max(this.#finalEnds.get(kind) ?? 0, ...cut.map((row) => row.end));
    const next = Math.min(...open.filter((row) => !cut.includes(row)).map((row) => row.start));
    return covered && Math.max(covered, Math.min(covered + PAD, next - PAD / 4));
  }

  /**
   * The service has forgotten a source. Final captions stay; open ones are shown until they are recognized again, or
   * become final with their committed words if their sound is no longer available.
   * @param {Kind} kind
   * @param {number} oldest the first position that can still be sent
   */
  restart(kind, oldest) {
    for (const row of this.rows) {
      if (row.kind !== kind || row.final) continue;
      if (row.start < oldest) this.#freeze(row);
      else row.stale = true;
    }
  }

  /** @param {Kind} kind @param {number} end */
  #finish(kind, end) {
    this.#finalEnds.set(kind, Math.max(end, this.#finalEnds.get(kind) ?? 0));
  }

  /** Make a caption final that cannot be recognized again. @param {Row} row */
  #freeze(row) {
    this.#finish(row.kind, row.end);
    row.final = true;
    row.tentative = "";
    if (!row.committed) this.#rows.delete(row.id);
  }

  /** @param {Kind} kind */
  #replaceStale(kind) {
    for (const row of this.rows) if (row.stale && row.kind === kind) this.#rows.delete(row.id);
  }
}
