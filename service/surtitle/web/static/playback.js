// The sound of a session, and the transcript that follows it word by word.

const PATIENCE = 4000; // milliseconds after somebody scrolled in which the page does not scroll by itself

export class Playback {
  /** @param {HTMLAudioElement} audio @param {HTMLElement} transcript @param {HTMLElement} follow button that goes to what is heard */
  constructor(audio, transcript, follow) {
    this.audio = audio;
    this.transcript = transcript;
    this.follow = follow;
    this.start = 0; // where the sound begins on the channel's clock
    /** @type {HTMLElement[]} by time */
    this.words = [];
    /** @type {HTMLElement | undefined} */
    this.now = undefined;
    this.scrolled = 0;
    transcript.addEventListener("click", (event) => {
      const place = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-start]"));
      if (place && this.audio.src) this.listen(Number(place.dataset.start));
    });
    for (const name of ["wheel", "touchmove", "keydown"]) {
      addEventListener(name, () => (this.scrolled = performance.now()), { passive: true });
    }
    for (const name of ["timeupdate", "seeked"]) audio.addEventListener(name, () => this.show());
    audio.addEventListener("play", () => this.run());
    follow.addEventListener("click", () => {
      this.scrolled = 0;
      this.reveal();
    });
    addEventListener("scroll", () => this.offer(), { passive: true });
  }

  /** @param {string} address @param {number} start */
  load(address, start) {
    if (this.audio.src) return;
    this.start = start;
    this.audio.src = address;
    this.transcript.dataset.heard = "true";
    const wanted = /^#t=([\d.]+)$/.exec(location.hash);
    if (wanted) this.audio.currentTime = Math.max(0, Number(wanted[1]) - start);
  }

  /** Ask for no more of the sound. */
  unload() {
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  /** The transcript is another one. */
  read() {
    this.words = [...this.transcript.querySelectorAll(".word")].map((word) => /** @type {HTMLElement} */ (word))
      .sort((one, other) => Number(one.dataset.start) - Number(other.dataset.start));
    this.now = undefined;
    const wanted = /^#t=([\d.]+)$/.exec(location.hash);
    if (wanted && !this.audio.currentTime) this.at(Number(wanted[1]))?.scrollIntoView({ block: "center" });
    this.show();
  }

  /** @param {number} at on the channel's clock */
  listen(at) {
    this.audio.currentTime = Math.max(0, at - this.start);
    this.scrolled = 0;
    this.audio.play().catch(() => {}); // no sound device: the place is shown all the same
  }

  run() {
    if (this.audio.paused) return;
    this.show();
    requestAnimationFrame(() => this.run());
  }

  show() {
    if (!this.audio.src) return;
    const word = this.at(this.audio.currentTime + this.start);
    if (word === this.now) return;
    this.now?.classList.remove("now");
    word?.classList.add("now");
    this.now = word;
    if (performance.now() - this.scrolled > PATIENCE && !this.audio.paused) this.reveal();
    this.offer();
  }

  /** The last word that has begun by then. @param {number} time */
  at(time) {
    let [low, high] = [0, this.words.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(this.words[middle].dataset.start) <= time) low = middle + 1;
      else high = middle;
    }
    return this.words[low - 1];
  }

  reveal() {
    this.now?.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth" });
  }

  offer() {
    const box = this.now?.getBoundingClientRect();
    this.follow.hidden = !box || this.audio.paused || (box.bottom > 0 && box.top < innerHeight);
  }
}
