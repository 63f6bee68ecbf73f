"""Tests that every engine and every diarizer has to pass, for pytest. Public; docs/engines-own.md describes their use.

A subclass whose name begins with "Test" says how its engine or model is made. Nothing here needs pytest itself.
"""

from surtitle.conformance.diarizers import DiarizerConformance
from surtitle.conformance.engines import EngineConformance, read_sample

__all__ = ["DiarizerConformance", "EngineConformance", "read_sample"]
