"""An order of Whisper's vocabulary in which CTranslate2 reads a forced prefix in one pass. Pure.

CTranslate2 runs a prompt through the decoder in one pass, up to and including ``<|notimestamps|>``. It then reads a
prefix, with which the text must begin, one token per step, and each step costs as much as generating a token. It finds
the end of the prompt by comparing numbers: the prompt continues while tokens lie between ``<|startoftranscript|>`` and
``<|notimestamps|>`` (``WhisperReplica::get_prompt_length``, CTranslate2 4.8).

In the order made here, all text tokens lie between these two, so the prompt includes the prefix. The prompt must end
before the last token of the prefix, though, because CTranslate2 would otherwise require timestamps
(``ApplyTimestampRules``). Live captions do not use timestamps, so the rows of the timestamps hold copies of frequent
tokens, with numbers below ``<|startoftranscript|>``. A copy ends the prompt, and means the same to the decoder as its
original. Copies can be read but never generated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_START, _NO_TIMESTAMPS = "<|startoftranscript|>", "<|notimestamps|>"


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """Maps numbers of tokens between the model's own vocabulary and the new order.

    ``order[number]`` is the number in the model's own vocabulary of the token that has ``number`` in the new order. The
    first ``copy_count`` numbers are those of copies.
    """

    order: tuple[int, ...]
    copy_count: int
    no_timestamps: int
    """The number of ``<|notimestamps|>`` in the model's own vocabulary."""
    _reordered: dict[int, int] = field(repr=False)
    _copies: dict[int, int] = field(repr=False)

    @classmethod
    def from_vocabulary(cls, vocabulary: Sequence[str]) -> TokenOrder:
        """Make the order for the tokens of a model. Raises ValueError if the timestamps are not the last of them."""
        start, no_timestamps = vocabulary.index(_START), vocabulary.index(_NO_TIMESTAMPS)
        first = no_timestamps + 1
        copy_count = len(vocabulary) - first - 1
        if not start < no_timestamps or copy_count < 1 or vocabulary[first] != "<|0.00|>":
            raise ValueError("its tokens are in an order that is not Whisper's")
        # the tokenizer numbers its text tokens by frequency, the most frequent first
        frequent = [no_timestamps, *range(min(copy_count - 1, start))]
        copied = (frequent + [no_timestamps] * copy_count)[:copy_count]
        others = [token for token in range(no_timestamps) if token != start]
        # The first timestamp stays but is never generated: it is likely before the text begins, which changes the
        # probabilities of other tokens.
        order = (*copied, start, *others, no_timestamps, first)
        reordered = {token: number for number, token in enumerate(order) if number >= copy_count}
        return cls(
            order, copy_count, no_timestamps, reordered, {token: number for number, token in enumerate(frequent)}
        )

    @property
    def timestamp_token(self) -> int:
        """The only timestamp left, in the model's own vocabulary; it must never be generated."""
        return self.order[-1]

    def reorder(self, tokens: Iterable[int]) -> list[int]:
        """Convert tokens from the model's own vocabulary to the new order. Raises KeyError for timestamps."""
        return [self._reordered[token] for token in tokens]

    def restore(self, tokens: Iterable[int]) -> list[int]:
        """Convert tokens from the new order to the model's own vocabulary."""
        return [self.order[token] for token in tokens]

    def find_prompt_end(self, prefixes: Sequence[Sequence[int]]) -> int | None:
        """The position of the token that ends the prompt: the last one that has a copy in every prefix, counted from 1.

        0 stands for the token ``<|notimestamps|>`` before the prefix. None is returned if all prefixes are empty: the
        prompt then ends by itself.
        """
        if not any(prefixes):
            return None
        for count in range(min(map(len, prefixes)), 0, -1):
            if all(prefix[count - 1] in self._copies for prefix in prefixes):
                return count
        return 0

    def build_prompt(self, before: Sequence[int], prefix: Sequence[int], prompt_end: int | None) -> list[int]:
        """Build CTranslate2's prompt: ``before``, no timestamps, ``prefix``; `find_prompt_end` gives ``prompt_end``."""
        tokens = (self.no_timestamps, *prefix)
        if prompt_end is None:
            return self.reorder((*before, *tokens))
        return [
            *self.reorder((*before, *tokens[:prompt_end])),
            self._copies[tokens[prompt_end]],
            *self.reorder(tokens[prompt_end + 1 :]),
        ]
