"""Data, settings and tokens of version 0.1.0 are used unchanged."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from surtitle.recordings.repair import inspect
from tests.e2e.test_operations import Served, served

FIXTURES = Path(__file__).parents[1] / "fixtures"
SESSION = "20261130-021231-3851db4e"
VALID = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjaGFubmVsIjoibWFpbiIsInNjb3BlIjoidmlldyIsImlhdCI6M"
    "Tc5NjAwNDgwNSwiZXhwIjozMzcyODA0ODA1LCJqdGkiOiJmZTc4NzFmMzE2ZmUifQ.JSuwZaVUrL0wQFoD801_9sZXCYmdZkAbRpkzq2qru4I"
)
REVOKED = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjaGFubmVsIjoibWFpbiIsInNjb3BlIjoidmlldyIsImlhdCI6M"
    "Tc5NjAwNDgwNSwiZXhwIjozMzcyODA0ODA1LCJqdGkiOiI1OTQ0ZTkwMDkzMmEifQ.SQ2ygX4iS4GjxUJvzGfiSerHk-lqYWkr4inZG9yUjgk"
)
TEXT = "The words that you read are WRITTEN down while I am speaking."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = shutil.copytree(FIXTURES / "data-0.1.0", tmp_path / "data")
    (copy / "secret").chmod(0o600)  # as the service made it; git does not keep that
    return copy


def client(service: Served, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False, timeout=30)


async def test_everything_that_0_1_0_stored_is_there(folder: Path) -> None:
    options = ("--require-token", "--config", str(FIXTURES / "settings-0.1.0.toml"))
    async with served(folder, *options) as service:
        async with client(service, VALID) as viewer:
            assert TEXT in (await viewer.get("/api/channels/main/transcript.txt")).text
        async with client(service, REVOKED) as stranger:
            assert (await stranger.get("/api/channels/main/transcript.txt")).status_code == 401
        async with client(service, _admin_token(folder)) as admin:
            settings = (await admin.get("/api/channels/main/settings")).json()
            assert settings["vocabulary"]["replacements"] == {"written": "WRITTEN"}
            assert settings["names"] == {"Demo": "Ada"}
            assert (await admin.get("/api/channels/main/styles")).json() == {"game": {"size": 120}}

            (session,) = (await admin.get("/api/sessions")).json()["sessions"]
            assert (session["id"], session["captions"]) == (SESSION, 5)
            (found,) = (await admin.get("/api/sessions", params={"q": "viewers"})).json()["sessions"]
            assert found["id"] == SESSION
            subtitles = (await admin.get(f"/api/sessions/{SESSION}/transcript.srt")).text
            assert subtitles.count("-->") >= 5
            recording = await admin.get(f"/api/sessions/{SESSION}/recordings/1-Demo.opus")
            assert recording.content == (FIXTURES / "data-0.1.0/recordings" / SESSION / "1-Demo.opus").read_bytes()
    assert "audio_context" in service.log


async def test_a_recording_of_0_1_0_can_be_read(folder: Path) -> None:
    assert inspect(folder / "recordings" / SESSION / "1-Demo.opus").seconds == pytest.approx(27.3, abs=0.5)


def _admin_token(folder: Path) -> str:
    command = [sys.executable, "-m", "surtitle", "token", "--scope", "admin", "--channel", "*", "--quiet"]
    done = subprocess.run([*command, "--data-dir", str(folder)], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()
