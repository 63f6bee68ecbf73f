// The caption box in a page: a content script, so it is no module. It shows what the offscreen page says, as text and never
// as markup, and knows nothing else: no address, no token, no setting but its own look.

(() => {
  /**
   * @typedef {import("../shared/settings.js").Look} Look
   * @typedef {import("../shared/themes.js").Theme} Theme
   * @typedef {{id: string, name: string, committed: string, tentative: string}} Row
   * @typedef {typeof globalThis & {surtitleBox?: boolean}} Marked
   */

  const QUIET = 7000; // milliseconds without a new word after which the box goes
  const GROUNDS = [88, 100, 45, 0]; // percent
  const SIZES = [14, 16, 18, 21, 24, 28, 32, 38, 46, 56];
  const STEP = 0.02; // share of the window for a press of an arrow key

  const marked = /** @type {Marked} */ (globalThis);
  if (marked.surtitleBox || !document.documentElement) return;
  marked.surtitleBox = true;

  const host = document.createElement("surtitle-captions");
  const root = host.attachShadow({ mode: "closed" });
  const box = element("div", "box");
  const lines = element("div", "lines");
  const tools = element("div", "tools");
  const grip = element("div", "grip");
  const quit = new AbortController();
  const signal = quit.signal;
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map();
  /** @type {chrome.runtime.Port | undefined} */
  let port;
  /** @type {Look} */
  let look;
  /** @type {Theme[]} */
  let themes;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let falling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saving;
  let last = "";
  /** @type {Element | undefined} a dialog of the page that the box was raised above */
  let below;

  begin().catch(leave);

  async function begin() {
    const answered = await chrome.runtime.sendMessage({ to: "worker", type: "dress" });
    if (!answered?.value) throw new Error("nobody answered");
    ({ look, themes } = answered.value);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(answered.value.css);
    root.adoptedStyleSheets = [sheet];
    host.popover = "manual";
    host.setAttribute("role", "region");
    host.setAttribute("aria-label", text("boxLabel"));
    build();
    raise();
    connect();
  }

  function connect() {
    port = chrome.runtime.connect({ name: "box" });
    port.onMessage.addListener((message) => {
      if (message.type === "bye") leave();
      else show(message.rows, message.phase);
    });
    port.onDisconnect.addListener(() => {
      leave();
      tell("orphan"); // nobody said goodbye
    });
  }

  function leave() {
    quit.abort();
    clearTimeout(falling);
    clearTimeout(saving);
    host.remove();
    port?.disconnect();
    marked.surtitleBox = false;
  }

  /** Tell the worker; it may be another one by now, which does not know this box. @param {string} type @param {object} [more] */
  function tell(type, more) {
    if (chrome.runtime?.id) chrome.runtime.sendMessage({ to: "worker", type, ...more }).catch(() => {});
  }

  /** Into the top layer, above whatever came there since. */
  function raise() {
    if (!host.isConnected) document.documentElement.append(host);
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
    lay();
  }

  /** @param {Row[]} rows @param {string} phase */
  function show(rows, phase) {
    const modal = [...document.querySelectorAll(":modal:not(:fullscreen)")].at(-1);
    if (!host.isConnected || (modal && modal !== below)) raise();
    below = modal;
    const ids = new Set(rows.map((row) => row.id));
    for (const [id, row] of drawn) {
      if (ids.has(id)) continue;
      row.remove();
      drawn.delete(id);
    }
    rows.forEach((row, at) => draw(row, at && rows[at - 1].name === row.name ? "" : row.name));
    hint(phase === "reconnecting" || phase === "failed" ? text("boxReconnecting") : rows.length ? "" : text("boxEmpty"));
    const now = lines.textContent ?? "";
    if (now !== last) wake();
    last = now;
  }

  /** @param {Row} row @param {string} name */
  function draw(row, name) {
    let place = drawn.get(row.id);
    if (!place) {
      place = element("p", "row");
      place.dir = "auto";
      place.append(...["name", "committed", "tentative"].map((part) => element("span", part)));
      drawn.set(row.id, place);
      lines.append(place);
    }
    const [who, committed, tentative] = place.children;
    write(who, name && `${name}: `);
    write(committed, row.committed);
    write(tentative, row.tentative);
  }

  /** @param {string} said */
  function hint(said) {
    let place = lines.querySelector(".hint");
    if (!said) return place?.remove();
    if (!place) place = element("p", "row hint");
    write(place, said);
    lines.append(place);
  }

  function wake() {
    box.dataset.quiet = "false";
    clearTimeout(falling);
    falling = setTimeout(() => {
      if (root.activeElement || box.matches(":hover")) wake();
      else box.dataset.quiet = "true";
    }, QUIET);
  }

  function build() {
    for (const [label, sign, act] of /** @type {[string, string, () => void][]} */ ([
      ["boxSmaller", "A−", () => resize(-1)],
      ["boxLarger", "A+", () => resize(1)],
    ])) tools.append(button(label, sign, act));
    themes.forEach((colours, theme) => {
      const swatch = button("boxTheme", "", () => change({ theme }), String(theme + 1));
      swatch.className = "swatch";
      paint(swatch, colours);
      tools.append(swatch);
    });
    tools.append(
      button("boxGround", "◐", () => change({ ground: GROUNDS[(GROUNDS.indexOf(look.ground) + 1) % GROUNDS.length] })),
      mover(),
      button("boxHide", "✕", () => {
        tell("hide");
        leave();
      }),
    );
    box.append(tools, lines, grip);
    root.append(box);
    drag(box, (x, y, from) => ({ x: from.x + x / innerWidth, y: from.y + y / innerHeight }));
    drag(grip, (x, y, from) => ({
      width: from.width + 2 * x, // it is held by its middle
      lines: Math.round(from.lines + y / (look.size * 1.35)),
    }));
    // The page's keys stay with the page: a press of the mouse takes no focus, and what is typed here ends here.
    box.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    for (const name of ["keydown", "keyup", "keypress"]) box.addEventListener(name, (event) => event.stopPropagation(), { signal });
    document.addEventListener("fullscreenchange", raise, { signal });
    addEventListener("resize", lay, { signal });
    addEventListener("pointermove", reveal, { signal, passive: true });
    // A page may be kept for "back", and come back without its connections.
    addEventListener("pagehide", () => port?.disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && connect(), { signal });
    const watch = new MutationObserver(() => host.isConnected || raise());
    watch.observe(document, { childList: true });
    watch.observe(document.documentElement, { childList: true });
    signal.addEventListener("abort", () => watch.disconnect());
    wake();
  }

  /** The pointer is where the box was: it comes back. @param {PointerEvent} event */
  function reveal(event) {
    if (box.dataset.quiet !== "true") return;
    const { left, right, top, bottom } = box.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (x >= left && x <= right && y >= top && y <= bottom) wake();
  }

  /** Moves the box by the arrow keys. */
  function mover() {
    const handle = button("boxMove", "✥", () => {});
    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    handle.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      if (event.shiftKey) change({ width: look.width + 1000 * way[0], lines: look.lines + Math.sign(way[1]) });
      else change({ x: look.x + way[0], y: look.y + way[1] });
    });
    return handle;
  }

  /**
   * Drag with the pointer.
   * @param {HTMLElement} handle
   * @param {(x: number, y: number, from: Look) => Partial<Look>} moved
   */
  function drag(handle, moved) {
    handle.addEventListener("pointerdown", (down) => {
      const target = /** @type {Element} */ (down.target);
      if (down.button !== 0 || target.closest("button") || (handle === box && target === grip)) return;
      const from = { ...look };
      const held = new AbortController();
      handle.setPointerCapture(down.pointerId);
      box.dataset.held = "true";
      handle.addEventListener("pointermove", (move) => {
        change(moved(move.clientX - down.clientX, move.clientY - down.clientY, from));
      }, { signal: held.signal });
      handle.addEventListener("lostpointercapture", () => {
        held.abort();
        box.dataset.held = "false";
      }, { signal: held.signal });
    }, { signal });
  }

  /** @param {number} direction */
  function resize(direction) {
    const at = SIZES.findIndex((size) => size >= look.size);
    change({ size: SIZES[Math.max(0, Math.min(SIZES.length - 1, at + direction))] });
  }

  /** @param {Partial<Look>} changed */
  function change(changed) {
    look = { ...look, ...changed };
    look.x = Math.max(0, Math.min(1, look.x));
    look.y = Math.max(0.1, Math.min(1, look.y));
    look.width = Math.max(240, Math.min(1600, look.width));
    look.lines = Math.max(1, Math.min(12, look.lines));
    lay();
    wake();
    clearTimeout(saving);
    saving = setTimeout(() => tell("look", { look }), 400);
  }

  /** Where the look says, but never outside the window. */
  function lay() {
    const width = Math.min(look.width, innerWidth - 16);
    box.style.setProperty("--opacity", `${look.ground}%`);
    box.style.setProperty("--lines", String(look.lines));
    box.style.fontSize = `${look.size}px`;
    box.style.width = `${width}px`;
    paint(box, themes[look.theme] ?? themes[0]);
    box.dataset.bare = String(look.ground < 40);
    const height = box.offsetHeight;
    const left = Math.max(8, Math.min(innerWidth - width - 8, look.x * innerWidth - width / 2));
    const bottom = Math.max(height + 8, Math.min(innerHeight - 8, look.y * innerHeight));
    box.style.left = `${left}px`;
    box.style.top = `${bottom - height}px`;
    box.dataset.low = String(bottom - height < 52);
    tools.querySelectorAll(".swatch").forEach((swatch, theme) => swatch.setAttribute("aria-pressed", String(theme === look.theme)));
  }

  /** @param {HTMLElement} place @param {Theme} colours */
  function paint(place, colours) {
    for (const [name, colour] of Object.entries(colours)) place.style.setProperty(`--${name}`, colour);
  }

  /** @param {string} label @param {string} sign @param {() => void} act @param {string} [detail] */
  function button(label, sign, act, detail = "") {
    const made = /** @type {HTMLButtonElement} */ (element("button", ""));
    made.type = "button";
    made.textContent = sign;
    made.title = text(label, detail);
    made.setAttribute("aria-label", made.title);
    made.addEventListener("click", act);
    return made;
  }

  /** @param {string} tag @param {string} name */
  function element(tag, name) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    return made;
  }

  /** @param {Element} place @param {string} said */
  function write(place, said) {
    if (place.textContent !== said) place.textContent = said;
  }

  /** @param {string} key @param {string} [detail] */
  function text(key, detail = "") {
    return chrome.i18n.getMessage(key, [detail]);
  }
})();
