"""What Sortformer remembers of a source, as bytes. Pure.

The bytes are MessagePack, whose arrays are little-endian float32, so that frames are those of a stream that stays in
its process. They come from the network, so nothing in them is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from surtitle.audio import Samples

Array = NDArray[np.float32]

_FLOAT = np.dtype("<f4")
_MAX_SAMPLES = 16_000  # that wait for a column; there are hundreds
_MAX_FRAMES = 1 << 40  # of silence: more than a source can have


@dataclass(frozen=True, slots=True)
class Shape:
    """What the state of one model, at one latency, may look like; ``model`` tells it from others of the same size."""

    model: int
    mels: int
    width: int
    speakers: int
    max_left: int
    max_margin: int
    max_columns: int
    max_cache: int
    max_queue: int


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of a stream between two calls.

    ``columns``, shape (mels, n), are of the spectrogram. The first ``left`` of them are context, and ``samples`` begin
    ``margin`` columns before their end. ``cache`` and ``queue`` have embeddings of frames, shape (n, width), and
    ``cache_activity`` who speaks in those of the cache, shape (n, speakers); None until it has been full. ``silence``
    is the mean of the embeddings of ``silent_frames``.
    """

    samples: Samples
    margin: int
    columns: Array
    left: int
    cache: Array
    cache_activity: Array | None
    queue: Array
    silence: Array
    silent_frames: int


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    layout: Literal[1]
    model: int
    samples: bytes
    margin: int
    columns: bytes
    left: int
    cache: bytes
    cache_activity: bytes | None
    queue: bytes
    silence: bytes
    silent_frames: Annotated[int, msgspec.Meta(ge=0, le=_MAX_FRAMES)]


def pack_state(state: StreamState, shape: Shape) -> bytes:
    """``state`` as bytes."""
    return msgspec.msgpack.encode(
        _Packed(
            1,
            shape.model,
            _pack(state.samples),
            state.margin,
            _pack(state.columns),
            state.left,
            _pack(state.cache),
            None if state.cache_activity is None else _pack(state.cache_activity),
            _pack(state.queue),
            _pack(state.silence),
            state.silent_frames,
        )
    )


def unpack_state(data: bytes, shape: Shape) -> StreamState:
    """The state in ``data``. Raises ValueError unless a stream of this ``shape`` can have it."""
    try:
        packed = msgspec.msgpack.decode(data, type=_Packed)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the state is not understood: {error}") from None
    if packed.model != shape.model:
        raise ValueError("the state is that of another model")
    columns = _unpack(packed.columns, shape.mels, shape.max_columns, "columns", first=True)
    cache = _unpack(packed.cache, shape.width, shape.max_cache, "cache")
    activity = None
    if packed.cache_activity is not None:
        activity = _unpack(packed.cache_activity, shape.speakers, shape.max_cache, "activity")
        if len(activity) != len(cache):
            raise ValueError("the state has another number of frames in its cache than activity for them")
    silence = _unpack(packed.silence, shape.width, 1, "silence")
    if len(silence) != 1:
        raise ValueError("the state has no silence")
    if not 0 <= packed.left <= min(shape.max_left, columns.shape[1]):
        raise ValueError("the state has more context than columns")
    if not 0 <= packed.margin <= shape.max_margin:
        raise ValueError("the state has too many columns that its samples repeat")
    return StreamState(
        samples=_unpack(packed.samples, 1, _MAX_SAMPLES, "samples")[:, 0],
        margin=packed.margin,
        columns=columns,
        left=packed.left,
        cache=cache,
        cache_activity=activity,
        queue=_unpack(packed.queue, shape.width, shape.max_queue, "queue"),
        silence=silence[0],
        silent_frames=packed.silent_frames,
    )


def _pack(array: Array) -> bytes:
    return np.ascontiguousarray(array, dtype=_FLOAT).tobytes()


def _unpack(data: bytes, width: int, most: int, name: str, *, first: bool = False) -> Array:
    """Up to ``most`` rows of ``width`` finite numbers, or columns if ``first`` is the width. Raises ValueError."""
    count, rest = divmod(len(data), width * _FLOAT.itemsize)
    if rest or count > most:
        raise ValueError(f"the state's {name} have a wrong size")
    array = np.frombuffer(data, dtype=_FLOAT).astype(np.float32)  # a copy, because torch wants to be able to write
    if not np.isfinite(array).all():
        raise ValueError(f"the state's {name} are not all numbers")
    return array.reshape((width, count) if first else (count, width))
