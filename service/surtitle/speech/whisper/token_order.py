"""An order of Whisper's vocabulary in which CTranslate2 reads a forced prefix at once. Pure.

CTranslate2 runs a prompt through the decoder in one pass, up to and including ``<|notimestamps|>``. A prefix that the
text must begin with is read one token a step after that, and each step costs as much as a token that is generated.
It finds the end of the prompt by comparing numbers: the prompt goes on while tokens lie between
``<|startoftranscript|>`` and ``<|notimestamps|>`` (``WhisperReplica::get_prompt_length``, CTranslate2 4.8).

In this order all text tokens lie between these two, so that the prompt includes the prefix. It has to end before the
last token of the prefix, though, as timestamps would be asked for otherwise (``ApplyTimestampRules``). So the places of
the timestamps, which live captions have no use for, hold copies of frequent tokens, with numbers below
``<|startoftranscript|>``: a copy ends the prompt, and means to the decoder what its original means. Copies can be read,
never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_START, _NO_TIMESTAMPS = "<|startoftranscript|>", "<|notimestamps|>"


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """``order[new]`` is the number that a token has in the model's own vocabulary; the first ``copies`` are copies."""

    order: tuple[int, ...]
    copies: int
    no_timestamps: int
    """Its number in the model's own vocabulary."""
    _new: dict[int, int] = field(repr=False)
    _copy: dict[int, int] = field(repr=False)

    @classmethod
    def of(cls, vocabulary: Sequence[str]) -> TokenOrder:
        """For a model's tokens, timestamps last. Raises ValueError when they are in another order."""
        start, no_timestamps = vocabulary.index(_START), vocabulary.index(_NO_TIMESTAMPS)
        first = no_timestamps + 1
        copies = len(vocabulary) - first - 1
        if not start < no_timestamps or copies < 1 or vocabulary[first] != "<|0.00|>":
            raise ValueError("its tokens are in an order that is not Whisper's")
        frequent = [no_timestamps, *range(min(copies - 1, start))]  # merges are numbered by how frequent they are
        copied = (frequent + [no_timestamps] * copies)[:copies]
        others = [token for token in range(no_timestamps) if token != start]
        # The first timestamp stays, unwritten: it is likely where no text has begun, and counts in probabilities.
        order = (*copied, start, *others, no_timestamps, first)
        new = {token: place for place, token in enumerate(order) if place >= copies}
        return cls(order, copies, no_timestamps, new, {token: place for place, token in enumerate(frequent)})

    @property
    def timestamp(self) -> int:
        """The one that is left, in the model's own vocabulary; it must never be written."""
        return self.order[-1]

    def reorder(self, tokens: Iterable[int]) -> list[int]:
        """Raises KeyError for timestamps."""
        return [self._new[token] for token in tokens]

    def restore(self, tokens: Iterable[int]) -> list[int]:
        return [self.order[token] for token in tokens]

    def cut(self, prefixes: Sequence[Sequence[int]]) -> int | None:
        """Which token of each prefix ends the prompt, counted from 1: the last that is a copy for all of them.

        0 is the token for no timestamps before the prefix; None, when there are no prefixes, needs no end.
        """
        if not any(prefixes):
            return None
        for count in range(min(map(len, prefixes)), 0, -1):
            if all(prefix[count - 1] in self._copy for prefix in prefixes):
                return count
        return 0

    def prompt(self, before: Sequence[int], prefix: Sequence[int], cut: int | None) -> list[int]:
        """The prompt as CTranslate2 gets it: ``before``, no timestamps, ``prefix``; ``cut`` as `cut` says."""
        tokens = (self.no_timestamps, *prefix)
        if cut is None:
            return self.reorder((*before, *tokens))
        return [*self.reorder((*before, *tokens[:cut])), self._copy[tokens[cut]], *self.reorder(tokens[cut + 1 :])]
