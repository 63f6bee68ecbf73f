"""The pages that the audience sees: overlay and viewer."""

from pathlib import Path

DIRECTORY = Path(__file__).parent
