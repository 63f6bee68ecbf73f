"""Other languages than English: live errors beside the whole file, and how long `auto` takes to find the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from benchmarks import store
from benchmarks.baseline import baseline
from benchmarks.compare import PATIENCE, heard, line
from benchmarks.models import Model
from benchmarks.recordings import Recording
from benchmarks.runs import Broken, Run, run
from benchmarks.systems import Surtitle
from benchmarks.talk import talk


async def languages(
    system: Surtitle, model: Model, by_language: Mapping[str, Sequence[Recording]], repeats: int
) -> None:
    """All recordings of a language in one talk, with the language given and with `auto`; ``model`` multilingual."""
    runs: list[Run] = []
    bases: dict[str, dict[str, object]] = {}
    for language, recordings in by_language.items():
        for number in range(repeats):
            spoken = talk(recordings, seed=number)
            for option in (language, "auto"):
                watching = replace(system, reads_language=option == "auto")
                try:
                    runs.append(await run(watching, model, [spoken], patience=PATIENCE, language=option))
                except Broken as error:
                    print(error, flush=True)
                    continue
                found = "" if runs[-1].detected[0] is None else f"  language after {runs[-1].detected[0]:.1f} s"
                print(f"{language} by {option:4}  {line(runs[-1])}{found if option == 'auto' else ''}", flush=True)
        own = [one for one in runs if one.recordings[0][0] in {recording.name for recording in recordings}]
        given = [one for one in own if one.language == language]
        bases[language] = asdict(baseline(model, recordings, heard(given, model.name)))
        figures = {
            "whole_file": bases,
            "spoken": {language: [one.name for one in known] for language, known in by_language.items()},
            "runs": [store.as_json(one) for one in runs],
        }
        store.save("languages", figures, [model], [one for known in by_language.values() for one in known])
