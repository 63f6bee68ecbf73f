"""The process that runs one pocketsphinx decoder: `python -m surtitle.speech.pocketsphinx.worker`.

pocketsphinx holds Python's global lock while it searches, up to 0.1 s at a time. In the process of the service, this
would stall all other sources and clients, and a crash would end them all.

Requests, as frames (`surtitle.core.processes`), are ["accept", bytes], ["finish"] and ["reset"]. Each has one
answer: the words of the current hypothesis, or a string with an error message. The first answer is sent without a
request when the decoder is ready.
"""

from __future__ import annotations

from surtitle.core.processes import serve

FRAME = 0.01
"""Seconds in one of the decoder's frames."""

_MAX_HMMS = 5000
"""States that the search keeps for each frame: a third less work than with pocketsphinx's 30,000 (docs/engines.md)."""

_PRIMING_BYTES = 2 * 16_000  # a second of speech

Segment = tuple[str, float, float, float]
"""Word, start and end in seconds from the utterance's first sample, posterior probability."""


def main() -> None:
    """Serve until standard input ends."""
    serve(_Decoder)


class _Decoder:
    """Decodes one utterance after another.

    The decoder subtracts the cepstral mean of the channel, which it estimates as it decodes. With its initial guess,
    the first utterance has twice the errors (docs/engines.md), so that utterance is processed more than once: its first
    second for the mean alone, and all of it again at its end.
    """

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=16_000.0, loglevel="FATAL", maxhmmpf=_MAX_HMMS)
        self._fresh_cmn = self._decoder.get_cmn(False)
        self._open = False
        self._first: bytearray | None = bytearray()

    def accept(self, pcm: bytes) -> list[Segment]:
        if self._first is not None:
            self._first += pcm
            if not self._open:
                if len(self._first) < _PRIMING_BYTES:
                    return []
                pcm = bytes(self._first)
                self._update_mean(pcm)
        if not self._open:
            self._decoder.start_utt()
            self._open = True
        self._decoder.process_raw(pcm, False, False)
        return self._list_words()

    def finish(self) -> list[Segment]:
        first, self._first = self._first, None
        if self._open:
            self._decoder.end_utt()
            self._open = False
        elif not first:
            return []
        if first:
            self._update_mean(bytes(first))
            self._decoder.start_utt()
            self._decoder.process_raw(bytes(first), False, False)
            self._decoder.end_utt()
        return self._list_words()

    def reset(self) -> list[Segment]:
        """Prepare for another speaker by resetting the cepstral mean."""
        self.finish()
        self._decoder.set_cmn(self._fresh_cmn)
        self._first = bytearray()
        return []

    def _update_mean(self, pcm: bytes) -> None:
        """Estimate the cepstral mean from ``pcm``: features without a search take almost no time."""
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, True, False)
        self._decoder.end_utt()

    def _list_words(self) -> list[Segment]:
        words: list[Segment] = []
        for segment in self._decoder.seg() or ():
            text = segment.word.split("(")[0]  # "the(2)" is the second pronunciation of "the"
            if text and text[0] not in "<[+":  # <s> <sil> [NOISE] ++UM++
                words.append((text, segment.start_frame * FRAME, (segment.end_frame + 1) * FRAME, segment.prob))
        return words


if __name__ == "__main__":
    main()
