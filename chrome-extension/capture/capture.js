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

  /** A muted capture continues, and hears silence. @param {boolean} muted */
  set muted(muted) {
    for (const track of this.#stream.getAudioTracks()) track.enabled = !muted;
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

/**
 * Capture a microphone, by default the browser's own choice, which also replaces a device that is no longer connected.
 * An offscreen page cannot ask for the permission: there it fails without it.
 * @param {Listener} listener
 * @param {{device?: string, processed?: boolean}} [options] `processed`: without echoes and noise, as for a call
 */
export async function captureMicrophone(listener, { device = "", processed = true } = {}) {
  const audio = {
    echoCancellation: processed, noiseSuppression: processed, autoGainControl: true, ...(device && { deviceId: device }),
  };
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
    const [context, source] = open(stream);
    contexts.push(context);
    await context.audioWorklet.addModule(new URL("worklet/framer.js", import.meta.url).href);
    const framer = new AudioWorkletNode(context, "framer", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    framer.port.onmessage = ({ data }) => listener.frame(data.samples, data.level);
    source.connect(framer);
    return new Capture(stream, contexts, listener.ended);
  } catch (error) {
    new Capture(stream, contexts, () => {}).stop(); // otherwise the tab stays captured
    throw error;
  }
}

/** A context with the stream in it; the browser resamples, without aliasing. @param {MediaStream} stream @returns {[AudioContext, AudioNode]} */
function open(stream) {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    return [context, context.createMediaStreamSource(stream)];
  } catch {
    context.close().catch(() => {});
    const same = new AudioContext(); // Firefox takes a stream at its own rate only: then the worklet resamples
    return [same, same.createMediaStreamSource(stream)];
  }
}
