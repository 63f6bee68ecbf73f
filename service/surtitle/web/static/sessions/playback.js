// The sound of a session, and the transcript that follows it word by word.

const PATIENCE = 4000; // milliseconds after the reader scrolled in which the page does not scroll by itself
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export class Playback {
  /** @param {HTMLAudioElement} audio @param {HTMLElement} transcript @param {HTMLElement} follow button that scrolls to the current word */
  constructor(audio, transcript, follow) {
    this.audio = audio;
    this.transcript = transcript;
    this.follow = follow;
    this.start = 0; // of the sound, on the channel's clock
    /** @type {HTMLElement[]} by time */
    this.words = [];
    /** @type {HTMLElement | undefined} */
    this.current = undefined;
    this.scrolled = 0; // when the reader scrolled
    transcript.addEventListener("click", (event) => {
      const timed = /** @type {HTMLElement} */ (event.target).closest("[data-start]");
      if (timed instanceof HTMLElement && this.audio.src) this.play(Number(timed.dataset.start));
    });
    for (const name of ["wheel", "touchmove", "keydown"]) {
      addEventListener(name, () => (this.scrolled = performance.now()), { passive: true });
    }
    for (const name of ["timeupdate", "seeked"]) audio.addEventListener(name, () => this.update());
    audio.addEventListener("play", () => this.updateEachFrame());
    follow.addEventListener("click", () => {
      this.scrolled = 0;
      this.reveal();
    });
    addEventListener("scroll", () => this.showFollow(), { passive: true });
  }

  /** @param {string} address @param {number} start */
  load(address, start) {
    if (this.audio.src) return;
    this.start = start;
    this.audio.src = address;
    this.transcript.dataset.heard = "true";
    const wanted = timeInAddress();
    if (wanted !== null) this.audio.currentTime = Math.max(0, wanted - start);
  }

  /** Stop downloading the sound. */
  unload() {
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  transcriptChanged() {
    this.words = [.../** @type {NodeListOf<HTMLElement>} */ (this.transcript.querySelectorAll(".word"))]
      .sort((one, other) => Number(one.dataset.start) - Number(other.dataset.start));
    this.current = undefined;
    const wanted = timeInAddress();
    if (wanted !== null && !this.audio.currentTime) this.wordAt(wanted)?.scrollIntoView({ block: "center" });
    this.update();
  }

  /** @param {number} time on the channel's clock */
  play(time) {
    this.audio.currentTime = Math.max(0, time - this.start);
    this.scrolled = 0;
    this.audio.play().catch(() => {}); // without a sound device, the word is shown all the same
  }

  updateEachFrame() {
    if (this.audio.paused) return;
    this.update();
    requestAnimationFrame(() => this.updateEachFrame());
  }

  /** Mark the current word. */
  update() {
    if (!this.audio.src) return;
    const word = this.wordAt(this.audio.currentTime + this.start);
    if (word === this.current) return;
    this.current?.classList.remove("now");
    word?.classList.add("now");
    this.current = word;
    if (performance.now() - this.scrolled > PATIENCE && !this.audio.paused) this.reveal();
    this.showFollow();
  }

  /** The last word that has begun at a time. @param {number} time on the channel's clock */
  wordAt(time) {
    let [low, high] = [0, this.words.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(this.words[middle].dataset.start) <= time) low = middle + 1;
      else high = middle;
    }
    return this.words[low - 1];
  }

  reveal() {
    this.current?.scrollIntoView({ block: "center", behavior: reducedMotion.matches ? "instant" : "smooth" });
  }

  /** Show the button while the current word is out of sight. */
  showFollow() {
    const box = this.current?.getBoundingClientRect();
    this.follow.hidden = !box || this.audio.paused || (box.bottom > 0 && box.top < innerHeight);
  }
}

/** The time that the page's address asks for, as search results do. */
function timeInAddress() {
  const found = /^#t=([\d.]+)$/.exec(location.hash);
  return found && Number(found[1]);
}
