"""The one exception tree.

Every error carries the answer it has on the wire: a short ``code`` for programs, a
WebSocket close code, the HTTP status that says the same, and one sentence for people.
"""

from __future__ import annotations

from typing import ClassVar


class SurtitleError(Exception):
    """Base of all errors that a person or a client is told about."""

    code: ClassVar[str] = "internal"
    close: ClassVar[int] = 1011
    status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        return str(self)


class BadRequest(SurtitleError):
    """The client said something that the protocol does not know."""

    code = "bad_request"
    close = 4400
    status = 400


class BadOrder(BadRequest):
    """The client said the right thing at the wrong time."""

    code = "bad_order"


class UnsupportedFormat(BadRequest):
    """The audio format, rate or number of channels is not one we take."""

    code = "unsupported_format"


class BadAudio(BadRequest):
    """What should be audio cannot be decoded."""

    code = "bad_audio"


class Unauthorized(SurtitleError):
    """There is no token, or it is not valid, or not any more."""

    code = "unauthorized"
    close = 4401
    status = 401


class Forbidden(SurtitleError):
    """A web page that is not ours tried to talk to the service, or a token does not allow what was asked for."""

    code = "forbidden"
    close = 4403
    status = 403


class NoSuchChannel(SurtitleError):
    """The name is not one that a channel can have."""

    code = "no_such_channel"
    close = 4404
    status = 404


class NoSuchForm(SurtitleError):
    """Transcripts are not written in this format."""

    code = "no_such_form"
    close = 4404
    status = 404


class NoSuchCaption(SurtitleError):
    """The caption is not kept, or not final yet."""

    code = "no_such_caption"
    close = 4404
    status = 404


class NoSuchSession(SurtitleError):
    """The session is not kept, or has not what was asked for."""

    code = "no_such_session"
    close = 4404
    status = 404


class NoSuchToken(SurtitleError):
    """No token of that id was given out."""

    code = "no_such_token"
    close = 4404
    status = 404


class StillRecording(SurtitleError):
    """What was asked for has to wait until a recording has ended."""

    code = "still_recording"
    close = 4409
    status = 409


class TimedOut(SurtitleError):
    """The client was silent for too long."""

    code = "timeout"
    close = 4408
    status = 408


class Replaced(TimedOut):
    """The source was resumed on another connection, so this one is over."""

    code = "replaced"


class TooLarge(SurtitleError):
    """One message or one setting is larger than we take."""

    code = "too_large"
    close = 4413
    status = 413


class TooMany(SurtitleError):
    """A limit on the number of sources, readers or channels is reached."""

    code = "too_many"
    close = 4429
    status = 429


class TooFast(TooMany):
    """The client sends much faster than real time, and recognition cannot follow."""

    code = "too_fast"


class EngineError(SurtitleError):
    """The recognizer could not be loaded or stopped working."""

    code = "engine_failed"


class ModelError(EngineError):
    """The model that was asked for is missing or broken."""

    code = "model_failed"


class ShuttingDown(SurtitleError):
    """The service is on its way out."""

    code = "shutting_down"
    close = 1012
    status = 503
