"""The newest lines in a text file, a title of vMix, and a text source of OBS."""

from __future__ import annotations

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from surtitle.channels.output_settings import ObsText, VMix
from surtitle.outputs import shown_text
from surtitle.outputs.obs_text import ObsTextTarget
from surtitle.outputs.text_file import TextFileTarget
from surtitle.outputs.vmix import VMixTarget
from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.outputs.bench import Bench, showing
from tests.outputs.fake_targets import FakeVMix, new_port, serving
from tests.support import until


async def test_a_file_has_the_lines_that_are_shown_and_is_empty_afterwards(tmp_path: Path) -> None:
    bench = Bench()
    file = tmp_path / "main" / "captions.txt"
    async with showing(bench, TextFileTarget(tmp_path, "main", "captions.txt")) as output:
        await until(lambda: output.state.name == "waiting")
        assert file.read_text() == ""
        name = bench.say("Good evening, and", final=False)
        await until(lambda: file.read_text() == "Good evening, and\n")
        bench.say("Good evening, and welcome to all of you, wherever you listen, at home", name, rev=2)
        shown = "Good evening, and welcome to all of you,\nwherever you listen, at home\n"
        await until(lambda: file.read_text() == shown)
        await until(lambda: output.state.name == "sending")
        bench.channel.clear()
        await until(lambda: file.read_text() == "")
        bench.say("Über")
        await until(lambda: file.read_text(encoding="utf-8") == "Über\n")
    assert file.read_text() == ""
    assert [path.name for path in file.parent.iterdir()] == ["captions.txt"]


async def test_a_folder_that_cannot_be_written_is_said_and_used_when_it_can(tmp_path: Path) -> None:
    bench = Bench()
    (tmp_path / "main").write_text("in the way")
    async with showing(bench, TextFileTarget(tmp_path, "main", "captions.txt")) as output:
        await until(lambda: output.state.name == "failed")
        assert output.state.message.startswith("Cannot write captions.txt (")
        (tmp_path / "main").unlink()
        await until(lambda: output.state.name == "waiting")
    async with showing(bench, TextFileTarget(None, "main", "captions.txt")) as output:
        await until(lambda: "--outputs-dir" in output.state.message)


async def test_a_file_that_is_removed_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_text, "_CHECK_INTERVAL", 0.05)
    bench = Bench()
    file = tmp_path / "main" / "captions.txt"
    async with showing(bench, TextFileTarget(tmp_path, "main", "captions.txt")):
        bench.say("Good evening.")
        await until(lambda: file.exists() and file.read_text() == "Good evening.\n")
        shutil.rmtree(file.parent)
        await until(lambda: file.exists() and file.read_text() == "Good evening.\n")


async def test_a_title_of_vmix_is_changed_at_most_four_times_a_second() -> None:
    bench = Bench()
    fake = FakeVMix(new_port())
    async with serving(fake):
        target = VMixTarget(VMix(id="o1", input="Captions", port=fake.port))
        async with showing(bench, target) as output:
            await until(lambda: fake.texts == [""])
            text, name = "", ""
            for rev in range(1, 13):
                text = f"{text} word".strip()
                name = bench.say(text, name, rev=rev, final=False)
                await asyncio.sleep(0.06)
            bench.say("The end & <more>.", name, rev=13)
            await until(lambda: fake.texts[-1] == "The end & <more>.")
            await until(lambda: output.state.name == "sending")
    assert fake.texts[-1] == ""
    pauses = [later.at - earlier.at for earlier, later in pairwise(fake.requests[:-1])]
    assert min(pauses) > 0.2
    assert len(fake.texts) < 10


async def test_a_vmix_that_is_closed_or_has_no_such_title_is_said() -> None:
    bench = Bench()
    fake = FakeVMix(new_port())
    async with showing(bench, VMixTarget(VMix(id="o1", input="Captions", port=fake.port))) as output:
        await until(lambda: "start vMix" in output.state.message)
        async with serving(fake):
            bench.say("back")
            await until(lambda: "back" in fake.texts)
    async with (
        serving(fake),
        showing(bench, VMixTarget(VMix(id="o1", input="Missing", port=fake.port))) as output,
    ):
        await until(lambda: "vMix has no field Message.Text in the input Missing" in output.state.message)


async def test_a_text_source_of_obs_has_the_lines_that_are_shown() -> None:
    bench = Bench()
    async with fake_obs() as obs:
        obs.inputs["Captions"] = {"text": "", "font": "kept"}
        settings = ObsText(id="o1", source="Captions", port=obs.port, password=PASSWORD)
        async with showing(bench, ObsTextTarget(settings)) as output:
            bench.say("Good evening.")
            await until(lambda: obs.inputs["Captions"] == {"text": "Good evening.", "font": "kept"})
            await until(lambda: output.state.name == "sending")
            for connection in list(obs.connections):
                await connection.close()
            bench.say("Again.")
            await until(lambda: obs.inputs["Captions"]["text"].endswith("Again."))
        assert obs.inputs["Captions"]["text"] == ""


async def test_an_obs_without_the_source_or_with_another_password_is_said() -> None:
    bench = Bench()
    async with fake_obs() as obs:
        settings = ObsText(id="o1", source="Captions", port=obs.port, password=PASSWORD)
        async with showing(bench, ObsTextTarget(settings)) as output:
            await until(lambda: "OBS has no source named Captions" in output.state.message)
            obs.inputs["Captions"] = {"text": "old"}
            await until(lambda: output.state.name == "waiting")
        settings = ObsText(id="o1", source="Captions", port=obs.port, password="wrong")
        async with showing(bench, ObsTextTarget(settings)) as output:
            await until(lambda: output.state.name == "refused")
    async with showing(bench, ObsTextTarget(settings)) as output:
        await until(lambda: "start OBS" in output.state.message)


async def test_a_delay_shifts_what_is_shown(tmp_path: Path) -> None:
    bench = Bench()
    file = tmp_path / "main" / "captions.txt"
    async with showing(bench, TextFileTarget(tmp_path, "main", "captions.txt"), delay=0.5):
        await until(file.exists)
        began = asyncio.get_running_loop().time()
        bench.say("later")
        await until(lambda: file.read_text() == "later\n")
        assert asyncio.get_running_loop().time() - began >= 0.5
