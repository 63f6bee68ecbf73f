"""`python -m benchmarks` measures everything; see README.md in this folder."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import clock, whisperlivekit
from benchmarks.capacity import capacity
from benchmarks.compare import compare
from benchmarks.first import first
from benchmarks.languages import languages
from benchmarks.models import DEFAULT, Model, find
from benchmarks.paths import ROOT
from benchmarks.readers import readers
from benchmarks.recordings import LANGUAGES, Recording, recordings
from benchmarks.report import report
from benchmarks.soak import soak
from benchmarks.systems import SYSTEMS, Surtitle, System
from benchmarks.talk import talk
from surtitle.models.catalogue import plain_name

ALL = ("compare", "capacity", "loaded", "languages", "readers", "soak")
PARTS = (*ALL, "first", "clock", "report")
ALIGNER = "base"  # the model that finds the times of words
QUICK = 25.0  # seconds of a talk that only shows whether everything works
CAPACITY = 60.0  # seconds of a talk while the number of sources is measured


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers are stopped, too
    if options.wlk:
        os.environ[whisperlivekit.WHERE] = str(options.wlk.absolute())
    try:
        if options.part == "clock":
            _clock(options)
            return
        _measure(options, ALL if options.part == "all" else (options.part,))
    except LookupError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        print("Stopped: the tables show what was measured until now.")
    report()


def _measure(options: argparse.Namespace, parts: tuple[str, ...]) -> None:
    tree = options.tree.absolute()
    systems: list[System] = [
        replace(system, tree=tree, options=tuple(options.serve.split())) if isinstance(system, Surtitle) else system
        for system in SYSTEMS
        if system.name in options.systems
    ]
    ours = next((system for system in systems if isinstance(system, Surtitle)), Surtitle(tree=tree))
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else None
    language = "auto" if options.auto else None
    if {"compare", "capacity", "loaded", "soak"} & {*parts}:
        models, spoken = _models(options), _recordings(options, options.language)
        for part in ("compare", "loaded"):
            if part in parts:
                loaded = part == "loaded"
                asyncio.run(
                    compare(systems, models, spoken, options.seconds, options.repeats, loaded=loaded, language=language)
                )
        if "capacity" in parts:
            asyncio.run(capacity(systems, models, spoken, options.seconds or CAPACITY, deadline))
        if "soak" in parts and options.hours:
            asyncio.run(soak(ours, models[0], spoken, options.hours))
    if "languages" in parts:
        multilingual = [model for model in _models(options) if not model.english_only]
        if multilingual:
            asyncio.run(languages(ours, multilingual[0], _by_language(options), 1 if options.quick else 2))
    if "readers" in parts:
        asyncio.run(readers(options.readers, 3 if options.quick else 30))
    if "first" in parts:
        asyncio.run(first(options.serve.split(), options.repeats))


def _clock(options: argparse.Namespace) -> None:
    """The pipeline on a virtual clock: a line for each model and round."""
    settings = dict(item.split("=", 1) for item in options.set)
    values = {name: _value(text) for name, text in settings.items()}
    spoken = _recordings(options, options.language)
    loaders = {model.name: partial(clock.load, model, values, options.cores) for model in _models(options)}
    loaders |= {name: partial(clock.load_other, name, options.cores) for name in options.engine_model}
    for name, load in loaders.items():
        engine = load()
        for number in range(options.repeats):
            one = talk(spoken, options.seconds, number)
            score, cpu, text = clock.measure(engine, one, "auto" if options.auto else None)
            print(clock.line(plain_name(name), score, cpu), flush=True)
            if options.show:
                print(text, flush=True)
        engine.close()


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _models(options: argparse.Namespace) -> list[Model]:
    given = _directories(options)
    models = [find(name, given) for name in options.models]
    if options.language != "en":
        models = [model for model in models if not model.english_only]
    if options.models and not models:
        raise LookupError("These models know only English: name one without .en.")
    return models


def _recordings(options: argparse.Namespace, language: str) -> list[Recording]:
    return recordings(find(ALIGNER, _directories(options)), language)


def _by_language(options: argparse.Namespace) -> dict[str, list[Recording]]:
    found = recordings(find(ALIGNER, _directories(options)))
    by_language = {language: [one for one in found if one.language == language] for language in LANGUAGES}
    return {language: known for language, known in by_language.items() if known and language != "en"}


def _directories(options: argparse.Namespace) -> dict[str, Path]:
    return {name: Path(directory) for name, _, directory in (item.partition("=") for item in options.model_dir)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=["all", *PARTS])
    parser.add_argument("--quick", action="store_true", help="short talks and soak: does it work?")
    parser.add_argument("--seconds", type=float, help="of a talk (default: every recording once; capacity: 60)")
    parser.add_argument("--minutes", type=float, help="how long the search for the capacity may take")
    parser.add_argument("--repeats", type=int, default=2, help="rounds (default 2)")
    parser.add_argument("--hours", type=float, default=8.0, help="of audio for the soak; 0 for none (default 8)")
    parser.add_argument("--readers", type=int, default=1000, help="how many read a channel at once (default 1000)")
    parser.add_argument("--models", nargs="*", metavar="NAME", default=[*DEFAULT], help="default: base tiny.en")
    parser.add_argument(
        "--model-dir", action="append", metavar="NAME=DIR", default=[], help="where a model is, instead of its name"
    )
    parser.add_argument("--language", default="en", help="of the talks (default en)")
    parser.add_argument("--auto", action="store_true", help="let the systems detect the language")
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--systems", nargs="+", choices=names, default=names)
    parser.add_argument("--serve", default="", metavar="OPTIONS", help="more options for `surtitle serve`")
    parser.add_argument(
        "--wlk", type=Path, help=f"a virtual environment with WhisperLiveKit (or {whisperlivekit.WHERE})"
    )
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout whose service is measured")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", default=[], help="clock: an argument of WhisperEngine"
    )
    parser.add_argument(
        "--engine-model", action="append", metavar="KIND:NAME", default=[], help="clock: a model of another recognizer"
    )
    parser.add_argument("--cores", type=int, default=1, help="clock: of the machine, as the engine sees it (default 1)")
    parser.add_argument("--show", action="store_true", help="clock: print the transcript")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.repeats, options.hours = options.seconds or QUICK, 1, min(options.hours, 0.1)
    return options


if __name__ == "__main__":
    main()
