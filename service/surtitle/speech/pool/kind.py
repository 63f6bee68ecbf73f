"""An inference pool as a kind of engine. Its models are those that its operator has deployed there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.pool.address import KIND as NAME
from surtitle.pool.address import read_address
from surtitle.speech.kinds import EngineOptions, OfferedModel

if TYPE_CHECKING:
    from surtitle.speech.pool.engine import PoolEngine


class PoolKind:
    """The pool whose address is in the environment. It belongs to the operator, so sound is not said to leave."""

    name = NAME
    title = "Inference pool"
    local = True
    files = None
    default = "base"

    @property
    def models(self) -> Sequence[OfferedModel]:
        """Only the default: which others there are is known to the pool, and asked when one is loaded."""
        return (OfferedModel(self.default),)

    def problem(self) -> str:
        try:
            read_address(os.environ)
        except ModelError as error:
            return error.message
        return ""

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> PoolEngine:
        """Raises `Unreachable`, `ModelError`."""
        from surtitle.speech.pool.engine import PoolEngine

        return PoolEngine(read_address(os.environ), model, policy=options.policy)


KIND = PoolKind()
