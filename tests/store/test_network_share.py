from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.store import network_share
from surtitle.store.network_share import find_network_share, find_type
from tests.support import running

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/ann/My\\040Disk rw - fuseblk /dev/sdb1 rw
32 22 0:42 / /mnt/share rw - cifs //server/share rw
33 22 8:2 / /mnt/share rw - xfs /dev/sdc1 rw
34 22 0:43 / /srv/far rw - fuse.sshfs host:/ rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/surtitle", "ext4"),
        ("/home/ann/data", "nfs4"),
        ("/home/ann/My Disk/data", "fuseblk"),
        ("/homeless", "ext4"),
        ("/mnt/share/data", "xfs"),  # mounted over the share
        ("/srv/far", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_folder(path: str, kind: str) -> None:
    assert find_type(MOUNTS, Path(path)) == kind


def test_a_local_folder_is_no_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(network_share, "_MOUNTS", mounts)
    assert find_network_share(tmp_path) is None  # not Linux
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / {tmp_path.resolve()}/far rw - nfs server:/ rw\n")
    assert find_network_share(tmp_path) is None
    assert find_network_share(tmp_path / "far" / "data") == "nfs"


async def test_a_service_warns_of_a_data_folder_on_a_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 0 0:2 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(network_share, "_MOUNTS", mounts)
    async with running(data_dir=tmp_path / "data"):
        pass
    assert "is on a network share (nfs4)" in caplog.text
