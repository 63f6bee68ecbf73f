"""The program that the README shows."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

from surtitle.demo import SAMPLE
from tests.support import load

README = Path(__file__).parent.parent / "README.md"


def test_the_example_prints_captions(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "NONE"))
        file.writeframes((load(SAMPLE)[: 8 * 16_000] * 32767).astype(np.int16).tobytes())
    program = program.replace('"base"', '"pocketsphinx"')  # needs no download
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "good evening" in done.stdout.lower()
