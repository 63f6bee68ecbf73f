"""The JSON that the pages and the extension read, as types; `scripts/protocol_types.py` makes TypeScript of them.

What is sent is constructed as one of these types, so the type checker finds a field that is missing, unknown or of
another type.

A channel's settings are in `channels.settings`, its styles in `channels.style`, and what clients send is in the module
that decodes it: `web.messages`, `web.corrections`. docs/protocol.md explains all of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

Clock = Annotated[float, Meta(description="seconds on the channel's clock")]
Seconds = Annotated[float, Meta(description="seconds")]
Timestamp = Annotated[float, Meta(description="seconds since 1970")]
Share = Annotated[float, Meta(description="0 to 1")]
Sentence = Annotated[str, Meta(description="one sentence for people; empty when there is nothing to say")]


TranslationState = Literal["waiting", "fetching", "loading", "live", "behind", "failed"]
ClosedCaptionsState = Literal[
    "off", "connecting", "not_connected", "not_streaming", "refused", "sending", "wrong_password"
]
OutputState = Literal["off", "connecting", "waiting", "sending", "refused", "behind", "failed"]
OutputKind = Literal["caption_url", "webhook", "text_file", "obs_text", "vmix", "obs"]
AlertKind = Literal["no_sound", "stopped", "no_words", "lag", "output", "disk", "test"]
AlertState = Literal["raised", "recovered"]
SceneState = Literal["off", "connecting", "not_connected", "wrong_password", "connected"]
IngestState = Literal["connecting", "waiting", "receiving", "reconnecting", "refused", "failed", "ended"]
ScopeName = Literal["view", "publish", "admin"]
DiarizationState = Literal["off", "missing", "loading", "ready", "failed"]


class SourceState(StrEnum):
    """A source is away while its client is disconnected and may return."""

    LIVE = "live"
    AWAY = "away"
    ENDED = "ended"


class LoadState(StrEnum):
    """What happens to a model."""

    WAITING = "waiting"
    FETCHING = "fetching"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class JobState(StrEnum):
    """What happens to a second pass."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class UpdateState(StrEnum):
    """What is known about a newer version of the program; without updates, it is updated by other means."""

    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    CHECKING = "checking"
    CURRENT = "current"
    AVAILABLE = "available"
    FETCHING = "fetching"
    READY = "ready"
    FAILED = "failed"


class Change(StrEnum):
    """What a second pass did with words."""

    SAME = "same"
    REMOVED = "gone"
    ADDED = "new"


class ErrorMessage(TypedDict):
    """A refused request or message."""

    type: Literal["error"]
    code: str
    message: Annotated[str, Meta(description="one sentence: what happened and what to do")]


# Captions, as readers get them


class CaptionEvent(TypedDict):
    """One revision of a caption. What is shown is `text` followed by `tentative`."""

    id: str
    rev: Annotated[int, Meta(description="the highest revision wins")]
    source: str
    speaker: str | None
    start: Clock
    end: Clock
    text: Annotated[str, Meta(description="committed: changes only when a person corrects it")]
    tentative: Annotated[str, Meta(description="may still change")]
    final: bool
    lang: str


class SourceEvent(TypedDict):
    """The state of a source."""

    source: str
    state: SourceState
    engine: str
    language: str
    speaking: bool


class TranslationEvent(TypedDict):
    """The state of the translation that is being read."""

    language: str
    state: TranslationState
    message: Sentence


class PauseEvent(TypedDict):
    """Whether the channel is paused; while it is, overlays show nothing."""

    paused: bool


class Word(TypedDict):
    """A committed word."""

    w: Annotated[str, Meta(description="the word")]
    s: Annotated[float, Meta(description="start, seconds on the channel's clock")]
    e: Annotated[float, Meta(description="end, seconds on the channel's clock")]
    p: Annotated[float, Meta(description="probability, 0 to 1")]
    join: NotRequired[Annotated[bool, Meta(description="no space before it")]]
    speaker: NotRequired[str]


class FinalCaption(TypedDict):
    """A final caption in a transcript."""

    id: str
    source: str
    speaker: str | None
    start: Clock
    end: Clock
    text: str
    lang: str
    words: list[Word]


class TranscriptJson(TypedDict):
    """A transcript in JSON."""

    captions: list[FinalCaption]


class TrackHistory(TranscriptJson):
    """A transcript, and where a reader continues after it."""

    resume: str


class ChannelTranscript(TrackHistory):
    """A channel's transcript, and where a reader continues after it."""

    channel: str


# Messages to a publisher


class SourceStart(TypedDict):
    """The source that was started or resumed."""

    channel: str
    source: str
    engine: str
    language: str
    resume: str | None
    resumed: bool
    received: Annotated[float, Meta(description="seconds of this source that the service has already")]
    clock: Annotated[float, Meta(description="the source's first sample, in seconds on the channel's clock")]


