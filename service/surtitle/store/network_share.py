"""Whether a folder is on a network share, on which SQLite's locks and shared memory cannot be relied on."""

from __future__ import annotations

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK_TYPES = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
        *("smb3", "smbfs", "fuse.ceph", "fuse.curlftpfs", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs"),
        *("fuse.gvfsd-fuse", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs"),
    }
)
"""The names of file systems in Linux. Other file systems in user space, such as for NTFS, are local as a rule."""


def find_network_share(folder: Path) -> str | None:
    """The type of the network file system that holds a folder, or None. The folder need not exist.

    Only Linux is asked; elsewhere the answer is None.
    """
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = find_type(mounts, folder.resolve())
    return kind if kind in _NETWORK_TYPES else None


def find_type(mounts: str, path: Path) -> str:
    """The type of the file system that holds an absolute path, according to Linux's ``mountinfo``; "" if unknown."""
    found, kind = Path(), ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        mount = Path(_unescape(fields[4]))
        if path.is_relative_to(mount) and len(mount.parts) >= len(found.parts):  # the last of equals covers the others
            found, kind = mount, after.split(" ")[0]
    return kind


def describe_network_share(folder: Path, kind: str) -> str:
    """What is wrong with a data folder on a network share, in one sentence."""
    return (
        f"The data folder {folder} is on a network share ({kind}), where the database may be damaged: choose a local "
        "folder with --data-dir, or use PostgreSQL with --database."
    )


def _unescape(name: str) -> str:
    """A name in mountinfo, in which spaces and the like are octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name)
