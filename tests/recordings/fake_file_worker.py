"""Stands in for `surtitle.recordings.file_worker`: does what the file says, such as "words Hello there." or "hang".

It imports nothing of ours, so that it starts quickly.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

import msgspec


def read() -> Any:
    header = sys.stdin.buffer.read(4)
    if len(header) < 4:
        sys.exit()
    return msgspec.msgpack.decode(sys.stdin.buffer.read(struct.unpack("<I", header)[0]))


def send(**answer: Any) -> None:
    data = msgspec.msgpack.encode(answer)
    sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
    sys.stdout.flush()


def main() -> None:
    while True:
        action, _, rest = Path(read()["path"]).read_text(encoding="utf-8", errors="replace").strip().partition(" ")
        if action == "crash":
            os._exit(3)
        if action in ("bad_audio", "engine_failed"):
            send(type="failed", code=action, message=rest)
            continue
        for at, text in enumerate(rest.split()):
            word = {"text": text, "start": at + 0.1, "end": at + 0.9, "probability": 0.9, "spaced": True}
            send(type="words", until=at + 1.0, language="en", words=[word])
        if action == "hang":
            time.sleep(600)
        if action == "garbage":
            send(type="unknown")
        send(type="done", duration=float(len(rest.split())), language="en")


if __name__ == "__main__":
    main()
