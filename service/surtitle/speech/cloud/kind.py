"""The clouds as kinds of engines: `openai` and `deepgram`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from surtitle.speech.cloud import deepgram, openai
from surtitle.speech.cloud.access import CloudAccess, CloudSettings
from surtitle.speech.cloud.engine import CloudEngine
from surtitle.speech.cloud.protocol import Cloud
from surtitle.speech.cloud.service import CloudService
from surtitle.speech.kinds import EngineOptions, OfferedModel, split_name


@dataclass(frozen=True, slots=True)
class CloudKind:
    """A kind of cloud. `auto` never chooses it: a person has to name it, and to set its key."""

    name: str
    settings: CloudSettings
    offered: tuple[str, ...]
    make: Callable[[CloudAccess, str], Cloud]
    local: bool = False
    files: None = None

    @property
    def title(self) -> str:
        return self.settings.title

    @property
    def models(self) -> Sequence[OfferedModel]:
        return tuple(OfferedModel(name) for name in self.offered)

    @property
    def default(self) -> str:
        return self.offered[0]

    def problem(self) -> str:
        return self.settings.problem(os.environ)

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> CloudEngine:
        """Connect once, so that a wrong key is known before anybody speaks. Raises `ModelError`."""
        access = self.settings.read(os.environ)
        cloud = self.make(access, split_name(model)[1])
        engine = CloudEngine(CloudService(cloud, local=access.local), model)
        try:
            engine.check()
        except BaseException:
            engine.close()
            raise
        return engine


DEEPGRAM = CloudKind("deepgram", deepgram.SETTINGS, deepgram.MODELS, deepgram.Deepgram)
OPENAI = CloudKind("openai", openai.SETTINGS, openai.MODELS, openai.OpenAI)
