"""Builds the packaged program of this system: `python scripts/build_program.py`, which needs Python 3.11 or newer.

It makes an environment in build/program-venv with the versions in requirements/program.txt and the wheel, runs
PyInstaller in it, and writes to dist/program:

- surtitle-VERSION-SYSTEM-MACHINE.tar.gz with the folder Surtitle (on macOS Surtitle.app)
- SHA256SUMS-SYSTEM-MACHINE, the line of SHA256SUMS about it
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
_PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"
_LICENSE_OPTIONS = (
    "--format=plain-vertical",
    "--with-license-file",
    "--with-notice-file",
    "--no-license-path",
    "--with-urls",
)
_NATIVE = """\
Surtitle's packaged program contains these libraries. It also contains Python itself (Python Software Foundation
License, https://docs.python.org/3/license.html), the start code of PyInstaller (GPL 2.0 with an exception that allows
any license for the program, https://pyinstaller.org), and, inside the libraries: FFmpeg (in av; LGPL 2.1 or newer,
https://ffmpeg.org) with x264 and x265 (GPL 2.0 or newer, https://www.videolan.org), OpenBLAS (in numpy; BSD), oneDNN
and Intel's OpenMP (in ctranslate2; Apache 2.0), libsoxr (in soxr; LGPL 2.1) and, on Linux, the
system's libraries that Python was linked with. The libraries under the
LGPL are separate files in this folder, which you may replace.

"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--version-for-test", metavar="VERSION", help="build as this version, to test updates")
    options.add_argument("--dist", type=Path, default=ROOT / "dist" / "program", help="the folder for the archive")
    given = options.parse_args()
    BUILD.mkdir(exist_ok=True)
    python = make_environment(given.version_for_test)
    program = build(python)
    write_licenses(python, program)
    version = run(python, "-c", "import surtitle; print(surtitle.__version__)", capture=True).strip()
    tag = run(
        python, "-c", "from surtitle.desktop.location import system_tag; print(system_tag())", capture=True
    ).strip()
    archive = pack(program, given.dist / f"surtitle-{version}-{tag}.tar.gz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (given.dist / f"SHA256SUMS-{tag}").write_text(f"{digest}  {archive.name}\n", encoding="ascii", newline="\n")
    print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB, unpacked {folder_size(program) / 1e6:.0f} MB")


def make_environment(version: str | None) -> Path:
    """The Python of an environment with the locked libraries and the wheel of this checkout."""
    environment, wheels = BUILD / "program-venv", BUILD / "program-wheel"
    python = environment / _PROGRAMS / "python"
    if not (python.exists() or python.with_suffix(".exe").exists()):
        run(sys.executable, "-m", "venv", environment)
    run(
        python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", ROOT / "requirements" / "program.txt"
    )
    shutil.rmtree(wheels, ignore_errors=True)
    source = ROOT
    if version:
        source = BUILD / "program-source"
        shutil.rmtree(source, ignore_errors=True)
        for name in ("service", "obs_overlay", "chrome-extension"):
            shutil.copytree(ROOT / name, source / name)
        for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
            shutil.copy2(ROOT / name, source / name)
        package = source / "service" / "surtitle" / "__init__.py"
        text = package.read_text(encoding="utf-8")
        package.write_text(re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text), encoding="utf-8")
    run(python, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "-w", wheels, source)
    (wheel,) = wheels.glob("*.whl")
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--force-reinstall", wheel)
    return python


def build(python: Path) -> Path:
    """The folder with the program, or the bundle on macOS."""
    dist = BUILD / "program"
    started = time.monotonic()
    run(
        python, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN", f"--distpath={dist}",
        f"--workpath={BUILD / 'program-work'}", ROOT / "deploy" / "program" / "surtitle.spec",
    )  # fmt: skip
    print(f"PyInstaller took {time.monotonic() - started:.0f} s")
    return dist / ("Surtitle.app" if sys.platform == "darwin" else "Surtitle")


def write_licenses(python: Path, program: Path) -> None:
    """Write the licenses of everything that the program contains to its folder."""
    texts = run(python, "-m", "piplicenses", *_LICENSE_OPTIONS, capture=True)
    folder = program / "Contents" / "Resources" if sys.platform == "darwin" else program
    (folder / "LICENSES.txt").write_text(_NATIVE + texts, encoding="utf-8")
    for name in ("LICENSE", "NOTICE"):
        shutil.copy2(ROOT / name, folder / f"{name}.txt")


def pack(program: Path, archive: Path) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz", compresslevel=6) as packed:
        packed.add(program, program.name)
    return archive


def folder_size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def run(*command: str | Path, capture: bool = False) -> str:
    done = subprocess.run(
        list(map(str, command)), check=True, cwd=BUILD, encoding="utf-8",
        stdout=subprocess.PIPE if capture else None, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    return done.stdout if capture else ""


if __name__ == "__main__":
    main()
