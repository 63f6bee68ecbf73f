"""A translation model as a replica of the pool."""

from __future__ import annotations

from surtitle.inference.replica import Replica, Task
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.messages import TRANSLATION, VERSION, ModelInfo, TranslationAnswer, TranslationRequest
from surtitle.translation.translator import Text, Translator

_MAX_WAITING = 16  # requests of as many services


def create_translation(translator: Translator, token: str = "") -> Replica:
    """A replica that answers with a loaded model, one request at a time; ``token`` is the secret that requests need."""

    def translate(request: TranslationRequest) -> TranslationAnswer:
        texts = [Text(one.text, one.source, one.target, one.before) for one in request.texts]
        if unknown := {code for text in texts for code in (text.source, text.target)} - translator.codes:
            raise ValueError(f"the model does not have the language {sorted(unknown)[0]}")
        return TranslationAnswer(tuple(translator.translate(texts)))

    info = ModelInfo(version=VERSION, task="translation", codes=tuple(sorted(translator.codes)))
    return Replica(info, {TRANSLATION: Task(TranslationRequest, translate)}, RequestQueue(1, _MAX_WAITING), token)
