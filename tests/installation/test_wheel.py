"""The packages that are published: what is in them, and that they run where nothing else is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import surtitle
from tests.installation.requirements import ROOT
from tests.support import free_port, missing

# As the tests were started: tests/conftest.py keeps pip away from every index while one runs.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
_TIMEOUT = 600.0  # seconds for pip on a busy machine with a slow network
_MODULE = ("/static/extension/capture/source.js", "import")  # of the extension, for the page for the microphone
_START = 60.0  # seconds until the service answers

PACKAGES = {
    "surtitle": ROOT / "service" / "surtitle",
    "obs_overlay": ROOT / "obs_overlay",
    "surtitle/web/static/extension/capture": ROOT / "chrome-extension" / "capture",
    "surtitle/web/static/extension/shared": ROOT / "chrome-extension" / "shared",
}
TOOLS = {"surtitle/demo/make_sample.sh", "surtitle/web/locales/babel.cfg"}
"""What the repository needs and an installation does not."""


@dataclass(frozen=True)
class Built:
    """The packages that `python -m build` makes, as a release does."""

    sdist: Path
    wheel: Path

    @property
    def wheel_files(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    @property
    def sdist_files(self) -> set[str]:
        """Paths below the folder that the archive unpacks to."""
        with tarfile.open(self.sdist) as archive:
            return {name.partition("/")[2] for name in archive.getnames()}

    @property
    def metadata(self) -> Message:
        (path,) = (name for name in self.wheel_files if name.endswith(".dist-info/METADATA"))
        with zipfile.ZipFile(self.wheel) as archive:
            return Parser().parsestr(archive.read(path).decode())


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed; a test whose index cannot be reached is skipped."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode and ("NewConnectionError" in done.stdout or "NameResolutionError" in done.stdout):
        missing("the package index cannot be reached")
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def programs(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that has the wheel, and what it requires by its own word."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--disable-pip-version-check", built.wheel, cwd=folder)
    return programs


def test_the_wheel_has_every_file_of_the_packages_but_the_tools(built: Built) -> None:
    files = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packaged = {name for name in built.wheel_files if ".dist-info/" not in name}
    assert files - packaged == TOOLS
    assert packaged - files == set()


def test_the_metadata_names_licenses_bounds_and_places(built: Built) -> None:
    metadata = built.metadata
    assert metadata["Version"] == surtitle.__version__
    assert metadata["License-Expression"] == "Apache-2.0 AND MIT AND OFL-1.1"
    licenses = metadata.get_all("License-File", [])
    assert set(licenses) == {
        "LICENSE",
        "NOTICE",
        "obs_overlay/static/fonts/LICENSE",
        "service/surtitle/speakers/voice_encoder/LICENSE",
        "service/surtitle/speech/silero_vad/LICENSE",
    }
    for line in metadata.get_all("Requires-Dist", []):
        assert ">=" in line
        assert "<" in line
    assert {line.partition(",")[0] for line in metadata.get_all("Project-URL", [])} >= {"Source", "Issues", "Changelog"}
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_sdist_has_what_builds_the_wheel_and_neither_tests_nor_images(built: Built) -> None:
    files = built.sdist_files
    assert {"pyproject.toml", "LICENSE", "NOTICE", "README.md", "service/surtitle/__init__.py"} <= files
    assert [name for name in files if name.startswith(("tests/", "benchmarks/", "docs/images/"))] == []


def test_the_installed_wheel_is_complete(programs: Path, tmp_path: Path) -> None:
    assert run(programs / "surtitle", "--version", cwd=tmp_path).split()[-1] == surtitle.__version__
    where = run(programs / "python", "-c", "import surtitle; print(surtitle.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(programs.parent)
    run(programs / "python", "-m", "pip", "check", "--disable-pip-version-check", cwd=tmp_path)


@pytest.fixture
def started(programs: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that was started from the installed wheel."""
    port = free_port()
    command = [str(programs / "surtitle"), "serve", "--engine", "pocketsphinx", "--port", str(port)]
    with (tmp_path / "log").open("w+") as log:
        service = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path / "data")],
            cwd=tmp_path,
            env=_ENVIRONMENT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + _START
            while not answers(url) and service.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            assert answers(url), (tmp_path / "log").read_text()
            yield url
        finally:
            service.terminate()
            service.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/healthz", timeout=2):
            return True
    except OSError:
        return False


def test_the_installed_service_starts_and_serves_its_pages(started: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path, text in (
        ("/", "<html"),
        ("/overlay/main", "<html"),
        ("/static/overlay/overlay/overlay.js", "import"),
        _MODULE,
    ):
        with opener.open(started + path, timeout=10) as answer:
            assert text in answer.read().decode()
