"""What is asked of a translator, and what readers see, with a translator that everybody can follow."""

from __future__ import annotations

from typing import Any

import pytest

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.translation.policy import Job, Policy

# Every word in capitals, but the last two swap places: the order of an unfinished sentence is not sure.


def translated(text: str) -> list[str]:
    words = text.upper().rstrip(".").split()
    return [*words[:-2], *words[:-3:-1]] if len(words) > 1 else words


def answer(job: Job) -> str:
    words = translated(job.text)
    before = job.before.split()
    return " " + " ".join(words[len(before) :]) + ("." if job.text.endswith(".") else "")


class Reader:
    """Drives a policy as an interpreter does, and keeps what is shown."""

    def __init__(self) -> None:
        self.policy = Policy("fr")
        self.shown: dict[str, Caption] = {}
        self.asked: list[str] = []
        self.now = 0.0

    def hear(
        self,
        key: str,
        text: str,
        tentative: str = "",
        *,
        rev: int = 1,
        final: bool = False,
        start: float = 1.0,
        language: str = "en",
        speaker: str | None = None,
    ) -> None:
        words, rest = (tuple(Word(one, start, start + 1) for one in said.split()) for said in (text, tentative))
        self.take(self.policy.put(Caption(key, rev, "Host", language, words, rest, final, speaker), self.now))

    def take(self, captions: list[Caption]) -> None:
        for caption in captions:
            before = self.shown.get(caption.id)
            if before is not None and not before.final and caption.full_text:
                assert caption.text.startswith(before.text), "what was committed has changed"
            self.shown[caption.id] = caption

    def translate(self) -> None:
        self.take(self.policy.release(self.now))
        while jobs := self.policy.jobs(self.now):
            self.asked += [job.text for job in jobs]
            self.take(self.policy.done(jobs, [answer(job) for job in jobs]))

    def text(self, key: str) -> tuple[str, str]:
        return self.shown[key].text, self.shown[key].tentative_text.strip()


def test_a_caption_has_the_originals_id_and_times() -> None:
    reader = Reader()
    reader.hear("c1", "we see them.", start=4.0, final=True)
    reader.translate()
    caption = reader.shown["c1"]
    assert (caption.id, caption.source, caption.language, caption.final) == ("c1", "Host", "fr", True)
    assert caption.start == 4.0
    assert caption.end == pytest.approx(5.0)
    assert caption.text == "WE THEM SEE."


def test_a_word_is_committed_when_two_beginnings_agree_but_for_the_last_words() -> None:
    reader = Reader()
    reader.hear("c1", "we really want to", "see")
    reader.translate()
    assert reader.text("c1") == ("WE", "REALLY WANT SEE TO")
    reader.hear("c1", "we really want to see", "them now", rev=2)
    reader.translate()
    assert reader.text("c1") == ("WE REALLY", "WANT TO SEE NOW THEM")


def test_tentative_words_alone_commit_nothing() -> None:
    reader = Reader()
    for rev, guess in enumerate(("we want to", "we want to see", "we want to see them"), start=1):
        reader.hear("c1", "", guess, rev=rev)
        reader.translate()
        assert reader.text("c1")[0] == ""
    reader.hear("c1", "", rev=9)
    assert not reader.shown["c1"].full_text


def test_a_caption_goes_on_with_the_sentence_of_the_one_before() -> None:
    reader = Reader()
    reader.hear("c1", "we want to see", final=True)
    reader.translate()
    assert reader.text("c1") == ("", "WE WANT SEE TO")
    reader.hear("c2", "them here.", start=2.0, final=True)
    reader.translate()
    assert reader.asked == ["we want to see", "we want to see them here.", "we want to see them here."]
    assert reader.text("c1") == ("WE WANT", "")
    assert reader.text("c2") == ("TO SEE HERE THEM.", "")


def test_a_sentence_that_is_understood_anew_stays_where_it_was() -> None:
    reader = Reader()
    reader.hear("c1", "see them", final=True)
    reader.translate()
    reader.hear("c2", "and go.", start=2.0, final=True)
    reader.translate()
    assert reader.text("c1") == ("THEM SEE", "")


@pytest.mark.parametrize(("start", "now"), [(1.5, 2.0), (9.0, 0.0)], ids=["nothing follows", "a pause"])
def test_a_sentence_that_does_not_go_on_ends_without_a_full_stop(start: float, now: float) -> None:
    reader = Reader()
    reader.hear("c1", "we want to go", final=True)
    reader.translate()
    assert not reader.shown["c1"].final
    if now == 0.0:
        reader.hear("c2", "they", start=start)
    reader.now = now
    reader.translate()
    assert reader.shown["c1"].final
    assert reader.text("c1") == ("WE WANT GO TO", "")


