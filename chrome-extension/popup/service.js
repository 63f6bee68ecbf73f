// Whether the service runs, and what it says of itself.

import { socketAddress } from "../shared/address.js";
import { Link } from "../offscreen/link.js";

/**
 * @typedef {object} Status
 * @property {string} engine
 * @property {string} model
 * @property {string} notice
 * @property {{name: string}[]} channels
 * @property {Record<string, {viewer: string, overlay: string}>} [links] by channel, where they need a token
 */

export class Service {
  #told;
  /** @type {Link | null} */
  #link = null;

  /** @param {(status: Status | null, problem: import("../shared/state.js").Problem | null) => void} told null: it does not answer */
  constructor(told) {
    this.#told = told;
  }

  /** Watch the service at an address. @param {string} server @param {string} token */
  watch(server, token) {
    this.#link?.close();
    this.#link = new Link(() => socketAddress(server, "/api/status", { token }), {
      message: (status) => {
        this.#link?.settle();
        if (status.channels) this.#told(status, null);
      },
      lost: (problem) => this.#told(null, problem),
    });
    this.#link.open();
  }
}
