"""An inference pool as a kind of diarizer. Its models are those that its operator has deployed there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.pool.address import KIND as NAME
from surtitle.pool.address import read_address

if TYPE_CHECKING:
    from surtitle.speakers.pool import PoolModel


class PoolKind:
    """The pool whose address is in the environment."""

    name = NAME
    title = "Inference pool"
    default = "sortformer"

    def problem(self) -> str:
        try:
            read_address(os.environ)
        except ModelError as error:
            return error.message
        return ""

    def check_model(self, model: str) -> None:
        """Any may be there: the pool is asked when it is needed."""

    def load(self, model: str) -> PoolModel:
        """Raises `Unreachable`, `EngineError`."""
        from surtitle.speakers.pool import PoolModel

        return PoolModel(read_address(os.environ), model)


KIND = PoolKind()
