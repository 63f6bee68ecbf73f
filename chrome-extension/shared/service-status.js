// Whether the service runs, and its state.

import { socketAddress } from "./address.js";
import { Connection } from "./connection.js";
import { isFinal, problemOfLoss } from "./problem.js";

/**
 * @import { ServiceStatus } from "./protocol.js"
 * @import { Problem } from "./state.js"
 */

export class StatusWatcher {
  #changed;
  /** @type {Connection<ServiceStatus> | null} */
  #connection = null;

  /** @param {(status: ServiceStatus | null, problem: Problem | null) => void} changed without a status the service does not answer */
  constructor(changed) {
    this.#changed = changed;
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
      lost: (loss) => this.#changed(null, problemOfLoss(loss)),
    }, { isFinal });
    connection.open();
    this.#connection = connection;
  }
}
