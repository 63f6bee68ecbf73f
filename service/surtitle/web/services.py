"""The parts of the running service, which requests find by `services`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import Scope

from surtitle.access.authority import TokenAuthority
from surtitle.access.token_store import IssuedTokens, TokenStore
from surtitle.alerts.alerts import AlertPolicy, Alerts
from surtitle.bus.bus import Bus
from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.readable_track import ReadableTrack
from surtitle.channels.session import ORIGINAL, Session, StoredSession
from surtitle.closed_captions.outputs import Outputs
from surtitle.closed_captions.record_clock import RecordStatus
from surtitle.closed_captions.scenes import ScenePauses
from surtitle.core.metrics import Metrics
from surtitle.core.notifier import Notifier
from surtitle.core.settings import RECORDINGS, Settings
from surtitle.demo import Demo
from surtitle.ingest.ingests import Ingests
from surtitle.models.engines import Engines
from surtitle.outputs.manager import OutputManager, OutputPolicy
from surtitle.outputs.progress import ProgressFile, ProgressStore
from surtitle.outputs.text_file import FOLDER as OUTPUTS
from surtitle.outputs.track_readers import TrackReaders
from surtitle.recordings.file_transcriptions import FileTranscriptions
from surtitle.recordings.files import RecordingFiles
from surtitle.recordings.mix_jobs import Mixer
from surtitle.recordings.obs_recordings import ObsRecordings
from surtitle.recordings.recorder import Recorder
from surtitle.recordings.retranscription_jobs import Retranscriber
from surtitle.recordings.sessions import Sessions
from surtitle.recordings.storage import open_storage
from surtitle.recordings.transcript_folder import TranscriptFolder
from surtitle.recordings.uploader import RecordingUploader
from surtitle.store.journal import Store
from surtitle.store.journal_writer import JournalWriter
from surtitle.store.output_progress import SharedProgress
from surtitle.store.transcripts import Transcripts
from surtitle.store.voices import Voices
from surtitle.translation.translations import Translations
from surtitle.web.admission import AdmissionLimits
from surtitle.web.connections import ConnectionLimits
from surtitle.web.program_control import ProgramControl
from surtitle.web.status_board import StatusBoard
from surtitle.web.tickets import Tickets
from surtitle.web.uploads import Uploads

log = logging.getLogger("surtitle.web")

_FLUSH_TIMEOUT = 1.0  # further seconds that open captions have to become final when the service stops
_CLOSE_TIMEOUT = 3.0  # seconds in which a part of the service has to close
_HUB_TIMEOUT = 6.0  # the same for all sources together
_WRITE_TIMEOUT = 12.0  # the same for what writes captions and recordings, which a slow disk may delay


@dataclass(frozen=True, slots=True)
class Services:
    """What the endpoints use. The last six are None in a service without a store or outside of our own server."""

    settings: Settings
    engines: Engines
    metrics: Metrics
    hub: Hub
    translations: Translations
    outputs: Outputs
    output_manager: OutputManager
    track_readers: TrackReaders
    ingests: Ingests
    alerts: Alerts
    recorder: Recorder
    authority: TokenAuthority
    admission: AdmissionLimits
    tickets: Tickets
    file_transcriptions: FileTranscriptions
    uploads: Uploads
    demo: Demo
    status_board: StatusBoard
    journal_writer: JournalWriter | None
    transcripts: Transcripts | None
    sessions: Sessions | None
    obs_recordings: ObsRecordings | None
    connection_limits: ConnectionLimits | None
    program: ProgramControl | None
    bus: Bus | None

    @asynccontextmanager
    async def subscribe(self, channel: Channel, language: str | None) -> AsyncIterator[ReadableTrack]:
        """The track for a reader, which is translated as long as the block runs; None means the original.

        Raises `BusError`.
        """
        if self.bus is None:
            with self.translations.subscribe(channel, language) as track:
                yield track
        else:
            async with self.bus.follow(channel.name, language) as followed:
                yield followed

    @asynccontextmanager
    async def find_track(self, channel: Channel, language: str | None) -> AsyncIterator[ReadableTrack]:
        """The same for its transcript, which is not translated for that. Raises `BusError`."""
        if self.bus is None:
            yield channel.original if language is None else channel.translation(language)
        else:
            async with self.bus.follow(channel.name, language) as followed:
                yield followed

    @property
    def store_problem(self) -> str:
        """Why settings and captions cannot be saved, in one sentence; empty if they can."""
        return self.journal_writer.problem if self.journal_writer else ""


def services(connection: HTTPConnection) -> Services:
    """The services of the application that a request or WebSocket is for."""
    return services_in(connection.scope)


def services_in(scope: Scope) -> Services:
    """The same for middleware, which has only the ASGI scope."""
    found: Services = scope["app"].state.services
    return found


@asynccontextmanager
async def open_services(
    settings: Settings,
    store: Store | None,
    token_store: IssuedTokens | None,
    connection_limits: ConnectionLimits | None = None,
    program: ProgramControl | None = None,
) -> AsyncIterator[Services]:
    """Create and start all services; close them in the reverse order when the block ends.

    If creating one fails, those that exist are closed; if closing one fails or takes too long, that is logged and the
    others are closed.
    """
    async with AsyncExitStack() as stack:

        def close_later(name: str, close: Callable[[], Awaitable[object]], timeout: float = _CLOSE_TIMEOUT) -> None:
            stack.push_async_callback(_close, name, close, timeout)

        changes = Notifier()  # of what dashboards show
        authority = TokenAuthority(settings, token_store or TokenStore(None))
        close_later("the token authority", authority.close)
        if store:
            close_later("the database", lambda: asyncio.to_thread(store.close))
        engines = Engines(settings, changes)
        close_later("the engines", engines.close)
        transcripts = Transcripts(store.database) if store else None
        transcript_folder = None
        if transcripts and settings.transcripts:
            transcript_folder = TranscriptFolder(settings.transcripts, transcripts, changes)
        journal_writer = None
        bus: Bus | None = None

        async def close_bus() -> None:
            if bus is not None:
                await bus.close()

        def give_up(channel: Channel) -> None:
            if bus is not None:
                bus.release(channel)

        def give_up_session(session: Session) -> None:
            channel = hub.find_channel(session.channel)
            if channel is not None and not channel.session.is_newer(session):
                give_up(channel)

        close_later("the bus", close_bus)  # after the hub, whose last captions it publishes
        if store:
            on_caption = transcript_folder.note if transcript_folder else _ignore_caption
            journal_writer = JournalWriter(store, changes, on_caption, give_up_session)
            close_later("the journal writer", journal_writer.close, _WRITE_TIMEOUT)
        if transcript_folder:
            close_later("the transcripts", transcript_folder.close, _WRITE_TIMEOUT)
        recording_files = uploader = None
        if store and transcripts and settings.data_dir:
            storage = open_storage(settings.recordings) if settings.recordings else None
            folder = settings.data_dir / RECORDINGS
            recording_files = RecordingFiles(folder, transcripts, storage, shared=store.shared)
            if storage or store.shared:
                uploader = RecordingUploader(recording_files, changes)
                close_later("copies of recordings", uploader.close, _WRITE_TIMEOUT)
        recorder = Recorder(
            recording_files,
            settings.recording_format,
            journal_writer.flush if journal_writer else _skip_flush,
            settings.unstored_channels,
            uploader,
        )
        close_later("the recorder", recorder.close, _WRITE_TIMEOUT)
        metrics = Metrics()
        hub = Hub(settings, engines, journal_writer, metrics, recorder, changes, Voices(store) if store else None)
        close_later("the hub", lambda: hub.close(_FLUSH_TIMEOUT), _HUB_TIMEOUT)
        translations = Translations(settings, hub.sources, changes)
        close_later("translations", translations.close)
        if settings.bus:
            bus = Bus(settings.bus, hub, translations, store, settings.limits.captions, changes)
            hub.register(bus)
        obs_recordings = None
        if journal_writer and transcripts:
            obs_recordings = ObsRecordings(transcripts, journal_writer.flush)
            close_later("OBS's recordings", obs_recordings.close)
        on_record = obs_recordings.note if obs_recordings else _ignore_record_status
        outputs = Outputs(hub.sources.position, translations, on_record)
        close_later("closed captions", outputs.close)
        scene_pauses = ScenePauses()
        close_later("the scenes in OBS", scene_pauses.close)
        text_folder = settings.outputs_dir or (settings.data_dir / OUTPUTS if settings.data_dir else None)
        progress: ProgressStore
        if store and store.shared and not store.database.sqlite:
            progress = SharedProgress(store)
        else:
            progress = await asyncio.to_thread(ProgressFile, settings.data_dir if store else None)
        output_manager = OutputManager(
            translations, outputs, progress, OutputPolicy(text_folder, settings.private_outputs), give_up
        )
        close_later("outputs", output_manager.close)
        track_readers = TrackReaders(translations)
        close_later("readers of playlists", track_readers.close)
        ingests = Ingests(hub, allow_private=settings.access.private_ingest)
        close_later("ingests", ingests.close)
        policy = AlertPolicy(
            settings.data_dir if store else None,
            settings.limits.free_disk,
            settings.private_outputs,
            settings.unstored_channels,
        )
        alerts = Alerts(hub, output_manager, changes, policy)
        close_later("alerts", alerts.close)
        hub.register(outputs, scene_pauses, translations, recorder, output_manager, ingests, alerts)
        if transcript_folder:
            hub.register(transcript_folder)
        await recorder.recover()
        if store:
            limits = settings.limits
            await asyncio.to_thread(store.adopt)
            stored_sessions = list[StoredSession]()
            if not settings.bus:  # with a bus, services take over channels when somebody publishes to them
                stored = await asyncio.to_thread(store.settings)
                stored_sessions = await asyncio.to_thread(store.load_sessions, limits.channels // 2, limits.captions)
                hub.restore(stored, stored_sessions)
            if journal_writer:
                await journal_writer.flush()  # before anybody connects: see `RunningSession.restore`
            if transcript_folder and journal_writer:
                spoken = [one.session for one in stored_sessions if one.tracks.get(ORIGINAL)]
                transcript_folder.start(journal_writer.flush, spoken)
        sessions = None
        if journal_writer and transcripts and recording_files:
            mixer, retranscriber = Mixer(recording_files.fetch), Retranscriber(settings)
            close_later("the mixer", mixer.close)
            close_later("second passes", retranscriber.close)
            sessions = Sessions(
                hub, journal_writer, transcripts, recording_files, recorder, mixer, retranscriber, transcript_folder
            )
        uploads = Uploads(settings)
        close_later("uploads", uploads.close)
        await asyncio.to_thread(uploads.clean)
        file_transcriptions = FileTranscriptions(settings, metrics)
        close_later("file transcriptions", file_transcriptions.close)
        demo = Demo(settings, changes)
        close_later("the demo", demo.close)
        writers = [writer for writer in (journal_writer, transcript_folder, uploader) if writer]
        status_board = StatusBoard(
            engines,
            hub,
            demo,
            lambda: next((one.problem for one in writers if one.problem), bus.problem if bus else ""),
            alerts,
            changes,
            program,
            bus,
        )
        close_later("the status board", status_board.close)
        authority.start()
        engines.start()
        status_board.start()
        alerts.start()
        if program:
            close_later("the program", program.close)
            program.attach(changes)
        yield Services(
            settings=settings,
            engines=engines,
            metrics=metrics,
            hub=hub,
            translations=translations,
            outputs=outputs,
            output_manager=output_manager,
            track_readers=track_readers,
            ingests=ingests,
            alerts=alerts,
            recorder=recorder,
            authority=authority,
            admission=AdmissionLimits(hub, settings.limits, settings.tenants),
            tickets=Tickets(),
            file_transcriptions=file_transcriptions,
            uploads=uploads,
            demo=demo,
            status_board=status_board,
            journal_writer=journal_writer,
            transcripts=transcripts,
            sessions=sessions,
            obs_recordings=obs_recordings,
            connection_limits=connection_limits,
            program=program,
            bus=bus,
        )


async def _close(name: str, close: Callable[[], Awaitable[object]], timeout: float) -> None:
    """Close a part; one that takes longer than ``timeout`` seconds is left behind, because the process ends anyway."""
    closing = asyncio.ensure_future(close())
    try:
        await asyncio.wait({closing}, timeout=timeout)
    finally:
        ended = closing.done()
        closing.cancel()
    if not ended:
        log.error("closing %s takes longer than %g s, and is abandoned", name, timeout)
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        log.error("closing %s failed", name, exc_info=error)


async def _skip_flush() -> None:
    """Stands in for `JournalWriter.flush` in a service that writes nothing."""


def _ignore_record_status(channel: Channel, status: RecordStatus) -> None:
    """Stands in for `ObsRecordings.note` in a service without a database."""


def _ignore_caption(session: Session, track: str, caption: Caption) -> None:
    """Stands in for `TranscriptFolder.note` in a service that writes no transcripts."""
