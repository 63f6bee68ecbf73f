"""The constants of docs/scale.md that nothing else measures: bytes of a caption, and captions that a database takes.

Recordings of people go through the pipeline on the virtual clock, as from the service, and each event is encoded as it
is sent; then final captions are written as the journal writes them, into a PostgreSQL that is started for it.
`python -m benchmarks.constants --model base`
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks import clock, store
from benchmarks.models import find, from_environment
from benchmarks.recordings import recordings
from benchmarks.talk import talk
from surtitle.captions.caption import Caption
from surtitle.channels.session import new_session
from surtitle.channels.track import event_data
from surtitle.core.words import Word
from surtitle.store.journal import Batch, PendingCaption, Store
from tests.store.postgresql import postgresql

BATCH = 500  # captions that one service writes at once
BATCHES = 40
TEXT = "And so my fellow Americans ask not what your country can do for you"


def measure_bytes(model: str, seconds: float) -> dict[str, float]:
    """Events per second of speech and what a reader gets of them, with the frame of a WebSocket but without TCP's."""
    found = find(model, from_environment())
    spoken = talk(recordings(found, "en"), seconds)
    sizes: list[int] = []
    finals = 0

    def note(captions: list[Caption]) -> None:
        nonlocal finals
        for caption in captions:
            data = msgspec.json.encode(event_data(caption)).decode()
            sizes.append(len(f'{{"event":"caption","id":"a1b2c3d4-1796090569618","data":{data}}}'.encode()) + 4)
            finals += caption.final

    engine = clock.load(found, {})
    try:
        clock.play(engine, spoken, on_captions=note)
    finally:
        engine.close()
    return {
        "events_per_second": len(sizes) / spoken.seconds,
        "bytes_per_event": sum(sizes) / len(sizes),
        "bytes_per_second": sum(sizes) / spoken.seconds,
        "finals_per_second": finals / spoken.seconds,
    }


def measure_store(folder: Path) -> dict[str, float]:
    """Final captions per second that one writer gets into PostgreSQL, which does not wait for the disk."""
    words = tuple(Word(word, 0.3 * at, 0.3 * at + 0.25) for at, word in enumerate(TEXT.split()))
    folder.chmod(0o755)
    with postgresql(_make(folder / "postgresql")) as server:
        store_ = Store(_make(folder / "data"), server.database())
        session = new_session("room", time.time(), "a1b2c3d4", 0, "c1")
        began = time.monotonic()
        for first in range(0, BATCH * BATCHES, BATCH):
            batch = Batch()
            batch.sessions[session.id] = session
            for number in range(first, first + BATCH):
                caption = Caption(f"c1-{number}", 3, "Host", "en", words, final=True)
                pending = PendingCaption(session, "", caption, number, lambda *_: None)
                batch.captions[(session.id, "", caption.id)] = pending
            store_.write(batch)
        seconds = time.monotonic() - began
        store_.close()
    return {"captions_per_second": BATCH * BATCHES / seconds}


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="base")
    parser.add_argument("--seconds", type=float, default=120.0, help="of speech")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure_bytes(options.model, options.seconds) | measure_store(Path(folder))
    for name, value in figures.items():
        print(f"{name:22}{value:10.2f}")
    store.save("constants", figures, [find(options.model, from_environment())])


if __name__ == "__main__":
    main()
