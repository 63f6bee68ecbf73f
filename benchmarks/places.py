"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
TEST_MODEL = ROOT / "tests" / "models" / "whisper" / "model"
CACHE = Path(__file__).with_name(".cache")
RESULTS = Path(__file__).with_name("results")
