"""Streaming Sortformer as a kind of diarizer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.core.kinds import describe_missing
from surtitle.core.settings import SPEAKER_MODEL

if TYPE_CHECKING:
    from surtitle.speakers.sortformer import Sortformer


class SortformerKind:
    """NVIDIA's Streaming Sortformer, run by NeMo."""

    name = "sortformer"
    title = "Sortformer"
    default = SPEAKER_MODEL

    def problem(self) -> str:
        return describe_missing("NeMo, which tells speakers apart,", "nemo", "diarization")

    def check_model(self, model: str) -> None:
        if model.endswith(".nemo") and not Path(model).is_file():
            raise ModelError(
                f"The speaker model {model} does not exist: give another file, or a name on the hub, with "
                "--speaker-model."
            )

    def load(self, model: str) -> Sortformer:
        from surtitle.speakers.sortformer import Sortformer

        loaded = Sortformer(model)
        loaded.torch.set_num_threads(_count_threads())
        return loaded


def _count_threads() -> int:
    """Half of the cores, unless the environment says how many; Ray sets it to those that it gives a replica."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(given) if given.isdecimal() else (os.cpu_count() or 1) // 2)


KIND = SortformerKind()
