"""Translation of a source's audio into English by its recognizer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from surtitle.audio import Samples
from surtitle.speech.engine import Engine, SpeechTranslator


def translates(engine: Engine) -> bool:
    """Whether the recognizer itself can translate into English."""
    return isinstance(engine, SpeechTranslator) and engine.translates


def english_translator(engine: Engine, samples: Samples, language: str) -> Callable[[], Awaitable[str]] | None:
    """A function by which the recognizer translates 16 kHz samples of speech into English; None if it cannot.

    Recognition has priority.
    """
    if not isinstance(engine, SpeechTranslator) or not engine.translates or not samples.size:
        return None

    async def translate() -> str:
        steps = engine.translate(samples, language)
        text: str | None = None
        while text is None:
            async with engine.scheduler.background_turn() as work:
                text = await work(lambda: next(steps))
        return text

    return translate
