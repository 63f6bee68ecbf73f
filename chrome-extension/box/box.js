// The caption box in a web page: a content script, so it cannot be a module. It shows what the offscreen page sends, as
// text and never as markup, and knows nothing else: no address, no token, no setting but its own look.

(() => {
  /**
   * @typedef {import("../shared/box-themes.js").Theme} Theme
   * @typedef {import("../shared/message-types.js").BoxMessage} BoxMessage
   * @typedef {import("../shared/message-types.js").BoxPortMessage} BoxPortMessage
   * @typedef {import("../shared/message-types.js").BoxRow} BoxRow
   * @typedef {import("../shared/message-types.js").BoxStyle} BoxStyle
   * @typedef {import("../shared/settings.js").Look} Look
   * @typedef {import("../shared/state.js").Phase} Phase
   * @typedef {typeof globalThis & {surtitleBox?: boolean}} MarkedGlobal
   */

  const FADE_DELAY = 7000; // milliseconds without a new word after which the box disappears
  const SAVE_DELAY = 400; // milliseconds after the last change
  const GROUNDS = [88, 100, 45, 0]; // percent
  const SIZES = [14, 16, 18, 21, 24, 28, 32, 38, 46, 56];
  const STEP = 0.02; // share of the window for a press of an arrow key

  const marked = /** @type {MarkedGlobal} */ (globalThis);
  if (marked.surtitleBox || !document.documentElement) return;
  marked.surtitleBox = true;

  const host = document.createElement("surtitle-captions");
  const root = host.attachShadow({ mode: "closed" });
  const box = element("div", "box");
  const lines = element("div", "lines");
  const tools = element("div", "tools");
  const grip = element("div", "grip");
  const removal = new AbortController();
  const { signal } = removal;
  /** @type {Map<string, HTMLElement>} by caption id */
  const drawn = new Map();
  /** @type {chrome.runtime.Port | undefined} */
  let port;
  /** @type {Look} */
  let look;
  /** @type {Theme[]} */
  let themes;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let fadeTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saveTimer;
  let shown = ""; // text
  /** @type {Element | undefined} the page's dialog that the box was raised above */
  let dialog;

  open().catch(remove);

  async function open() {
    const reply = await send({ to: "worker", type: "getBoxStyle" });
    if (!reply?.value) throw new Error("nobody answered");
    const style = /** @type {BoxStyle} */ (reply.value);
    ({ look, themes } = style);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style.css);
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
    port.onMessage.addListener((/** @type {BoxPortMessage} */ message) => {
      if (message.type === "close") remove();
      else show(message.rows, message.phase);
    });
    port.onDisconnect.addListener(() => {
      remove();
      notify({ to: "worker", type: "boxDisconnected" }); // without "close": the offscreen page is gone
    });
  }

  function remove() {
    removal.abort();
    clearTimeout(fadeTimer);
    clearTimeout(saveTimer);
    host.remove();
    port?.disconnect();
    marked.surtitleBox = false;
  }

  /** @param {BoxMessage} message */
  function send(message) {
    return chrome.runtime.sendMessage(message);
  }

  /** Send a message if the extension is still there: it may have been removed or updated. @param {BoxMessage} message */
  function notify(message) {
    if (chrome.runtime?.id) send(message).catch(() => {});
  }

  /** Move the box to the top of the browser's top layer. */
  function raise() {
    if (!host.isConnected) document.documentElement.append(host);
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
    applyLook();
  }

  /** @param {BoxRow[]} rows @param {Phase} phase */
  function show(rows, phase) {
    const modal = [...document.querySelectorAll(":modal:not(:fullscreen)")].at(-1);
    if (!host.isConnected || (modal && modal !== dialog)) raise();
    dialog = modal;
    const ids = new Set(rows.map((row) => row.id));
    for (const [id, row] of drawn) {
      if (ids.has(id)) continue;
      row.remove();
      drawn.delete(id);
    }
    rows.forEach((row, at) => draw(row, at && rows[at - 1].name === row.name ? "" : row.name));
    showHint(hintText(rows.length > 0, phase));
    const now = lines.textContent ?? "";
    if (now !== shown) wake();
    shown = now;
  }

  /** @param {boolean} hasRows @param {Phase} phase */
  function hintText(hasRows, phase) {
    if (phase === "reconnecting" || phase === "failed") return text("boxReconnecting");
    return hasRows ? "" : text("boxEmpty");
  }

  /** @param {BoxRow} row @param {string} name "" if the row before has the same */
  function draw(row, name) {
    let place = drawn.get(row.id);
    if (!place) {
      place = element("p", "row");
      place.dir = "auto";
      place.append(...["name", "committed", "tentative"].map((part) => element("span", part)));
      drawn.set(row.id, place);
      lines.append(place);
    }
    const [speaker, committed, tentative] = place.children;
    write(speaker, name && `${name}: `);
    write(committed, row.committed);
    write(tentative, row.tentative);
  }

  /** @param {string} hint */
  function showHint(hint) {
    let place = lines.querySelector(".hint");
    if (!hint) return place?.remove();
    if (!place) place = element("p", "row hint");
    write(place, hint);
    lines.append(place);
  }

  /** Show the box, and let it disappear after a while without new words. */
  function wake() {
    box.dataset.quiet = "false";
    clearTimeout(fadeTimer);
    fadeTimer = setTimeout(() => {
      if (root.activeElement || box.matches(":hover")) wake();
      else box.dataset.quiet = "true";
    }, FADE_DELAY);
  }

  function build() {
    for (const [label, sign, act] of /** @type {[string, string, () => void][]} */ ([
      ["boxSmaller", "A−", () => resize(-1)],
      ["boxLarger", "A+", () => resize(1)],
    ])) tools.append(button(label, sign, act));
    themes.forEach((colors, theme) => {
      const swatch = button("boxTheme", "", () => change({ theme }), String(theme + 1));
      swatch.className = "swatch";
      paint(swatch, colors);
      tools.append(swatch);
    });
    tools.append(
      button("boxGround", "◐", () => change({ ground: GROUNDS[(GROUNDS.indexOf(look.ground) + 1) % GROUNDS.length] })),
      mover(),
      button("boxHide", "✕", () => {
        notify({ to: "worker", type: "hideBox" });
        remove();
      }),
    );
    box.append(tools, lines, grip);
    root.append(box);
    drag(box, (x, y, from) => ({ x: from.x + x / innerWidth, y: from.y + y / innerHeight }));
    drag(grip, (x, y, from) => ({
      width: from.width + 2 * x, // the box grows on both sides of its middle
      lines: Math.round(from.lines + y / (look.size * 1.35)),
    }));
    // The mouse leaves the focus in the page, and the page does not see keys that are typed in the box.
    box.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    for (const name of ["keydown", "keyup", "keypress"]) box.addEventListener(name, (event) => event.stopPropagation(), { signal });
    document.addEventListener("fullscreenchange", raise, { signal });
    addEventListener("resize", applyLook, { signal });
    addEventListener("pointermove", reveal, { signal, passive: true });
    // A page in the back/forward cache loses its connections.
    addEventListener("pagehide", () => port?.disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && connect(), { signal });
    const watch = new MutationObserver(() => host.isConnected || raise());
    watch.observe(document, { childList: true });
    watch.observe(document.documentElement, { childList: true });
    signal.addEventListener("abort", () => watch.disconnect());
    wake();
  }

  /** Show the box again when the pointer is over its place. @param {PointerEvent} event */
  function reveal(event) {
    if (box.dataset.quiet !== "true") return;
    const { left, right, top, bottom } = box.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (x >= left && x <= right && y >= top && y <= bottom) wake();
  }

  /** A button that moves the box with the arrow keys. */
  function mover() {
    const handle = button("boxMove", "✥", () => {});
    /** @type {Record<string, [number, number]>} */
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    handle.addEventListener("keydown", (event) => {
      if (!Object.hasOwn(steps, event.key)) return;
      const [x, y] = steps[event.key];
      event.preventDefault();
      if (event.shiftKey) change({ width: look.width + 1000 * x, lines: look.lines + Math.sign(y) });
      else change({ x: look.x + x, y: look.y + y });
    });
    return handle;
  }

  /**
   * Let a handle be dragged.
   * @param {HTMLElement} handle
   * @param {(x: number, y: number, from: Look) => Partial<Look>} moved the new look after a way in pixels
   */
  function drag(handle, moved) {
    handle.addEventListener("pointerdown", (down) => {
      const target = /** @type {Element} */ (down.target);
      if (down.button !== 0 || target.closest("button") || (handle === box && target === grip)) return;
      const from = { ...look };
      const drop = new AbortController();
      handle.setPointerCapture(down.pointerId);
      box.dataset.held = "true";
      handle.addEventListener("pointermove", (move) => {
        change(moved(move.clientX - down.clientX, move.clientY - down.clientY, from));
      }, { signal: drop.signal });
      handle.addEventListener("lostpointercapture", () => {
        drop.abort();
        box.dataset.held = "false";
      }, { signal: drop.signal });
    }, { signal });
  }

  /** @param {number} steps in `SIZES` */
  function resize(steps) {
    const at = SIZES.findIndex((size) => size >= look.size);
    change({ size: SIZES[Math.max(0, Math.min(SIZES.length - 1, at + steps))] });
  }

  /** @param {Partial<Look>} changed */
  function change(changed) {
    look = { ...look, ...changed };
    look.x = Math.max(0, Math.min(1, look.x));
    look.y = Math.max(0.1, Math.min(1, look.y));
    look.width = Math.max(240, Math.min(1600, look.width));
    look.lines = Math.max(1, Math.min(12, look.lines));
    applyLook();
    wake();
    clearTimeout(saveTimer);
    saveTimer = setTimeout(() => notify({ to: "worker", type: "saveLook", look }), SAVE_DELAY);
  }

  /** Apply the look, but keep the box inside the window. */
  function applyLook() {
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

  /** @param {HTMLElement} place @param {Theme} theme */
  function paint(place, theme) {
    for (const [name, color] of Object.entries(theme)) place.style.setProperty(`--${name}`, color);
  }

  /** @param {string} label key of its text @param {string} sign @param {() => void} clicked @param {string} [detail] */
  function button(label, sign, clicked, detail = "") {
    const created = element("button");
    created.type = "button";
    created.textContent = sign;
    created.title = text(label, detail);
    created.setAttribute("aria-label", created.title);
    created.addEventListener("click", clicked);
    return created;
  }

  /** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} [className] */
  function element(tag, className) {
    const created = document.createElement(tag);
    if (className) created.className = className;
    return created;
  }

  /** @param {Element} place @param {string} text */
  function write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  /** @param {string} key @param {string} [detail] */
  function text(key, detail = "") {
    return chrome.i18n.getMessage(key, [detail]);
  }
})();
