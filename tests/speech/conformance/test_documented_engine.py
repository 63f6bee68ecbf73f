"""The examples in docs/engines-own.md, as they are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[3] / "docs" / "engines-own.md"

example: dict[str, Any] = {"__name__": __name__}
for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL):
    exec(compile(block, str(DOCUMENT), "exec"), example)

TestParrot = example["TestParrot"]
TestBirds = example["TestBirds"]


def test_the_kind_loads_the_engine() -> None:
    kind = example["KIND"]
    engine = kind.load(None, "parrot:macaw", None)
    assert (engine.name, engine.model) == (kind.name, "parrot:macaw")
    assert kind.problem() == ""
    engine.close()
