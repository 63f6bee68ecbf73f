"""Writes `converted/`, the same model for CTranslate2 with int8 weights.

python -m tests.trained_models.nllb.convert
"""

from __future__ import annotations

from pathlib import Path

from ctranslate2.converters import TransformersConverter

from tests.trained_models.nllb.prepare import MODEL

CONVERTED = Path(__file__).parent / "converted"


def main() -> None:
    converter = TransformersConverter(str(MODEL), copy_files=["tokenizer.json"])
    converter.convert(str(CONVERTED), quantization="int8", force=True)


if __name__ == "__main__":
    main()
