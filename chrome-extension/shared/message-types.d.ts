// What the parts of the extension say to each other. Sent and received by messages.js.

import type { Theme } from "./box-themes.js";
import type { Look } from "./settings.js";
import type { Phase, Problem, TabState } from "./state.js";

/** From the extension's own pages to the worker. */
export type WorkerMessage =
  | { to: "worker"; type: "getTab"; tabId: number }
  | { to: "worker"; type: "start"; tabId: number; source?: string }
  | { to: "worker"; type: "stop"; tabId: number }
  | { to: "worker"; type: "setBox"; tabId: number; on: boolean }
  | { to: "worker"; type: "setMicrophone"; tabId: number; on: boolean }
  | { to: "worker"; type: "microphoneAllowed" }
  /** A state that the badge shows has changed; `endedTab` is a tab whose capture ended by itself. */
  | { to: "worker"; type: "captureChanged"; endedTab?: number };

/** From a caption box to the worker. The box lives in the process of a web page: it is not trusted. */
export type BoxMessage =
  | { to: "worker"; type: "getBoxStyle" }
  | { to: "worker"; type: "saveLook"; look: unknown }
  | { to: "worker"; type: "hideBox" }
  | { to: "worker"; type: "boxDisconnected" };

/** From the worker to the offscreen page. */
export type OffscreenMessage =
  | { to: "offscreen"; type: "getCaptures" }
  | { to: "offscreen"; type: "startCapture"; order: CaptureOrder }
  | { to: "offscreen"; type: "stopCapture"; tabId: number }
  | { to: "offscreen"; type: "showBox"; tabId: number; on: boolean }
  | { to: "offscreen"; type: "captureMicrophone"; tabId: number; on: boolean; name: string };

export type Message = WorkerMessage | BoxMessage | OffscreenMessage;

/** The answer to each type of message. */
export interface Answers {
  getTab: TabReport;
  start: void;
  stop: void;
  setBox: void;
  setMicrophone: void;
  /** Whether a microphone that was waiting for the permission is captioned now. */
  microphoneAllowed: boolean;
  captureChanged: void;
  getBoxStyle: BoxStyle;
  saveLook: void;
  hideBox: void;
  boxDisconnected: void;
  getCaptures: Captures;
  startCapture: void;
  stopCapture: void;
  showBox: void;
  captureMicrophone: void;
}

/** A function for each type of message. */
export type Handlers<M extends Message> = {
  [T in M["type"]]: (
    message: Extract<M, { type: T }>, sender: chrome.runtime.MessageSender,
  ) => Answers[T] | Promise<Answers[T]>;
};

/** What is sent back. */
export type Reply = { value: unknown } | { problem: Problem };

/** What the popup shows of its tab. */
export interface TabReport {
  tab: TabState | null;
  problem: Problem | null;
  /** Whether the page has lost its caption box to a navigation. */
  boxLost: boolean;
}

/** What to capture, and where to send it. */
export interface CaptureOrder {
  tabId: number;
  /** From `chrome.tabCapture.getMediaStreamId`. */
  streamId: string;
  server: string;
  token: string;
  channel: string;
  language: string;
  /** The language that the box shows, or "" for the original. */
  translation: string;
  source: string;
  box: boolean;
}

/** All captures that run. */
export interface Captures {
  tabs: TabState[];
  /** Whether the offscreen page is needed: a capture may have ended whose last words are still awaited. */
  busy: boolean;
}

/** The style sheet of a caption box, and its look on one site. */
export interface BoxStyle {
  css: string;
  themes: Theme[];
  look: Look;
}

/** A caption in the box. */
export interface BoxRow {
  id: string;
  /** Of the speaker; "" if there is only one. */
  name: string;
  committed: string;
  tentative: string;
}

/** Over the port "box", from the offscreen page to a caption box. */
export type BoxPortMessage = { type: "captions"; rows: BoxRow[]; phase: Phase } | { type: "close" };

/** A captured tab with the levels of its sources in decibels below full scale. */
export type MeteredTab = TabState & { levels: { tab: number | null; microphone: number | null } };

/** Over the port "watch", from the offscreen page to the popup. */
export interface WatchPortMessage {
  tabs: MeteredTab[];
}