class ReadyMessage(SourceStart):
    """The answer to `start`."""

    type: Literal["ready"]


class StatusMessage(TypedDict):
    """Something to know about the recognition of this source."""

    type: Literal["status"]
    engine: NotRequired[str]
    notice: Sentence


class LagMessage(TypedDict):
    """Recognition is behind, or has caught up."""

    type: Literal["lag"]
    seconds: Seconds
    skipped: Seconds


class PublishedCaption(TypedDict):
    """A caption of a publisher's own source."""

    id: str
    rev: int
    text: str
    speaker: NotRequired[str]
    ts: Clock
    te: Clock


class PartialMessage(PublishedCaption):
    """A caption that is still open."""

    type: Literal["partial"]
    stable: Annotated[int, Meta(description="characters at the beginning of `text` that are committed")]


class FinalMessage(PublishedCaption):
    """A caption that is final."""

    type: Literal["final"]
    words: list[Word]


class EndMessage(TypedDict):
    """All audio has been recognized."""

    type: Literal["end"]


class PublishSummary(SourceStart):
    """The answer to audio in a request's body, when all of it has been recognized."""

    type: Literal["end"]
    seconds: Annotated[float, Meta(description="seconds of audio received")]
    skipped: Seconds
    captions: int


class PublishSummaryWithNotice(PublishSummary):
    """The same, if there was something to know about the recognition."""

    notice: Sentence


# Events for the script in OBS


class ObsScreen(TypedDict):
    """The next screen of closed captions."""

    event: Literal["screen"]
    text: str


class ObsOverlay(TypedDict):
    """The text for a text source."""

    event: Literal["overlay"]
    text: str


class ObsTicket(TypedDict):
    """A key with which OBS publishes audio once."""

    event: Literal["ticket"]
    ticket: str


class ObsSource(TypedDict):
    """The source that OBS publishes."""

    name: str
    state: SourceState
    engine: str
    seconds: Annotated[int, Meta(description="seconds of audio received")]
    lag: Seconds


class ObsState(TypedDict):
    """What the script shows to the person who uses OBS."""

    event: Literal["state"]
    source: ObsSource | None
    caption: Annotated[str, Meta(description="the newest caption on screen")]
    closed_captions: Annotated[Literal["service", "script", "off"], Meta(description="what sends them")]
    refusal: Annotated[str, Meta(description="why closed captions cannot be written in this language")]
    page: NotRequired[Annotated[str, Meta(description="the overlay's address, where pages need a token")]]


# The state of the service


class ModelProgress(TypedDict):
    """A model that is being fetched or loaded."""

    model: str
    state: LoadState
    done: Annotated[float | None, Meta(description="share that is fetched, 0 to 1")]
    message: Annotated[str, Meta(description="why it failed")]


class SourceStatus(TypedDict):
    """One source of a channel."""

    name: str
    id: str
    state: SourceState
    engine: str
    model: str
    language: str
    notice: Sentence
    speaking: bool
    level: Annotated[float, Meta(description="decibels below full scale")]
    seconds: Annotated[float, Meta(description="seconds of audio received")]
    lag: Seconds
    skipped: Seconds
    waiting: Annotated[float, Meta(description="seconds of audio that are not recognized yet")]
    standby: Annotated[bool, Meta(description="whether it is not captioned, because another source is")]
    captions: int
    pace: Annotated[int, Meta(description="words a minute")]
    speakers_skipped: Annotated[float | None, Meta(description="seconds left out by the diarization; null without it")]


class ClosedCaptionsStatus(TypedDict):
    """Closed captions in OBS."""

    by: Annotated[Literal["obs-websocket", "script"] | None, Meta(description="who sends them")]
    state: ClosedCaptionsState
    message: Sentence
    text: Annotated[str, Meta(description="what viewers see")]
    sent: int
    skipped: Annotated[int, Meta(description="words that came too late to be sent")]


class SceneStatus(TypedDict):
    """The scenes in OBS during which captions pause."""

    state: SceneState
    message: Sentence
    scene: Annotated[str, Meta(description="the scene on program; empty if it is not known")]
    paused: Annotated[bool, Meta(description="whether this scene pauses captions")]


class OutputStatus(TypedDict):
    """A way out for a channel's captions."""

    id: str
    kind: OutputKind
    enabled: bool
    language: Annotated[str | None, Meta(description="of a translation; null for the spoken language")]
    delay: Seconds
    target: Annotated[str, Meta(description="a host, a file or a name, without anything secret")]
    state: OutputState
    message: Sentence
    sent: int
    skipped: Annotated[int, Meta(description="captions that could not be sent, or came too late")]


