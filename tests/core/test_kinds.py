"""What kinds of engines and diarizers have in common."""

from __future__ import annotations

import pytest

from surtitle.core import kinds


def test_the_line_that_installs_an_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kinds.describe_missing("It", "numpy", "it") == ""
    assert kinds.describe_missing("It", "no_such_module", "it").endswith("run `pip install 'surtitle[it]'`.")
    monkeypatch.setattr(kinds, "is_packaged", lambda: True)
    assert "downloaded program" in kinds.describe_missing("It", "no_such_module", "it")
