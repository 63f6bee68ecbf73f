"""When the right language was found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.runs import detected
from benchmarks.scores import Spoken
from benchmarks.systems import Answer
from benchmarks.talk import Talk

TALK = Talk(np.zeros(160, np.int16), (Spoken("oui", 0.5, 0.8),), (), ("oui",), "fr")


@pytest.mark.parametrize(
    ("reports", "after"),
    [
        ([(0.1, "auto"), (2.5, "fr")], 2.0),
        ([(1.5, "en"), (3.5, "fr")], 3.0),
        ([(1.5, "fr"), (2.0, "en")], None),
        ([(0.1, "auto")], None),
        ([], None),
    ],
)
def test_only_a_right_report_that_is_not_taken_back_counts(
    reports: list[tuple[float, str]], after: float | None
) -> None:
    assert detected(TALK, Answer(languages=reports)) == after
