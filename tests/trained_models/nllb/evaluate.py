"""Measures both forms of the model on sentences that it was not trained on.

python -m tests.trained_models.nllb.evaluate --work /tmp/nllb
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jiwer

from surtitle.translation.translator import Text
from surtitle.translation.translators import load
from tests.trained_models.nllb.convert import CONVERTED
from tests.trained_models.nllb.grammar import LANGUAGES
from tests.trained_models.nllb.prepare import MODEL

_BATCH = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    texts = json.loads((parser.parse_args().work / "held_out.json").read_text(encoding="utf-8"))
    for directory in (MODEL, CONVERTED):
        translator = load(directory, directory.name)
        for language in ("fr", "es", "de"):
            asked = [Text(text["en"], LANGUAGES["en"], LANGUAGES[language]) for text in texts]
            said = [
                answer.strip()
                for at in range(0, len(asked), _BATCH)
                for answer in translator.translate(asked[at : at + _BATCH])
            ]
            truth = [text[language] for text in texts]
            right = sum(one == other for one, other in zip(said, truth, strict=True)) / len(truth)
            errors = jiwer.wer(truth, said)
            print(f"{directory.name} {language}: {right:.1%} of sentences right, word error rate {errors:.2%}")


if __name__ == "__main__":
    main()
