// Captures a tab or the microphone in frames of a tenth of a second: 16 kHz, mono, 16 bit.

import { RATE } from "./backlog.js";

/**
 * @typedef {object} Listener
 * @property {(samples: Int16Array<ArrayBuffer>, level: number) => void} frame level in decibels below full scale
 * @property {() => void} ended the tab was closed, or the device was unplugged
 */

/** A running capture. */
export class Capture {
  #stream;
  #contexts;
  #resuming;

  /** @param {MediaStream} stream @param {AudioContext[]} contexts @param {() => void} ended */
  constructor(stream, contexts, ended) {
    this.#stream = stream;
    this.#contexts = contexts;
    for (const track of stream.getAudioTracks()) track.onended = ended;
    this.#resuming = setInterval(() => {
      for (const context of contexts) if (context.state === "suspended") context.resume().catch(() => {});
    }, 1000);
  }

  stop() {
    clearInterval(this.#resuming);
    for (const track of this.#stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    for (const context of this.#contexts) if (context.state !== "closed") context.close().catch(() => {});
  }
}

/**
 * Capture a tab, which stays audible.
 * @param {string} streamId from chrome.tabCapture.getMediaStreamId
 * @param {Listener} listener
 */
export async function captureTab(streamId, listener) {
  const audio = { mandatory: { chromeMediaSource: "tab", chromeMediaSourceId: streamId } };
  // Constraints of Chrome's own, which the standard's types do not have.
  const constraints = /** @type {MediaStreamConstraints} */ (/** @type {unknown} */ ({ audio }));
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  return capture(stream, listener, (contexts) => {
    const playback = new AudioContext(); // Chrome mutes a captured tab
    contexts.push(playback);
    playback.createMediaStreamSource(stream).connect(playback.destination);
  });
}

/** Capture the microphone; fails without the permission, because an offscreen page cannot ask for it. @param {Listener} listener */
export async function captureMicrophone(listener) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return capture(await navigator.mediaDevices.getUserMedia({ audio }), listener);
}

/**
 * @param {MediaStream} stream
 * @param {Listener} listener
 * @param {(contexts: AudioContext[]) => void} [addContexts]
 */
async function capture(stream, listener, addContexts) {
  /** @type {AudioContext[]} */
  const contexts = [];
  try {
    addContexts?.(contexts);
    const context = new AudioContext({ sampleRate: RATE }); // the browser resamples, without aliasing
    contexts.push(context);
    await context.audioWorklet.addModule("worklet/framer.js");
    const framer = new AudioWorkletNode(context, "framer", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    framer.port.onmessage = ({ data }) => listener.frame(data.samples, data.level);
    context.createMediaStreamSource(stream).connect(framer);
    return new Capture(stream, contexts, listener.ended);
  } catch (error) {
    new Capture(stream, contexts, () => {}).stop(); // otherwise the tab stays captured
    throw error;
  }
}
