"""The commands as a person types them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from surtitle.demo import SAMPLE
from tests.support import as_wav, error_rate, free_port, silence, speech

COMMAND = [sys.executable, "-m", "surtitle"]


def test_serve_starts_at_once_and_ends_cleanly() -> None:
    """Without a network and without a model: up in seconds, on the embedded engine, and it says so."""
    port = free_port()
    silent = socket.create_server(("127.0.0.1", 0))  # a hub that takes the call and never says a word
    hub = f"http://127.0.0.1:{silent.getsockname()[1]}"
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HUB_CACHE": "/nonexistent", "NO_PROXY": "*"}
    began = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert _healthy(port, began + 30)["engine"] == "pocketsphinx"
        deadline = time.monotonic() + 30
        while "hub cannot be reached" not in (notice := _healthy(port, deadline)["notice"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert notice.count(". ") == 0
    finally:
        process.send_signal(signal.SIGINT)
        out, log = process.communicate(timeout=20)
        silent.close()
    for path in ("/", "/overlay/main", "/view/main"):
        assert f"http://127.0.0.1:{port}{path}" in out
    assert notice in log
    assert "Traceback" not in log
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit open sockets")
def test_serve_takes_more_connections_than_systems_allow_at_first() -> None:
    port = free_port()
    process = subprocess.Popen(
        [
            "sh",
            "-c",
            'ulimit -Sn 256; exec "$@"',
            "sh",
            *COMMAND,
            "serve",
            "--engine",
            "pocketsphinx",
            f"--port={port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _healthy(port, time.monotonic() + 30)
        with ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            assert _healthy(port, time.monotonic() + 30)["status"] == "ok"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def test_demo_prints_captions() -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--engine", "pocketsphinx", "--once", "--no-browser", "--port", str(free_port())],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "welcome to the show" in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["srt", "json"])
def test_transcribe(tmp_path: Path, form: str) -> None:
    text = "The old clock on the wall has not worked for many years."
    path = tmp_path / "my talk.wav"
    path.write_bytes(as_wav(speech(text)))
    done = _transcribe(str(path), "-f", form)
    assert done.returncode == 0, done.stderr
    if form == "json":
        heard = " ".join(caption["text"] for caption in json.loads(done.stdout)["captions"])
    else:
        heard = re.sub(r"^(WEBVTT|\d+|.*-->.*)$", "", done.stdout, flags=re.MULTILINE)
    assert error_rate(text, heard) < 0.2
    assert "100 %" in done.stderr


def test_transcribe_with_whisper(tmp_path: Path, whisper_tiny: Path) -> None:
    """Its encoding is UTF-8 whatever the terminal's is, and a name may look like an address."""
    path = tmp_path / "Part1: the “intro”, 100 %.flac"
    path.write_bytes(SAMPLE.read_bytes())
    command = [*COMMAND, "transcribe", path.name, "-o", "-", "-f", "json", "--model", str(whisper_tiny)]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    captions = json.loads(done.stdout.decode("utf-8"))["captions"]
    assert {caption["source"] for caption in captions} == {path.stem}
    assert all(caption["text"].endswith((".", ",")) for caption in captions)
    spoken = " ".join(line.partition(": ")[2] for line in SAMPLE.with_suffix(".txt").read_text().splitlines())
    assert error_rate(spoken, " ".join(caption["text"] for caption in captions)) < 0.03


def test_transcribe_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    path.write_bytes(as_wav(silence(3)))
    done = _transcribe(str(path), "-f", "vtt", "-o", str(tmp_path / "out.vtt"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.vtt").read_text() == "WEBVTT\n"
    again = _transcribe(str(path), "-o", str(tmp_path / "out.vtt"))
    assert again.returncode == 1
    assert "--overwrite" in again.stderr


def test_transcribe_a_folder(tmp_path: Path) -> None:
    """What cannot be transcribed is named, and the rest is done."""
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(as_wav(silence(1)))
    (tmp_path / "broken.mp3").write_bytes(bytes(range(256)))
    done = _transcribe(str(tmp_path), "-f", "vtt", "-o", f"{tmp_path}/out/")
    assert done.returncode == 1
    assert "broken.mp3" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.vtt", "two.vtt"]


def test_what_cannot_be_transcribed(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no audio. " * 100)
    for arguments, expected in (
        ([str(text)], "no audio"),
        ([str(tmp_path / "missing.mp3")], "does not exist"),
        ([str(text), "--engine", "whisper", "--model", str(tmp_path)], "no model.bin"),
    ):
        done = _transcribe(*arguments)
        assert done.returncode != 0
        assert expected in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--host", "0.0.0.0"], "surtitle token new-secret"),
        (["--require-token"], "surtitle token new-secret"),
        (["--engine", "whisper"], "--engine whisper needs a model"),
        (["--model", "/no/such/directory"], "There is no directory"),
        (["--engine", "magic"], "Invalid value"),
        (["--language", "xx"], "There is no language 'xx'"),
        (["--policy", "magic"], "Invalid value"),
    ],
)
def test_serve_refuses_what_cannot_work(arguments: list[str], expected: str) -> None:
    done = subprocess.run([*COMMAND, "serve", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "surtitle.db").write_text("this is no database")
    command = [*COMMAND, "serve", "--port", str(free_port()), "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "choose another folder with --data-dir" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "serve", "--port", port], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "may be another Surtitle" in done.stderr


def _transcribe(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "transcribe", "--engine", "pocketsphinx", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _healthy(port: int, deadline: float) -> dict[str, str]:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                return dict(json.load(answer))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
