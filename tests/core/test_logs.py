from __future__ import annotations

import logging

from surtitle.core.logs import FloodFilter


def test_a_flood_of_lines_is_counted_instead_of_logged() -> None:
    now = 0.0
    flood_filter = FloodFilter(max_lines=3, seconds=10.0, clock=lambda: now)

    def line(text: str, *arguments: object, level: int = logging.WARNING) -> logging.LogRecord:
        return logging.LogRecord("surtitle.test", level, "", 0, text, arguments, None)

    assert [flood_filter.filter(line("%s refused", number)) for number in range(5)] == [True] * 3 + [False] * 2
    assert flood_filter.filter(line("something else"))
    assert flood_filter.filter(line("%s refused", 6, level=logging.ERROR))
    now = 10.0
    after = line("%s refused", 7)
    assert flood_filter.filter(after)
    assert after.getMessage() == "7 refused (2 lines like this were left out)"
    now = 20.0
    after = line("%s refused", 8)
    assert flood_filter.filter(after)
    assert after.getMessage() == "8 refused"
