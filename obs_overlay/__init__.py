"""The pages that the audience sees, overlay and viewer, and the scripts for OBS."""

from pathlib import Path

DIRECTORY = Path(__file__).parent
LUA_SCRIPT = DIRECTORY / "surtitle.lua"
"""The script for OBS that needs nothing but OBS."""
