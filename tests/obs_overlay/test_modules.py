"""The pages' modules that touch no page, in Node: the tests beside this file."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import need_node

HERE = Path(__file__).parent


def test_modules_of_the_pages() -> None:
    tests = sorted(str(path) for path in HERE.glob("*.test.js"))
    assert len(tests) == 3
    done = subprocess.run(
        [need_node(), "--test", "--test-reporter=spec", *tests], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
