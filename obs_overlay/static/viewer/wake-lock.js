// Keeps the screen on while captions run. Pure, apart from the browser's objects that it is given.

const PATIENCE = 180_000; // milliseconds without a caption after which the screen may go off

/**
 * @typedef {Pick<EventTarget, "addEventListener"> & {released: boolean, release: () => Promise<void>}} Sentinel
 * @typedef {{request: (type: "screen") => Promise<Sentinel>}} Locks `navigator.wakeLock`
 * @typedef {Pick<EventTarget, "addEventListener"> & {visibilityState: string}} Page `document`
 * @typedef {"off" | "waiting" | "on" | "refused"} State "waiting": for captions; "refused": by the browser, as when the
 *   battery is low
 */

export class WakeLock {
  #locks;
  #page;
  #changed;
  #wanted = false;
  #refused = false;
  #requesting = false;
  /** @type {Sentinel | null} */
  #sentinel = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} runs while there are captions */
  #timer;

  /** @param {Locks} locks @param {Page} page @param {(state: State) => void} changed */
  constructor(locks, page, changed) {
    this.#locks = locks;
    this.#page = page;
    this.#changed = changed;
    page.addEventListener("visibilitychange", () => {
      this.#refused = false;
      this.#update();
    });
  }

  /** Switch it on or off. @param {boolean} wanted */
  set wanted(wanted) {
    this.#wanted = wanted;
    this.#refused = false;
    this.#update();
  }

  /** Captions run now. */
  touch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refused = false;
      this.#update();
    }, PATIENCE);
    this.#update();
  }

  /** Request or release the lock, as it is needed now. */
  async #update() {
    if (!this.#isNeeded()) this.#release();
    else if (!this.#sentinel && !this.#requesting && !this.#refused) await this.#request();
    this.#changed(this.#state());
  }

  #isNeeded() {
    return this.#wanted && this.#timer !== undefined && this.#page.visibilityState === "visible";
  }

  async #request() {
    this.#requesting = true;
    try {
      const sentinel = await this.#locks.request("screen");
      this.#sentinel = sentinel;
      sentinel.addEventListener("release", () => {
        // the browser releases it when the page is hidden
        if (this.#sentinel === sentinel) this.#sentinel = null;
        this.#changed(this.#state());
      });
    } catch {
      this.#refused = true;
    }
    this.#requesting = false;
    if (!this.#isNeeded()) this.#release(); // meanwhile it has been switched off, or the page was hidden
  }

  #release() {
    const sentinel = this.#sentinel;
    this.#sentinel = null;
    sentinel?.release().catch(() => {}); // it is released in any case when the page is gone
  }

  /** @returns {State} */
  #state() {
    if (!this.#wanted) return "off";
    if (this.#sentinel) return "on";
    return this.#refused ? "refused" : "waiting";
  }
}
