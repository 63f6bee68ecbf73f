"""Captions for YouTube, Zoom, Teams and Webex: texts that are posted to the address of a stream or a meeting.

All four take plain text. They differ in what is added to the address, in the text, and in what their answers mean.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from surtitle.channels.output_settings import CaptionUrl, find_dialect
from surtitle.outputs.caption_queue import QueueRules
from surtitle.outputs.http_client import Answer, HttpClient, Unanswered
from surtitle.outputs.progress import hash_target
from surtitle.outputs.pushed_captions import CaptionTarget, TimedText
from surtitle.outputs.state import TargetError, TargetNotReady, TargetRefused

_TIMEOUT = 2.5  # seconds to wait for an answer where a text that is sent again is not shown again
_PATIENT_TIMEOUT = 6.0  # seconds where it would be
_MAX_AGE = 30.0  # seconds that a caption may be late: nobody knows any more what it belongs to
_MAX_CLOCK_AGE = 300.0  # seconds until YouTube is asked for its clock again
_MAX_DRIFT = 1.0  # seconds by which the computer's clock may be set until YouTube is asked again
_MAX_LINE = 120  # characters in one text for Teams


def caption_url_target(settings: CaptionUrl, *, allow_private: bool) -> CaptionTarget:
    """The target for the dialect of these settings."""
    return _DIALECTS[settings.dialect or "webex"](settings, allow_private=allow_private)


class _CaptionUrl:
    """What the dialects have in common; as it is, it serves Webex."""

    name = "Webex"
    interval = 0.5
    timeout = _PATIENT_TIMEOUT
    first = 0  # the number of the first text

    def __init__(self, settings: CaptionUrl, *, allow_private: bool) -> None:
        self.key = hash_target(settings.url)
        self.rules = QueueRules(delay=settings.delay, max_age=_MAX_AGE)
        self.sequence = self.first
        encrypted = settings.url.startswith("https:") or settings.dialect == "youtube"  # whose links begin with http:
        known = encrypted and find_dialect(settings.target) is not None
        self._language = settings.language
        self._client = HttpClient(settings.url, known_host=known, allow_private=allow_private, timeout=self.timeout)

    @property
    def in_doubt(self) -> bool:
        return self._client.in_flight

    async def check(self) -> bool:
        return False

    async def send(self, caption: TimedText) -> None:
        self._read(await self._post(caption.text + "\n"))

    async def close(self) -> None:
        await self._client.close()

    async def _post(self, text: str, **query: str | int) -> Answer:
        return await self._client.request(
            "POST", query=query, body=text.encode(), headers={"content-type": "text/plain"}
        )

    def _read(self, answer: Answer) -> None:
        """Raises `TargetError` for an answer other than success."""
        status = answer.status
        if status < 300:
            return
        if status < 400:
            raise TargetError(f"{self.name} answers with another address, which is not followed: copy the link again.")
        if status in (401, 403, 410):
            raise TargetRefused(f"{self.name} refuses the link, which may have expired: copy the link again.")
        if status in (400, 404):
            raise TargetNotReady(
                f"{self.name} takes no captions yet: what is said until it has started with captions on is left out."
            )
        if answer.is_busy:
            raise answer.error(f"{self.name} is busy (status {status}): captions wait until it takes them again.")
        if status >= 500:
            raise answer.error(f"{self.name} has failed (status {status}): copy the link again if this continues.")
        raise answer.error(f"{self.name} does not take captions (status {status}): copy the link again.")


class _Teams(_CaptionUrl):
    """Each text becomes a line, which should be short."""

    name = "Teams"

    def __init__(self, settings: CaptionUrl, *, allow_private: bool) -> None:
        super().__init__(settings, allow_private=allow_private)
        self._sending = ""  # the id of a caption
        self._lines: list[str] = []  # those of its text that were not taken yet

    async def send(self, caption: TimedText) -> None:
        if caption.caption.id != self._sending:
            self._sending, self._lines = caption.caption.id, split_text(caption.text, _MAX_LINE)
        while self._lines:
            try:
                self._read(await self._post(self._lines[0]))
            except Unanswered as error:
                if error.sent:  # this line may have arrived, but not those after it
                    del self._lines[0]
                raise Unanswered(str(error), sent=error.sent, repeatable=bool(self._lines)) from error
            del self._lines[0]
        self._sending = ""


class _Numbered(_CaptionUrl):
    """Texts have numbers: one that is sent again with the same number is not shown again."""

    timeout = _TIMEOUT

    async def send(self, caption: TimedText) -> None:
        try:
            answer = await self._post_numbered(caption)
        except Unanswered as error:
            raise Unanswered(str(error), sent=error.sent, repeatable=True) from error
        self._read(answer)
        self.sequence += 1

    async def _post_numbered(self, caption: TimedText) -> Answer:
        raise NotImplementedError


class _Zoom(_Numbered):
    """Zoom knows the number of the last text, and refuses others than the next."""

    name = "Zoom"
    first = 1

    def __init__(self, settings: CaptionUrl, *, allow_private: bool) -> None:
        super().__init__(settings, allow_private=allow_private)
        self._unanswered = ""  # the id of a caption

    async def check(self) -> bool:
        answer = await self._client.request("GET", path=self._client.path.rstrip("/") + "/seq")
        self._read(answer)
        if not answer.text.strip().isdecimal():
            return False
        self.sequence = int(answer.text.strip()[:9]) + 1
        return True

    async def _post_numbered(self, caption: TimedText) -> Answer:
        number, again = self.sequence, caption.caption.id == self._unanswered
        self._unanswered = caption.caption.id
        answer = await self._post_text(caption)
        if answer.status == 403 and await self.check():  # the signature is right, so the number was not
            if again and self.sequence == number + 1:
                self.sequence = number  # the answer to the first attempt was lost
                answer = Answer(200, "")
            else:
                answer = await self._post_text(caption)
        self._unanswered = ""
        return answer

    async def _post_text(self, caption: TimedText) -> Answer:
        language = self._language or caption.caption.language
        language = "en-US" if language in ("", "auto", "en") else language
        return await self._post(caption.text + "\n", seq=self.sequence, lang=language)


class _YouTube(_Numbered):
    """Texts have times by YouTube's clock, which is its answer to an empty text."""

    name = "YouTube"
    interval = 1.0
    in_doubt = False  # it gets the same number after a restart

    def __init__(self, settings: CaptionUrl, *, allow_private: bool) -> None:
        super().__init__(settings, allow_private=allow_private)
        self._offset = time.time() - time.monotonic()  # from our monotonic clock to YouTube's, in seconds since 1970
        self._asked = float("-inf")
        self._drift = 0.0  # from our monotonic clock to the computer's clock when YouTube's was learned
        self._newest = float("-inf")  # time of the newest text by YouTube's clock: no later one may be earlier

    async def check(self) -> bool:
        began = time.monotonic()
        answer = await self._post("", seq=self.sequence)
        self._read(answer)
        self._asked = time.monotonic()
        return self._set_clock(answer, began)

    async def _post_numbered(self, caption: TimedText) -> Answer:
        if time.monotonic() - self._asked > _MAX_CLOCK_AGE or abs(_clock_drift() - self._drift) > _MAX_DRIFT:
            await self.check()
        now = time.monotonic() + self._offset
        self._newest = min(max(self._newest, now - caption.ago), now)
        began = time.monotonic()
        answer = await self._post(f"{format_time(self._newest)}\n{caption.text}\n", seq=self.sequence)
        if answer.status < 300 and self._set_clock(answer, began):
            self._asked = time.monotonic()
        return answer

    def _set_clock(self, answer: Answer, began: float) -> bool:
        """Learn YouTube's clock from an answer to a request that began at ``began``; False if it has no time.

        The monotonic clock continues when somebody sets the computer's, but stands still while the computer sleeps.
        """
        self._drift = _clock_drift()
        try:
            theirs = datetime.fromisoformat(answer.text.strip()[:40])
        except ValueError:
            return False
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=UTC)
        if not 2000 < theirs.year < 3000:
            return False
        self._offset = theirs.timestamp() - (began + time.monotonic()) / 2
        return True


def _clock_drift() -> float:
    return time.time() - time.monotonic()


_DIALECTS: dict[str, type[_CaptionUrl]] = {"youtube": _YouTube, "zoom": _Zoom, "teams": _Teams, "webex": _CaptionUrl}


def format_time(at: float) -> str:
    """Seconds since 1970 as YouTube wants them: UTC, to the millisecond, without a time zone."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def split_text(text: str, limit: int) -> list[str]:
    """A text in pieces of at most ``limit`` characters, between words where there are any."""
    pieces = []
    while len(text) > limit:
        cut = text.rfind(" ", 1, limit + 1)
        cut = cut if cut > 0 else limit
        pieces.append(text[:cut])
        text = text[cut:].lstrip()
    return [*pieces, text] if text else pieces
