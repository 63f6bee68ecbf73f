"""Sessions are listed, read, searched and forgotten."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from surtitle.captions.caption import Caption
from surtitle.store.journal import Batch, Store
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts
from tests.store.test_journal import SESSION, batch, said

LATER = replace(SESSION, id="20260102-090000-5e6f", channel="other", began=SESSION.began + 80_000)


def filled(folder: Path, url: str | None) -> tuple[Store, Transcripts]:
    store = Store(folder, url)
    french = replace(said("c1-1", "bonjour à tous"), track="fr")
    store.write(batch(said("c1-1", "Hello all,"), said("c1-2", "Grüße from Zürich 100%", 3.0), french))
    store.write(batch(replace(said("c1-1", "hello again"), session=LATER)))
    return store, Transcripts(store.database)


def test_sessions_are_listed(tmp_path: Path, url: str | None) -> None:
    store, transcripts = filled(tmp_path, url)
    later, first = transcripts.sessions()
    assert (later.session, first.session) == (LATER, SESSION)
    assert (first.captions, first.beginning) == (2, "Hello all, Grüße from Zürich 100%")
    assert first.end == pytest.approx(4.9)
    assert (first.versions, first.tracks) == (("live",), ("", "fr"))
    assert [one.session for one in transcripts.sessions("main")] == [SESSION]
    assert [one.session for one in transcripts.sessions(before=later.session.began)] == [SESSION]
    assert transcripts.session(SESSION.id) == first
    assert transcripts.session("none") is None
    store.close()


def test_every_word_is_found(tmp_path: Path, url: str | None) -> None:
    store, transcripts = filled(tmp_path, url)

    def found(words: str, channel: str | None = None) -> list[tuple[str, str]]:
        return [(hit.session, hit.text) for hit in transcripts.search(words, channel)]

    assert found("HELLO") == [(LATER.id, "hello again"), (SESSION.id, "Hello all,")]
    assert found("hello", "main") == [(SESSION.id, "Hello all,")]
    assert found("zürich grüß") == [(SESSION.id, "Grüße from Zürich 100%")]
    assert found("hello zürich") == found("") == found("!&|'\"*") == []
    store.write(batch(said("c1-1", "Goodbye all,", rev=4)))
    assert found("hello", "main") == []
    assert found("goodbye") == [(SESSION.id, "Goodbye all,")]
    transcripts.forget(SESSION.id)
    assert found("goodbye") == []
    store.write(batch(said("c1-9", "Still open", final=False)))
    assert found("open") == []
    store.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京は晴れでした。", ["東京", "晴れ", "でした", "東京は晴れでした", "晴れ 東京"]),
        ("今天天气很好，我们去公园。", ["天气", "公园", "我们去"]),
        ("วันนี้อากาศดีมาก", ["อากาศ", "วันนี้", "ดีมาก"]),
        ("ทำงานที่บ้าน", ["ทำงาน", "ทำ", "ำงาน", "บ้าน"]),
        ("ເຮັດນ້ຳ", ["ນ້ຳ", "ເຮັດ"]),
        (unicodedata.normalize("NFD", "東京ガスです"), ["ガス", "京ガ"]),
        ("㈱東京は㌔で", ["株", "東京", "キロ"]),
        ("明日はOBSを使います", ["OBS", "obsを", "使い"]),
        ("आज मौसम अच्छा है", ["मौसम", "अच्छा", "आज मौ"]),
        ("اليوم الطقس جميل", ["الطقس", "جميل"]),
        ("서울에서 만났습니다", ["서울", "울에", "만났", "났습니", "서울에서 만났습니다", "서울 만났"]),
        (unicodedata.normalize("NFD", "서울에서"), ["서울", "울에"]),
        ("ﾃﾚﾋﾞｶﾞｽｷ", ["テレビ", "ガス", "ﾃﾚﾋﾞ", "ﾋﾞｶﾞ", "スキ"]),
        ("テレビが好き", ["ﾃﾚﾋﾞ", "ﾚﾋﾞ"]),
        ("ＯＢＳを２０２６年に", ["OBS", "obs", "2026", "ＯＢＳ"]),
        ("We use OBS here", ["ＯＢＳ"]),
        ("Die Straße ist gesperrt", ["strasse", "Straße", "STRASSE", "straß"]),
        ("Die Strasse bei uns, im Fluss", ["straße", "Strasse", "fluß"]),
    ],
)
def test_words_are_found_in_every_script(tmp_path: Path, url: str | None, text: str, words: list[str]) -> None:
    store, transcripts = filled(tmp_path, url)
    store.write(batch(said("c1-3", text)))
    for searched in words:
        assert [hit.text for hit in transcripts.search(searched)] == [text], searched
    assert transcripts.search("雨") == transcripts.search(f"{words[0]} hello") == transcripts.search("東_京") == []
    store.close()


def test_a_second_version_stands_beside_the_first(tmp_path: Path, url: str | None) -> None:
    store, transcripts = filled(tmp_path, url)
    live = transcripts.captions(SESSION.id)
    assert [one.text for one in live] == ["Hello all,", "Grüße from Zürich 100%"]
    assert [one.text for one in transcripts.captions(SESSION.id, track="fr")] == ["bonjour à tous"]
    better: Caption = said("p1", "Hello to all,", 1.0).caption
    transcripts.replace(SESSION.id, "polished", [said("p0", "Hm.").caption])
    transcripts.replace(SESSION.id, "polished", [better])
    assert transcripts.captions(SESSION.id, "polished") == [better]
    assert transcripts.captions(SESSION.id) == live
    summary = transcripts.session(SESSION.id)
    assert summary is not None
    assert summary.versions == ("live", "polished")
    assert summary.captions == 2
    store.close()


def test_corrections_are_kept_with_what_was_recognized(tmp_path: Path, url: str | None) -> None:
    store, transcripts = filled(tmp_path, url)
    heard, written = said("c1-1", "Hello all,").caption, said("c1-1", "Hello Al,", 1.2).caption
    transcripts.correct(SESSION.id, heard, written)
    transcripts.correct(SESSION.id, written, replace(written, words=()))
    (found,) = transcripts.corrections(SESSION.id)
    assert (found.caption.id, found.caption.words, found.start, found.end) == ("c1-1", (), heard.start, heard.end)
    transcripts.forget(SESSION.id)
    assert transcripts.corrections(SESSION.id) == []
    store.close()


def test_recordings_are_kept_with_their_session(tmp_path: Path, url: str | None) -> None:
    store, transcripts = filled(tmp_path, url)
    running = Recording("a/1-tab.flac", SESSION.id, "tab", 0.5, 0.0, "running")
    transcripts.record([running, Recording("a/2-mic.flac", SESSION.id, "mic", 0.2, 9.0, "done")])
    done = replace(running, seconds=12.5, state="failed", problem="The disk is full.")
    transcripts.record([done])
    assert [one.file for one in transcripts.recordings(SESSION.id)] == ["a/2-mic.flac", "a/1-tab.flac"]
    assert done in transcripts.recordings()
    transcripts.forget(SESSION.id)
    assert transcripts.recordings() == []
    store.close()


def test_a_session_in_which_nothing_was_said_is_not_listed_later(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    transcripts = Transcripts(store.database)
    store.write(Batch(sessions={SESSION.id: SESSION}))
    following = replace(SESSION, id="20260101-130000-3c4d")
    store.write(Batch(sessions={following.id: following}))
    assert [one.session for one in transcripts.sessions()] == [following]
    store.close()
