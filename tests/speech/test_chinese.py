"""Engines' streams that write the characters that a language tag asks for."""

from __future__ import annotations

from typing import Any

import numpy as np

from surtitle.channels.channel import Channel
from surtitle.channels.engine_switcher import EngineChoice, EngineSwitcher
from surtitle.channels.source_options import SourceOptions
from surtitle.core.settings import Limits
from surtitle.core.words import Hypothesis, Word
from surtitle.embedding import CaptionStream
from surtitle.recordings.retranscribe import find_languages
from surtitle.speech.chinese import open_stream
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.engine import Hints, Stream
from surtitle.speech.scheduler import Scheduler
from surtitle.text.chinese import Characters
from tests.text.test_chinese import SIMPLIFIED, TAIWAN, make_words


class WritesChinese:
    """An engine and a stream that hear the same sentence in every utterance."""

    name = model = "script"
    step = 1.0
    bridges = 0.0
    rules = EndpointRules()
    languages = frozenset({"zh", "en"})

    def __init__(self, language: str = "zh") -> None:
        self.language = language
        self.scheduler = Scheduler(1)
        self.opened: list[str] = []

    def open(self, language: str, hints: Hints = Hints()) -> Stream:
        self.opened.append(language)
        return WritesChinese(language)

    def accept(self, samples: Any, silence: float, voice: float | None = None) -> Hypothesis | None:
        words = make_words(SIMPLIFIED)
        return Hypothesis(words[:5], words[5:7])

    def finish(self) -> Hypothesis:
        return Hypothesis(make_words(SIMPLIFIED))

    def close(self) -> None:
        self.scheduler.close()


def written(words: tuple[Word, ...]) -> str:
    return "".join(word.text for word in words)


def test_a_stream_writes_the_characters_asked_for_in_every_utterance() -> None:
    stream = open_stream(WritesChinese(), "zh", Hints(), Characters.TAIWAN)
    assert stream.language == "zh-TW"
    for _ in range(2):
        hypothesis = stream.accept(np.zeros(16000, np.float32), 0.0)
        assert hypothesis is not None
        shown = written(hypothesis.committed)
        assert TAIWAN.startswith(shown + written(hypothesis.tentative))
        assert written(stream.finish().committed) == TAIWAN


def test_other_streams_are_left_alone() -> None:
    assert isinstance(open_stream(WritesChinese(), "zh", Hints(), None), WritesChinese)
    assert isinstance(open_stream(WritesChinese(), "en", Hints(), Characters.TAIWAN), WritesChinese)


def test_an_embedded_stream_knows_tags_with_regions() -> None:
    engine = WritesChinese()
    with CaptionStream(engine, "zh-CN") as stream:
        assert stream._pipeline.language == "zh-Hans"
    CaptionStream(engine, "en-GB").close()
    CaptionStream(engine, "fr").close()
    assert engine.opened == ["zh", "en", "auto"]


def test_a_client_s_tag_takes_precedence_over_that_of_the_channel_and_the_service() -> None:
    engines: Any = None
    switcher = EngineSwitcher(engines, "zh-HK", lambda channel: (), lambda channel: None)
    channel, engine = Channel("main", Limits()), WritesChinese()

    def choose(language: str | None) -> EngineChoice:
        return switcher._choose(engine, channel, SourceOptions(language))

    assert choose(None).characters == Characters.HONG_KONG
    simplified, taiwan = choose("zh-CN"), choose("zh-TW")
    assert (simplified.language, simplified.characters) == ("zh", "Hans")
    assert not simplified.satisfies(taiwan)  # so that a change of the setting takes effect
    assert choose("zh").characters is None


def test_a_second_pass_writes_what_the_captions_or_the_channel_have() -> None:
    from surtitle.captions.caption import Caption

    def caption(language: str) -> Caption:
        return Caption("c", 1, "s", language, make_words(SIMPLIFIED), final=True)

    assert find_languages([caption("zh-TW")], None) == ["zh-TW"]
    assert find_languages([caption("zh")], "zh-TW") == ["zh-TW"]
    assert find_languages([caption("zh-Hans")], "zh-TW") == ["zh-Hans"]
    assert find_languages([caption("en")], "zh-TW") == ["en"]
