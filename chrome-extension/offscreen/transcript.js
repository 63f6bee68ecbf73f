// The captions of one tab: what its box shows. Pure.

import { RATE } from "./backlog.js";

/** @typedef {"tab" | "microphone"} Kind */

/**
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
 * @property {boolean} stale whether it is told again, because the service has forgotten it
 */

const KEPT = 60; // captions
const PAD = Math.round(0.2 * RATE); // a word's end is known to about this

export class Transcript {
  /** @type {Map<string, Row>} in order of their first word */
  #rows = new Map();
  /** @type {Map<Kind, number>} where the last final caption of each ends; kept when the screen is cleared */
  #finals = new Map();

  get rows() {
    return [...this.#rows.values()];
  }

  /**
   * A revision of a caption; whether it changed anything.
   * @param {import("./reader.js").Caption} caption
   * @param {Kind} kind
   * @param {(seconds: number) => number} position from the channel's clock to the source's samples
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
      if (this.#rows.size <= KEPT) break;
      this.#rows.delete(id);
    }
    return true;
  }

  clear() {
    this.#rows.clear();
  }

  /**
   * Where a service that was started again, and has forgotten a source, has to begin: behind what is final here. A
   * caption that is still open is to be told again from its beginning, if its sound is still kept.
   * @param {Kind} kind
   * @param {number} oldest the first position that can still be sent
   * @returns {number} the position from which to send
   */
  covered(kind, oldest) {
    const open = this.rows.filter((row) => row.kind === kind && !row.final);
    const cut = open.filter((row) => row.start < oldest && row.committed);
    const covered = Math.max(this.#finals.get(kind) ?? 0, ...cut.map((row) => row.end));
    const next = Math.min(...open.filter((row) => !cut.includes(row)).map((row) => row.start));
    return covered && Math.max(covered, Math.min(covered + PAD, next - PAD / 4));
  }

  /**
   * The service has forgotten a source. What is final here stays; what is told again is shown until it comes; an open
   * caption whose sound is no longer kept ends with its committed words.
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
    this.#finals.set(kind, Math.max(end, this.#finals.get(kind) ?? 0));
  }

  /** It cannot be told again. @param {Row} row */
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