class OutputDescription(OutputStatus):
    """A way out with the settings of its kind."""

    settings: Annotated[
        dict[str, str | int | bool | None],
        Meta(description="without addresses and passwords, which can be set but are never returned"),
    ]


class OutputList(TypedDict):
    """The answer to `GET /api/channels/{channel}/outputs`."""

    outputs: list[OutputDescription]


class IngestDescription(TypedDict):
    """A stream whose audio the service fetches, or waits for."""

    id: str
    name: Annotated[str, Meta(description="the name of its source")]
    url: Annotated[str, Meta(description="its address, without passwords and keys")]
    language: str | None
    state: IngestState
    message: Sentence


class IngestList(TypedDict):
    """The streams of a channel."""

    ingests: list[IngestDescription]


class Alert(TypedDict):
    """Something that keeps captions from their readers, from when it is raised until it is well again."""

    id: str
    kind: AlertKind
    subject: Annotated[str, Meta(description="the name of a source or of an output; empty for the disk")]
    since: Timestamp
    message: Annotated[str, Meta(description="one sentence: what happened and what to do")]


class AlertStatus(TypedDict):
    """The alerts of a channel."""

    active: list[Alert]
    problem: Annotated[str, Meta(description="why the last alert could not be sent; empty if it was")]


class AlertMessage(Alert):
    """What a webhook gets when an alert is raised, and again when it is over."""

    event: Literal["alert"]
    channel: Annotated[str | None, Meta(description="null for an alert of the whole service")]
    state: AlertState


class RecordingStatus(TypedDict):
    """The recording of a channel."""

    on: bool
    automatic: Annotated[bool, Meta(description="whether every source is recorded")]
    possible: Annotated[bool, Meta(description="whether there is a folder for recordings")]
    seconds: Seconds
    bytes: int
    files: Annotated[int, Meta(description="files that are being written")]
    lost: Annotated[float, Meta(description="seconds that the disk was too slow for")]
    problem: Sentence


class EndedRecording(TypedDict):
    """A file of a recording that has been stopped."""

    session: str
    name: str
    path: str
    seconds: Seconds


class StoppedRecording(RecordingStatus):
    """The recording of a channel, after it was stopped."""

    ended: list[EndedRecording]


class RunningTranslation(TypedDict):
    """A language that the channel is being translated into."""

    language: str
    name: str
    state: TranslationState
    message: Sentence
    readers: int
    pinned: bool
    lag: Seconds
    skipped: Annotated[int, Meta(description="captions that were not translated")]


class TranslationStatus(TypedDict):
    """The translations of a channel, and their model."""

    model: str | None
    state: LoadState | None
    done: Annotated[float | None, Meta(description="share of the model that is fetched, 0 to 1")]
    message: Annotated[str, Meta(description="why there is no model")]
    languages: list[RunningTranslation]


class DiarizationStatus(TypedDict):
    """Whether speakers are told apart, and the state of the model that does it."""

    enabled: bool
    state: DiarizationState
    message: Annotated[str, Meta(description="why it failed")]
    voices: Annotated[int, Meta(description="people whose voices are known")]


class VoiceEntry(TypedDict):
    """A person whose voice is known."""

    id: str
    name: str
    added: Timestamp
    seconds: Annotated[float, Meta(description="of speech from which the voice is known")]


class VoiceList(TypedDict):
    """The known voices of a channel."""

    voices: list[VoiceEntry]


class ChannelBasics(TypedDict):
    """A channel with its sources."""

    name: str
    readers: int
    obs_overlays: Annotated[int, Meta(description="those of the readers that are browser sources in OBS")]
    captions: int
    language: str | None
    model: str | None
    paused: bool
    switch: Annotated[ModelProgress | None, Meta(description="the model that the channel is changing to")]
    diarization: DiarizationStatus
    sources: list[SourceStatus]


class ChannelStatus(ChannelBasics):
    """A channel with its sources, streams, outputs, scenes, alerts, recording and translations."""

    ingests: list[IngestDescription]
    closed_captions: ClosedCaptionsStatus
    scenes: SceneStatus
    outputs: list[OutputStatus]
    alerts: AlertStatus
    recording: RecordingStatus
    translation: TranslationStatus


class ChannelForReaders(TypedDict):
    """What the pages of readers need of a channel's state."""

    name: str
    language: str | None
    translation: TranslationStatus


class CartReceipt(TypedDict):
    """The answer to a captioner's text."""

    source: Annotated[str, Meta(description="the name that readers see")]
    seq: Annotated[int | None, Meta(description="the highest number so far")]


