// The microphone as a source: captured and sent by the extension's modules, and its captions.

import { CaptionLog } from "../extension/capture/caption-log.js";
import { captureMicrophone } from "../extension/capture/capture.js";
import { Reader } from "../extension/capture/reader.js";
import { Source } from "../extension/capture/source.js";
import { socketAddress } from "../extension/shared/address.js";
import { channelPath } from "../overlay/shared/api.js";

/**
 * @import { Row } from "../extension/capture/caption-log.js"
 * @import { CaptionEvent } from "../extension/shared/protocol.js"
 *
 * @typedef {{device: string, processed: boolean}} Input a device's id, "" for the browser's choice; and whether the
 *   browser removes noise and echoes
 */

const KIND = "microphone";

export class Microphone {
  #source;
  #reader;
  #log = new CaptionLog();
  #changed;

  /**
   * @param {string} channel
   * @param {string} name that readers see
   * @param {string} language a code, "auto", or "" for the service's default
   * @param {() => void} changed called when the state or the captions have changed
   */
  constructor(channel, name, language, changed) {
    this.#changed = changed;
    /** @param {"audio" | "captions"} what @param {Record<string, string>} [query] */
    const address = (what, query) => socketAddress(location.origin, channelPath(channel, `/${what}`), query);
    this.#reader = new Reader((last) => address("captions", { last }), {
      caption: (caption) => this.#receive(caption),
      clear: () => {
        this.#log.clear();
        changed();
      },
    });
    this.#source = new Source(KIND, name, () => address("audio"), language ? { lang: language } : {}, {
      changed: () => {
        if (this.state.phase === "failed") this.end(); // the service refuses it: nothing is captured in vain
        if (this.state.phase === "ended") this.#reader.close();
        changed();
      },
      resendFrom: (oldest) => this.#log.resendFrom(KIND, oldest),
      forgotten: (oldest) => this.#log.restart(KIND, oldest),
      lost: () => this.#reader.reconnect(),
      readable: () => this.#reader.ready(),
    });
  }

  get state() {
    return this.#source.state;
  }

  /** In decibels below full scale. */
  get level() {
    return this.#source.level;
  }

  /** @returns {Row[]} */
  get rows() {
    return this.#log.rows;
  }

  get muted() {
    return this.#source.muted;
  }

  set muted(muted) {
    this.#source.muted = muted;
  }

  /** Start. Throws the error of `getUserMedia` if the microphone cannot be captured. @param {Input} input */
  async start(input) {
    try {
      await this.#source.start((listener) => captureMicrophone(listener, input), () => this.#unplugged());
    } catch (error) {
      this.#reader.close();
      throw error;
    }
  }

  /** Capture another device, or the same in another way, without a new source. @param {Input} input */
  async change(input) {
    await this.#source.switchCapture((listener) => captureMicrophone(listener, input), () => this.#unplugged());
  }

  /** Stop; the last words are still captioned. */
  end() {
    this.#source.end(this.state.problem);
  }

  #unplugged() {
    this.#source.end({ code: "microphoneEnded" });
    this.#changed();
  }

  /** @param {CaptionEvent} caption */
  #receive(caption) {
    const { name, phase } = this.state;
    if (phase === "connecting" || caption.source !== name) return; // until it is connected, its name may be another's
    if (this.#log.put(caption, KIND, (seconds) => this.#source.position(seconds))) this.#changed();
  }
}
