// Sound from a tab or the microphone, as frames of a tenth of a second: 16 kHz, mono, 16 bit.

import { RATE } from "./backlog.js";

/**
 * @typedef {object} Listener
 * @property {(samples: Int16Array, level: number) => void} frame level in dB below full scale
 * @property {() => void} ended the tab was closed or the device is gone
 */

/** A capture that runs. */
export class Capture {
  #stream;
  #contexts;
  #watching;

  /** @param {MediaStream} stream @param {AudioContext[]} contexts @param {() => void} ended */
  constructor(stream, contexts, ended) {
    this.#stream = stream;
    this.#contexts = contexts;
    for (const track of stream.getAudioTracks()) track.onended = ended;
    this.#watching = setInterval(() => {
      for (const context of contexts) if (context.state === "suspended") context.resume().catch(() => {});
    }, 1000);
  }

  stop() {
    clearInterval(this.#watching);
    for (const track of this.#stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    for (const context of this.#contexts) if (context.state !== "closed") context.close().catch(() => {});
  }
}

/**
 * The sound of a tab, which stays audible.
 * @param {string} streamId from chrome.tabCapture.getMediaStreamId
 * @param {Listener} listener
 */
export async function captureTab(streamId, listener) {
  const audio = { mandatory: { chromeMediaSource: "tab", chromeMediaSourceId: streamId } };
  // Chrome's own form of constraints, which the standard's types do not know.
  const constraints = /** @type {MediaStreamConstraints} */ (/** @type {unknown} */ ({ audio }));
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  return capture(stream, listener, (contexts) => {
    const heard = new AudioContext(); // a captured tab is silent unless somebody plays it
    contexts.push(heard);
    heard.createMediaStreamSource(stream).connect(heard.destination);
  });
}

/** The microphone; fails if it was not allowed before. @param {Listener} listener */
export async function captureMicrophone(listener) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return capture(await navigator.mediaDevices.getUserMedia({ audio }), listener);
}

/**
 * @param {MediaStream} stream
 * @param {Listener} listener
 * @param {(contexts: AudioContext[]) => void} [more]
 */
async function capture(stream, listener, more) {
  /** @type {AudioContext[]} */
  const contexts = [];
  try {
    more?.(contexts);
    const context = new AudioContext({ sampleRate: RATE }); // the browser resamples, with a filter that folds nothing
    contexts.push(context);
    await context.audioWorklet.addModule("worklet.js");
    const framer = new AudioWorkletNode(context, "framer", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    framer.port.onmessage = ({ data }) => listener.frame(data.samples, data.level);
    context.createMediaStreamSource(stream).connect(framer);
    return new Capture(stream, contexts, listener.ended);
  } catch (error) {
    new Capture(stream, contexts, () => {}).stop(); // else the tab stays taken
    throw error;
  }
}
