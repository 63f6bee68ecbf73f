// Whether the service runs, and its state.

import { socketAddress } from "./address.js";
import { Connection } from "./connection.js";
import { findService } from "./find-service.js";
import { isFinal, problemOfLoss } from "./problem.js";

/**
 * @import { ServiceStatus } from "./protocol.js"
 * @import { Problem } from "./state.js"
 *
 * @typedef {object} Search for the service elsewhere on this computer
 * @property {() => boolean} wanted
 * @property {(server: string) => void} found at another address; the watcher does not go there by itself
 */

export class StatusWatcher {
  #changed;
  #search;
  /** @type {Connection<ServiceStatus> | null} */
  #connection = null;

  /**
   * @param {(status: ServiceStatus | null, problem: Problem | null) => void} changed without a status the service does not answer
   * @param {Search} [search]
   */
  constructor(changed, search) {
    this.#changed = changed;
    this.#search = search;
  }

  /** Watch the service at an address, and no longer at the last one. @param {string} server @param {string} token */
  watch(server, token) {
    this.#connection?.close();
    /** @type {Connection<ServiceStatus>} */
    const connection = new Connection(() => socketAddress(server, "/api/status", { token }), {
      message: (status) => {
        connection.resetBackoff();
        this.#changed(status, null);
      },
      lost: async (loss) => {
        const problem = problemOfLoss(loss);
        const found = problem.code === "unreachable" && this.#search?.wanted() ? await findService(server, token) : null;
        if (connection !== this.#connection || connection.isOpen) return;
        if (found && this.#search?.wanted()) this.#search.found(found);
        else this.#changed(null, problem);
      },
    }, { isFinal });
    connection.open();
    this.#connection = connection;
  }
}