class PageLinks(TypedDict):
    """The addresses of a channel's pages for others."""

    viewer: str
    overlay: str


class EngineDescription(TypedDict):
    """The recognizer that new sources get."""

    engine: str
    model: str
    notice: Sentence
    choice: Annotated[str, Meta(description="why this model was chosen; empty if it was configured")]


class ProgramUpdate(TypedDict):
    """A newer version of the program."""

    state: UpdateState
    version: Annotated[str, Meta(description="the newer one; empty if none is known")]
    done: Annotated[Share | None, Meta(description="of the download")]
    message: Annotated[Sentence, Meta(description="what failed")]


class ProgramStatus(TypedDict):
    """The program on the person's computer that runs the service."""

    autostart: Annotated[bool, Meta(description="whether it starts with the computer")]
    check_for_updates: Annotated[bool, Meta(description="whether it looks for a newer version each day")]
    update: ProgramUpdate


class ServiceBasics(EngineDescription):
    """The state of the service, without its channels."""

    loading: Annotated[ModelProgress | None, Meta(description="the default model while it is on its way")]
    demo: bool
    alerts: Annotated[list[Alert], Meta(description="those of the whole service, such as of the disk")]
    program: Annotated[ProgramStatus | None, Meta(description="None if the service was started in another way")]


class ServiceStatus(ServiceBasics):
    """What `/api/status` sends whenever it changes."""

    channels: list[ChannelStatus]
    links: NotRequired[Annotated[dict[str, PageLinks], Meta(description="by channel, where pages need a token")]]


# Lists


class WhisperModel(TypedDict):
    """A recognition model that has a name."""

    name: str
    bytes: int | None
    here: Annotated[bool, Meta(description="whether it is on this computer")]
    source: str
    auto: bool


class TranslationModel(TypedDict):
    """A translation model that has a name."""

    name: str
    bytes: int


class TranslationModels(TypedDict):
    """All translation models that have a name."""

    models: list[TranslationModel]
    licence: str


class ModelList(TypedDict):
    """What `/api/models` answers."""

    models: list[WhisperModel]
    loaded: list[ModelProgress]
    translation: TranslationModels


class Language(TypedDict):
    """A language to translate into."""

    tag: str
    name: str
    own_name: str
    rtl: bool


class LanguageList(TypedDict):
    """What `/api/languages` answers."""

    languages: list[Language]


class TokenEntry(TypedDict):
    """A token that was given out; the token itself is told only once."""

    id: str
    name: str
    scope: ScopeName
    channel: str
    issued: Timestamp
    expires: Timestamp
    revoked: Annotated[float | None, Meta(description="seconds since 1970")]


class TokenList(TypedDict):
    """What `/api/tokens` answers."""

    tokens: list[TokenEntry]


class NewToken(TypedDict):
    """A token that was just made."""

    id: str
    token: str
    expires: Timestamp


# Sessions


class SessionAudio(TypedDict):
    """The mix of a session's recordings."""

    start: Clock
    seconds: Seconds
    ready: Share


class SessionRecording(TypedDict):
    """The recording of one source."""

    file: str
    source: str
    start: Clock
    seconds: Seconds
    bytes: int
    problem: Sentence


class SessionObsRecording(TypedDict):
    """A recording that OBS made during a session; ``file`` is its path on the computer with OBS, or empty."""

    number: int
    file: str
    start: Clock
    seconds: Annotated[float | None, Meta(description="null while it is made")]


class SecondPass(TypedDict):
    """A second transcription of a session."""

    state: JobState
    done: Share
    message: Sentence


class SearchHit(TypedDict):
    """A caption with the words that were searched for."""

    start: Clock
    text: str
    lang: str


class Session(TypedDict):
    """What was said on a channel without a long break."""

    id: str
    channel: str
    began: Timestamp
    ended: Annotated[float | None, Meta(description="seconds since 1970; null until it has ended")]
    captions: int
    seconds: Seconds
    beginning: Annotated[str, Meta(description="the first words")]
    versions: list[str]
    languages: Annotated[list[str], Meta(description="of its translations")]
    recording: bool
    audio: SessionAudio | None
    recordings: list[SessionRecording]
    obs_recordings: NotRequired[list[SessionObsRecording]]
    polish: NotRequired[SecondPass | None]
    hits: NotRequired[list[SearchHit]]


class SessionList(TypedDict):
    """What `/api/sessions` answers."""

    sessions: list[Session]


class DifferenceLine(TypedDict):
    """Consecutive words of one voice, in parts that are in both versions or in one."""

    start: Clock
    voice: str
    parts: list[tuple[Change, str]]


class SessionDifference(TypedDict):
    """What the second pass changed."""

    words: int
    new: int
    gone: int
    lines: list[DifferenceLine]
