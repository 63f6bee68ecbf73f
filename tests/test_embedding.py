"""The public interface, used as another program does."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import surtitle
from surtitle.demo import SAMPLE
from tests.support import blocks, error_rate, load

PROGRAM = """
from collections.abc import Iterator

import numpy as np

import surtitle


def sound() -> Iterator[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    for _ in range(20):
        yield np.zeros(1600, dtype=np.float32)


engine: surtitle.Engine = surtitle.load_engine("pocketsphinx")
for caption in surtitle.stream_captions(engine, sound(), language="en"):
    print(caption.text, caption.final, [word.text for word in caption.words])
engine.close()
print("done")
"""


def test_everything_that_is_public_is_there() -> None:
    for name in surtitle.__all__:
        assert getattr(surtitle, name) is not None
        assert name in dir(surtitle)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = surtitle.nothing


def test_importing_it_loads_nothing_else() -> None:
    loaded = "import sys, surtitle; print(sorted(name for name in sys.modules if name.startswith('surtitle.')))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_program_runs_and_passes_a_strict_type_check(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    check = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(program)]
    checked = subprocess.run(check, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_captions_of_the_demo(whisper_tiny: Path) -> None:
    engine = surtitle.load_engine(str(whisper_tiny))
    captions = list(surtitle.stream_captions(engine, blocks(load(SAMPLE), 8000), language="en"))
    engine.close()
    final = [caption for caption in captions if caption.final]
    spoken = " ".join(line.partition(": ")[2] for line in SAMPLE.with_suffix(".txt").read_text().splitlines())
    assert error_rate(spoken, " ".join(caption.text for caption in final)) < 0.1
    assert len(captions) > 2 * len(final)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(surtitle.ModelError, match=r"has no model\.bin"):
        surtitle.load_engine(str(tmp_path))


async def test_the_service_is_mounted_in_another_application() -> None:
    captions = surtitle.create_app(surtitle.Settings(engine="pocketsphinx"))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with captions.router.lifespan_context(captions):
            yield

    app = Starlette(routes=[Mount("/captions", captions)], lifespan=lifespan)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        answer = await client.get("/captions/healthz")
        page = await client.get("/captions/view/main")
        script = await client.get("/captions/static/overlay/viewer/viewer.js")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert 'src="/captions/static/overlay/viewer/viewer.js"' in page.text
    assert script.status_code == 200


def test_the_version_is_the_package_s() -> None:
    assert importlib.metadata.version("surtitle") == surtitle.__version__
