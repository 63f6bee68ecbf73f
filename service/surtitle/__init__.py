"""Surtitle: live captions for anything a browser tab or OBS can play.

The names in ``__all__`` are the public interface; everything else may change between versions.

>>> import surtitle
>>> engine = surtitle.load_engine("base")
>>> for caption in surtitle.stream_captions(engine, blocks, language="en"):  # float32 arrays, 16 kHz mono
...     print(caption.text, "" if caption.final else "…")

`create_app` makes the whole service as an ASGI application to be mounted in another one.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surtitle.captions.caption import Caption
    from surtitle.core.errors import EngineError, ModelError, SurtitleError
    from surtitle.core.settings import Settings
    from surtitle.core.words import Word
    from surtitle.embedding import CaptionStream, load_engine, stream_captions
    from surtitle.speech.engine import Engine
    from surtitle.web.app import create_app

# onnxruntime otherwise gives the computer an identifier, and sends Microsoft reports about the processes that use it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "Caption",
    "CaptionStream",
    "Engine",
    "EngineError",
    "ModelError",
    "Settings",
    "SurtitleError",
    "Word",
    "__version__",
    "create_app",
    "load_engine",
    "stream_captions",
]

_PLACES = {
    "Caption": "surtitle.captions.caption",
    "CaptionStream": "surtitle.embedding",
    "Engine": "surtitle.speech.engine",
    "EngineError": "surtitle.core.errors",
    "ModelError": "surtitle.core.errors",
    "Settings": "surtitle.core.settings",
    "SurtitleError": "surtitle.core.errors",
    "Word": "surtitle.core.words",
    "create_app": "surtitle.web.app",
    "load_engine": "surtitle.embedding",
    "stream_captions": "surtitle.embedding",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import surtitle`` takes no time."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
