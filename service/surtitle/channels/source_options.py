"""What the client of a source asks for, in addition to its channel's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from surtitle.channels.settings import ChannelSettings
from surtitle.speech.engine import Hints
from surtitle.vocabulary.rules import MAX_HOTWORDS, MAX_PROMPT, Vocabulary
from surtitle.vocabulary.substituter import PhraseRules


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The ``language`` (None for the channel's) and a ``vocabulary`` that is added to the channel's."""

    language: str | None = None
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def hints(self, settings: ChannelSettings) -> Hints:
        """The hints for the recognizer. The source's own come first, because a recognizer may not use all."""
        own, common = self.vocabulary, settings.vocabulary
        hotwords = tuple(dict.fromkeys((*own.hotwords, *common.hotwords)))
        prompt = " ".join(filter(None, (common.prompt, own.prompt)))
        return Hints(prompt[-MAX_PROMPT:], hotwords[:MAX_HOTWORDS])

    def rules(self, settings: ChannelSettings) -> tuple[PhraseRules, ...]:
        """What is replaced and masked in the words: by the source's own rules first."""
        own, common = self.vocabulary, settings.vocabulary
        return common.rules if own == Vocabulary() else (*own.rules, *common.rules)
