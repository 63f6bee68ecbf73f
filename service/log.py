"""Logging: one line for each thing that happened, on standard error."""

from __future__ import annotations

import logging


def configure(*, verbose: bool) -> None:
    """Set up the root logger; other libraries are heard from when something is wrong."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    logging.getLogger("surtitle").setLevel(logging.DEBUG if verbose else logging.INFO)
