"""The script for OBS in Python in real OBS, shortly: `test_script.py` has everything, for the one in Lua."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.obs.bed import PYTHON_SCRIPT, obs, wait
from tests.obs.test_script import Service, click, live, released, reload, scripts_window
from tests.support import as_wav, silence, speech


def test_a_service_that_hangs_and_reloads(tmp_path: Path) -> None:
    media = tmp_path / "speech.wav"
    media.write_bytes(as_wav(np.concatenate([speech("Please close the door when you leave."), silence(1.0)])))
    service = Service(tmp_path)
    service.start()
    folder = tmp_path / "obs"
    folder.mkdir()
    try:
        with obs(folder, media=media, script={"server": service.url, "captions": True}, file=PYTHON_SCRIPT) as bed:
            bed.stream()
            live(service)
            service.hang()
            wait(lambda: "no longer accepts audio" in bed.log, 60)
            bed.stop_stream()
            wait(lambda: released(bed), 30)  # a script that is unloaded before leaves it to OBS
            service.go_on()
            bed.stream()
            live(service)
            wait(lambda: service.get("/api/channels/main/transcript.json")["captions"], 60)
            window = scripts_window(bed)
            reload(bed, window, 4, "python script: surtitle_obs.py")
            click(bed, window, 729, 463)  # close
            wait(lambda: "Connected (" in bed.log.rpartition("Loaded python script")[2], 60)
            bed.stop_stream()
            wait(lambda: released(bed), 30)
            bed.quit()
            assert "Number of memory leaks: 1" in bed.log
            assert "Traceback" not in bed.log
    finally:
        service.kill()