def test_no_full_stop_where_nothing_ends() -> None:
    policy = Policy("fr")
    policy.put(Caption("c1", 1, "Host", "en", (Word("we", 0, 1), Word("go", 1, 2)), final=True), 0.0)
    assert policy.done(policy.jobs(0.0), [" NOUS ALLONS."])[0].full_text == "NOUS ALLONS"
    assert policy.release(2.0)[0].text == "NOUS ALLONS"


def test_sentences_within_a_caption_are_translated_for_themselves() -> None:
    reader = Reader()
    reader.hear("c1", "we go now. they stay here.", final=True)
    reader.translate()
    assert reader.asked == ["we go now.", "they stay here."]
    assert reader.text("c1")[0] == "WE NOW GO. THEY HERE STAY."


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("we go on", {"speaker": "A"}, {"speaker": "B"}),
        ("we go on", {}, {"start": 9.0}),
        ("we go on.", {}, {}),
        ("wir gehen", {"language": "de"}, {}),
    ],
)
def test_a_speaker_a_pause_a_full_stop_or_a_language_end_a_sentence(
    text: str, first: dict[str, str], second: dict[str, Any]
) -> None:
    reader = Reader()
    reader.hear("c1", text, final=True, **first)  # type: ignore[arg-type]
    reader.hear("c2", "they stay here.", final=True, **{"start": 2.0, **second})
    reader.translate()
    reader.translate()
    assert reader.asked[-1] == "they stay here."


def test_a_correction_is_translated_anew() -> None:
    reader = Reader()
    reader.hear("c1", "we see them.", final=True)
    reader.translate()
    reader.hear("c1", "we hear them.", rev=2, final=True)
    assert reader.text("c1")[0] == "WE THEM SEE."
    reader.translate()
    assert reader.text("c1")[0] == "WE THEM HEAR."
    assert reader.shown["c1"].final


def test_another_name_needs_no_translation() -> None:
    reader = Reader()
    reader.hear("c1", "we see them.", final=True)
    reader.translate()
    reader.asked.clear()
    reader.hear("c1", "we see them.", rev=2, final=True, speaker="Ada")
    assert (reader.shown["c1"].speaker, reader.text("c1")[0]) == ("Ada", "WE THEM SEE.")
    reader.translate()
    assert reader.asked == []


def test_what_came_meanwhile_counts_and_what_it_replaced_does_not() -> None:
    reader = Reader()
    reader.hear("c1", "we want to", "see")
    jobs = reader.policy.jobs(0.0)
    reader.hear("c1", "we hear.", rev=2, final=True)
    reader.take(reader.policy.done(jobs, [answer(job) for job in jobs]))
    reader.translate()
    assert reader.text("c1") == ("HEAR WE.", "")


def test_the_same_language_is_passed_on() -> None:
    reader = Reader()
    reader.hear("c1", "nous", "allons", language="fr-CA")
    assert reader.text("c1") == ("nous", "allons")
    assert reader.policy.jobs(0.0) == []


def test_who_is_late_asks_for_final_captions_only_and_loses_none() -> None:
    reader = Reader()
    for number in range(40):
        reader.hear(f"c{number}", f"this is number {number}.", start=float(number), final=True)
    reader.hear("open", "and this is", "not", start=50.0)
    reader.now = 10.0
    assert reader.policy.waiting(reader.now) == 10.0
    jobs = reader.policy.jobs(reader.now)
    assert {job.kind for job in jobs} == {"whole"}
    reader.translate()
    assert sum(caption.final for caption in reader.shown.values()) == 40
    assert reader.policy.waiting(reader.now) == 0.0
    assert reader.policy.skipped == 0


def test_the_number_of_waiting_captions_is_limited() -> None:
    reader = Reader()
    for number in range(600):
        reader.hear(f"c{number}", "this is it.", start=float(number), final=True)
    assert reader.policy.skipped == 100


def test_it_says_when_a_sentence_that_does_not_continue_is_released() -> None:
    reader = Reader()
    assert reader.policy.deadline(reader.now) == float("inf")
    reader.hear("c1", "the door is", final=True)
    reader.translate()
    assert not reader.shown["c1"].final if "c1" in reader.shown else True
    reader.now = reader.policy.deadline(reader.now) + 0.01
    reader.translate()
    assert reader.shown["c1"].final
    assert reader.policy.deadline(reader.now) == float("inf")
