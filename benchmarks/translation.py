"""How long after a caption is final is its translation, and what does that cost? Beside nllw on the same stream.

    .venv-torch/bin/python -m benchmarks.translation

One process, no sound: words come as a recognizer commits them, four a second. It needs the extra `translation`, and
measures the small NLLB of the tests, of which three languages mean something.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import store
from benchmarks.paths import RESULTS, ROOT
from benchmarks.scores import percentile
from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.settings import Limits, Settings
from surtitle.core.words import Word
from surtitle.text.language_names import find
from surtitle.translation import translators
from surtitle.translation.translations import Translations
from tests.trained_models.nllb.grammar import Texts, sentence

MODELS = ROOT / "tests" / "trained_models" / "nllb"
CHECKPOINT, CONVERTED = str(MODELS / "model"), str(MODELS / "converted")
LANGUAGES = ("fr", "es", "de", "it", "pt")  # the model knows the first three; the others cost as much
KNOWN = 3
PACE = 0.25  # seconds a word
PAUSE = 0.5  # seconds after a sentence
LAST = 60.0  # seconds that the last translations may take
SHARES = (0.5, 0.95)


@dataclass
class Run:
    """What one system did: lags and CPU in seconds, and the share of sentences that came out right."""

    system: str
    languages: int
    lags: list[float] = field(default_factory=list)
    cpu: float = 0.0
    seconds: float = 0.0
    right: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=40)
    talk = sentences(parser.parse_args().sentences)
    translators._NICENESS = 0  # else whatever runs beside it is measured
    runs = []
    for count in (1, 5):
        for name, measure in SYSTEMS.items():
            run = asyncio.run(measure(name, talk, LANGUAGES[:count]))
            runs.append(run)
            print(_row(run, runs), flush=True)
    store.save("translation", {"sentences": len(talk), "runs": [vars(run) for run in runs]})
    _report(runs, len(talk))


def sentences(count: int) -> list[Texts]:
    """Whole ones, which the model was not trained on as far as a seed can promise it."""
    rng = random.Random(90_001)
    found: list[Texts] = []
    while len(found) < count:
        text = sentence(rng)
        if text["en"].endswith(".") and 5 <= len(text["en"].split()) <= 14:
            found.append(text)
    return found


class _NoRecognizer:
    """Captions without sound: the translation model alone translates."""

    def translates(self, channel: Channel) -> bool:
        return False

    def find(self, channel: Channel, name: str) -> None:
        return None


async def surtitle(model: str, name: str, talk: Sequence[Texts], languages: Sequence[str]) -> Run:
    run = Run(name, len(languages))
    channel = Channel("main", Limits())
    translations = Translations(Settings(translation_model=model), _NoRecognizer())
    finals: dict[str, float] = {}
    with contextlib.ExitStack() as reading:
        tracks = {language: reading.enter_context(translations.subscribe(channel, language)) for language in languages}
        channel.original.put(_caption("warm", 1, ["Good", "morning."], final=True))
        await _until(lambda: all(track.count == 1 for track in tracks.values()))
        watching = [asyncio.create_task(_watch(track, finals, run)) for track in tracks.values()]
        began, cpu = time.monotonic(), time.process_time()
        for number, text in enumerate(talk):
            words = text["en"].split()
            for count in range(1, len(words) + 1):
                await asyncio.sleep(PACE)
                ahead = words[count : count + 1]
                final = count == len(words)
                if final:
                    finals[f"c{number}"] = time.monotonic()
                channel.original.put(
                    _caption(f"c{number}", count, words[:count], ahead, final=final, start=float(10 * number))
                )
            await asyncio.sleep(PAUSE)
        await _until(lambda: all(track.count == len(talk) + 1 for track in tracks.values()))
        run.seconds, run.cpu = time.monotonic() - began, time.process_time() - cpu
        for task in watching:
            task.cancel()
        said = {language: {one.id: one.text for one in track.captions} for language, track in tracks.items()}
    await translations.close()
    right = [said[one][f"c{at}"] == text[one] for one in languages[:KNOWN] for at, text in enumerate(talk)]
    run.right = sum(right) / len(right)
    return run


async def _watch(track: Any, finals: dict[str, float], run: Run) -> None:
    place = track.feed.last
    seen: set[str] = set()
    while True:
        await track.feed.wait(place, 1.0)
        for event in await track.since(place):
            place = event.number
            key = event.data.split('"')[3]
            if key in finals and key not in seen and track.final(key) is not None:
                seen.add(key)
                run.lags.append(time.monotonic() - finals[key])


async def nllw(converted: bool, name: str, talk: Sequence[Texts], languages: Sequence[str]) -> Run:
    """As WhisperLiveKit uses it: new words in, `process`, one object for each language."""
    from nllw.core import TranslationModel
    from nllw.timed_text import TimedText
    from nllw.translation import OnlineTranslation

    run = Run(name, len(languages))
    with contextlib.redirect_stdout(io.StringIO()):
        model = TranslationModel(
            _network(converted),
            "cpu",
            model_name=CHECKPOINT,
            backend_type="ctranslate2" if converted else "transformers",
        )
        online = {one: OnlineTranslation(model, ["en"], [find(one).nllb]) for one in languages}
        said = dict.fromkeys(languages, "")
        waiting: dict[str, list[Any]] = {one: [] for one in languages}
        ends: dict[str, list[float]] = {one: [] for one in languages}
        news = asyncio.Event()

        def step(language: str) -> None:
            one = online[language]
            words, waiting[language] = waiting[language], []
            one.insert_tokens(words)
            stable, _ = one.process()
            said[language] += (" " if said[language] else "") + stable.text

        async def translate() -> None:
            while True:
                await news.wait()
                news.clear()
                for language in languages:
                    due = len(ends[language])
                    await asyncio.to_thread(step, language)
                    run.lags += [time.monotonic() - end for end in ends[language][:due]]
                    del ends[language][:due]

        task = asyncio.create_task(translate())
        began, cpu = time.monotonic(), time.process_time()
        for text in talk:
            words = text["en"].split()
            for at, word in enumerate(words):
                await asyncio.sleep(PACE)
                for language in languages:
                    waiting[language].append(TimedText(" " + word))
                    if at == len(words) - 1:
                        ends[language].append(time.monotonic())
                news.set()
            await asyncio.sleep(PAUSE)
        await _until(lambda: not any(ends.values()) and not any(waiting.values()))
        run.seconds, run.cpu = time.monotonic() - began, time.process_time() - cpu
        task.cancel()
    right = [_plain(text[one]) in _plain(said[one]) for one in languages[:KNOWN] for text in talk]
    run.right = sum(right) / len(right)
    return run


def _network(converted: bool) -> Any:
    if converted:
        import ctranslate2

        return ctranslate2.Translator(CONVERTED, device="cpu")
    from transformers import AutoModelForSeq2SeqLM

    return AutoModelForSeq2SeqLM.from_pretrained(CHECKPOINT).float()


SYSTEMS: dict[str, Callable[..., Any]] = {
    "Surtitle, CTranslate2": lambda *more: surtitle(CONVERTED, *more),
    "nllw, CTranslate2": lambda *more: nllw(True, *more),
    "Surtitle, transformers": lambda *more: surtitle(CHECKPOINT, *more),
    "nllw, transformers": lambda *more: nllw(False, *more),
}


def _caption(
    key: str, rev: int, words: Sequence[str], ahead: Sequence[str] = (), *, final: bool = False, start: float = 0.0
) -> Caption:
    committed, tentative = ([Word(word, start, start + 1) for word in part] for part in (words, ahead))
    return Caption(key, rev, "Host", "en", tuple(committed), tuple(tentative), final)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LAST):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace(".", " ").split())


def _row(run: Run, runs: Sequence[Run]) -> str:
    ours = next(one for one in runs if one.languages == run.languages and one.system.endswith(run.system[-8:]))
    lags = [f"{1000 * percentile(run.lags, share):.0f} ms" for share in SHARES]
    cpu = f"{1000 * run.cpu / run.seconds:.0f} ms (× {(run.cpu / run.seconds) / (ours.cpu / ours.seconds):.1f})"
    return f"| {run.system} | {run.languages} | {' | '.join(lags)} | {cpu} | {run.right:.0%} |"


def _report(runs: Sequence[Run], count: int) -> None:
    lines = [
        "# Translation",
        "",
        f"{count} sentences, four words a second, as committed captions; one process, one run, on two busy cores.",
        "The small NLLB of the tests (1.3 million parameters): its times say nothing of NLLB-200's, their ratios say",
        "what a policy costs. The lag is from a final caption to its final translation; right are the sentences in the",
        "three languages that the model knows.",
        "",
        "| | languages | lag p50 | lag p95 | CPU a second (ratio to Surtitle) | sentences right |",
        "|---|---|---|---|---|---|",
        *(_row(run, runs) for run in runs),
    ]
    (RESULTS / "translation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
