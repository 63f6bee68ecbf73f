from __future__ import annotations

import logging

from surtitle.core.logs import FloodFilter


def test_a_flood_of_lines_is_counted_instead() -> None:
    now = 0.0
    calm = FloodFilter(most=3, seconds=10.0, clock=lambda: now)

    def line(text: str, *told: object, level: int = logging.WARNING) -> logging.LogRecord:
        return logging.LogRecord("surtitle.test", level, "", 0, text, told, None)

    assert [calm.filter(line("%s refused", number)) for number in range(5)] == [True] * 3 + [False] * 2
    assert calm.filter(line("something else"))
    assert calm.filter(line("%s refused", 6, level=logging.ERROR))
    now = 10.0
    after = line("%s refused", 7)
    assert calm.filter(after)
    assert after.getMessage() == "7 refused (2 lines like this were left out)"
    now = 20.0
    after = line("%s refused", 8)
    assert calm.filter(after)
    assert after.getMessage() == "8 refused"
