"""The exception hierarchy.

Every error carries its answer on the wire: a short ``code`` for programs, a WebSocket close code, the equivalent
HTTP status, and one sentence for people.
"""

from __future__ import annotations

from typing import ClassVar


class SurtitleError(Exception):
    """Base of all errors that are reported to people or clients."""

    code: ClassVar[str] = "internal"
    close: ClassVar[int] = 1011
    status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        return str(self)


class BadRequest(SurtitleError):
    """The client sent something that the protocol does not define."""

    code = "bad_request"
    close = 4400
    status = 400


class BadOrder(BadRequest):
    """The client sent a valid message at the wrong time."""

    code = "bad_order"


class BadMethod(BadRequest):
    """The address exists, but not for this HTTP method."""

    code = "bad_method"
    status = 405


class UnsupportedFormat(BadRequest):
    """The audio format, sample rate or number of channels is not supported."""

    code = "unsupported_format"


class BadAudio(BadRequest):
    """The data cannot be decoded as audio."""

    code = "bad_audio"


class Unauthorized(SurtitleError):
    """The token is missing, invalid, expired or revoked."""

    code = "unauthorized"
    close = 4401
    status = 401


class TokenExpired(Unauthorized):
    """The token has expired while it was in use."""


class Forbidden(SurtitleError):
    """The request comes from a web page of another origin, or its token does not allow it."""

    code = "forbidden"
    close = 4403
    status = 403


class NoSuchChannel(SurtitleError):
    """There is no channel of this name, or the name is not valid for a channel."""

    code = "no_such_channel"
    close = 4404
    status = 404


class NoSuchFormat(SurtitleError):
    """Transcripts cannot be exported in this format."""

    code = "no_such_form"
    close = 4404
    status = 404


class NoSuchCaption(SurtitleError):
    """The caption is not stored any more, or not final yet."""

    code = "no_such_caption"
    close = 4404
    status = 404


class NoSuchProgram(SurtitleError):
    """The service is not run by a program that people installed by downloading it."""

    code = "no_such_program"
    close = 4404
    status = 404


class NoSuchIngest(SurtitleError):
    """The channel has no stream with this id."""

    code = "no_such_ingest"
    close = 4404
    status = 404


class NoSuchSession(SurtitleError):
    """The session is not stored, or does not have what was requested."""

    code = "no_such_session"
    close = 4404
    status = 404


class NoSuchToken(SurtitleError):
    """There is no token with this id."""

    code = "no_such_token"
    close = 4404
    status = 404


class NoSuchOutput(SurtitleError):
    """The channel has no output with this id."""

    code = "no_such_output"
    close = 4404
    status = 404


class NoSuchVoice(SurtitleError):
    """The channel knows no such voice."""

    code = "no_such_voice"
    status = 404


class AlertNotSent(SurtitleError):
    """The address to which alerts are sent does not take them."""

    code = "alert_not_sent"
    status = 502


class ObsFailed(SurtitleError):
    """OBS cannot be reached, or cannot do what it was asked for."""

    code = "obs_failed"
    status = 502


class NoSuchSegment(SurtitleError):
    """A segment of a playlist is not kept any more, or not complete yet."""

    code = "no_such_segment"
    close = 4404
    status = 404


class StillRecording(SurtitleError):
    """The request has to wait until a recording has ended."""

    code = "still_recording"
    close = 4409
    status = 409


class TimedOut(SurtitleError):
    """The client did not send anything for too long."""

    code = "timeout"
    close = 4408
    status = 408


class Replaced(TimedOut):
    """The source was resumed on another connection, which replaces this one."""

    code = "replaced"


class TooLong(TimedOut):
    """The source has lasted as long as it may. Its client can continue where it was, with a new source."""

    code = "too_long"


class TooLarge(SurtitleError):
    """A message or a setting is larger than the limit."""

    code = "too_large"
    close = 4413
    status = 413


class TooMany(SurtitleError):
    """A limit on the number of sources, readers or channels is reached."""

    code = "too_many"
    close = 4429
    status = 429


class TooFast(TooMany):
    """The client sends audio much faster than real time, and recognition cannot keep up."""

    code = "too_fast"


class EngineError(SurtitleError):
    """The recognizer could not be loaded, or it stopped working."""

    code = "engine_failed"


class ModelError(EngineError):
    """The requested model is missing or damaged."""

    code = "model_failed"


class Unreachable(ModelError):
    """The computer that has the model does not answer in time; it may later."""


class NotReady(ModelError):
    """The requested model is on its way, and only that can do what was asked for."""

    code = "not_ready"
    status = 503


class ShuttingDown(SurtitleError):
    """The service is shutting down."""

    code = "shutting_down"
    close = 1012
    status = 503

    def __init__(self, message: str = "The service is stopping: connect again in a moment.") -> None:
        super().__init__(message)


class Moved(ShuttingDown):
    """Another service captions the channel now. For clients, it is as if this one was stopping."""

    def __init__(self) -> None:
        super().__init__("Another server captions this channel now: connect again.")
