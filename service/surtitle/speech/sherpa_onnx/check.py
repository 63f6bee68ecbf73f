"""The process that tries a model before the service loads it: `python -m surtitle.speech.sherpa_onnx.check FOLDER`.

sherpa-onnx ends the process if a model lacks something, which must not be that of the service. If the model cannot be
used, this process does not end with 0, and the last line on standard error says why.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from surtitle.audio import RATE
from surtitle.core.errors import EngineError, ModelError
from surtitle.speech.sherpa_onnx.model import SherpaModel
from surtitle.text.languages import AUTO


def main() -> None:
    """Load the model and decode two seconds of noise."""
    try:
        model = SherpaModel(Path(sys.argv[1]))
        recognizer, stream = model.open(AUTO)
        noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 0.1
        model.decode(recognizer, stream, noise, last=True)
    except (ModelError, EngineError) as error:
        sys.exit(f"surtitle: {error}")


if __name__ == "__main__":
    main()
