"""Recognition of recordings with real weights: whole sentences, their ends, the last word, and no hallucinations."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import jiwer
import numpy as np
import pytest
from faster_whisper import transcribe as whisper_types
from faster_whisper.transcribe import Segment

from surtitle.audio import RATE, Samples
from surtitle.audio.mediafile import read
from surtitle.core.errors import ModelError
from surtitle.core.words import Word, join
from surtitle.demo import SAMPLE
from surtitle.recordings import transcriber
from surtitle.recordings.passages import Passage, Piece, split_passages
from surtitle.recordings.transcriber import WhisperTranscriber, _convert_segment, _Decoding
from surtitle.speech.vad import SileroVad
from tests.support import blocks, error_rate, load, silence

SENTENCES = [line.partition(": ")[2] for line in SAMPLE.with_suffix(".txt").read_text().splitlines()]
TRUTH = " ".join(SENTENCES)
ALLOWED = 0.03  # errors: tiny.en hears "open the video" for "open a video"
PEOPLE = Path(os.environ.get("SURTITLE_BENCH_SPEECH") or Path(__file__).parents[2].parent / "shared" / "audio")
"""Recorded human speech with its words, if it is available."""

CLIPS = [path for path in (PEOPLE / "lv.flac", PEOPLE / "pv-en2.flac") if path.is_file()]


@pytest.fixture(scope="module")
def base(whisper_base: Path) -> WhisperTranscriber:
    return WhisperTranscriber(whisper_base, "base", "en", workers=2)


@pytest.fixture(scope="module")
def tiny(whisper_tiny: Path) -> WhisperTranscriber:
    return WhisperTranscriber(whisper_tiny, "tiny.en")


@pytest.fixture
def detecting(base: WhisperTranscriber) -> Iterator[WhisperTranscriber]:
    """Base, which detects the language."""
    base.configure("auto")
    yield base
    base.configure("en")


@pytest.fixture(params=["base", "tiny"])
def whisper(request: pytest.FixtureRequest) -> WhisperTranscriber:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, WhisperTranscriber)
    return found


def test_a_language_without_a_token_is_not_known(whisper_base: Path, base: WhisperTranscriber) -> None:
    assert "yue" not in base.languages
    assert {"en", "de", "zh", "no"} < base.languages
    assert WhisperTranscriber(whisper_base, "base", "yue", workers=1).language == "auto"
    assert WhisperTranscriber(whisper_base, "base", "zh-TW", workers=1).language == "zh-TW"


def recognize(whisper: WhisperTranscriber, samples: Samples) -> list[Word]:
    return [word for _, words in whisper.words(blocks(samples, RATE)) for word in words]


def sentences(words: Sequence[Word]) -> list[str]:
    return [part.strip() + "." for part in join(words).split(".") if part.strip()]


def only_speech(samples: Samples) -> Samples:
    """The samples from the beginning of the first voice to the end of the last."""
    pieces = [piece for found in split_passages([samples], SileroVad(), 60.0) for piece in getattr(found, "pieces", ())]
    return samples[pieces[0].start + pieces[0].voice[0] : pieces[-1].start + pieces[-1].voice[1]]


def segment(text: str, start: float, end: float, *, probability: float = 0.9, no_speech: float = 0.0) -> Segment:
    """What Whisper writes for a text whose words are spoken evenly from ``start`` to ``end`` seconds."""
    times = np.linspace(start, end, len(text.split()) + 1)
    words = [
        whisper_types.Word(float(begin), float(stop), f" {word}", probability)
        for word, (begin, stop) in zip(text.split(), pairwise(times), strict=True)
    ]
    return Segment(1, 0, start, end, text, [], 0.0, 1.0, no_speech, words, 0.0)


def without_end(samples: Samples) -> Samples:
    """The samples without the silence after the last word."""
    *_, last = split_passages([samples], SileroVad(), 60.0)
    assert isinstance(last, Passage)
    return samples[: round((last.pieces[-1].start / RATE + last.pieces[-1].voice[1] / RATE + 0.05) * RATE)]


def test_sentences_are_complete(whisper: WhisperTranscriber) -> None:
    words = recognize(whisper, load(SAMPLE))
    assert error_rate(TRUTH, join(words)) < ALLOWED
    assert [error_rate(truth, said) < 0.1 for truth, said in zip(SENTENCES, sentences(words), strict=True)] == [
        True
    ] * 5
    assert all(before.start <= word.start <= word.end for before, word in pairwise(words))


def test_nothing_is_hallucinated_if_the_audio_ends_with_the_last_word(tiny: WhisperTranscriber) -> None:
    cut = without_end(load(SAMPLE))
    words = recognize(tiny, cut)
    assert error_rate(TRUTH, join(words)) < ALLOWED
    assert words[-1].text == "yourself."
    assert words[-1].end <= len(cut) / RATE + 0.3


def test_words_after_minutes_of_silence_are_complete_and_on_time(tiny: WhisperTranscriber) -> None:
    speech = (load(SAMPLE)[: 9 * RATE] / 10).astype(np.float32)
    alone, after = recognize(tiny, speech), recognize(tiny, np.concatenate((silence(120), speech, silence(60))))
    assert error_rate(" ".join(SENTENCES[:2]), join(alone)) == 0
    assert [word.key for word in after] == [word.key for word in alone]
    assert after[0].start == pytest.approx(alone[0].start + 120, abs=0.3)
    assert after[-1].end == pytest.approx(alone[-1].end + 120, abs=0.3)


@pytest.mark.parametrize("bed", ["silence", "noise", "hum"])
def test_audio_without_speech_gives_no_words(tiny: WhisperTranscriber, bed: str) -> None:
    time = np.arange(60 * RATE) / RATE
    samples = {
        "silence": np.zeros_like(time),
        "noise": np.random.default_rng(1).normal(0, 0.02, len(time)),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * time) + 0.05 * np.sin(2 * np.pi * 150 * time),
    }[bed]
    assert recognize(tiny, samples.astype(np.float32)) == []


def test_passages_that_are_decoded_at_once_stay_in_order(
    base: WhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcriber, "_PASSAGE_LENGTH", 8.0)
    reached = []
    words = []
    for until, found in base.words([load(SAMPLE)]):
        reached.append(until)
        words += found
    assert error_rate(TRUTH, join(words)) < ALLOWED
    assert reached == sorted(reached)
    assert reached[-1] == pytest.approx(26.5, abs=1)


def test_stopping_early_leaves_no_threads(base: WhisperTranscriber) -> None:
    stream = base.words([load(SAMPLE)])
    _, words = next(stream)
    stream.close()
    assert error_rate(SENTENCES[0], join(words)) == 0


def test_a_damaged_model_is_named_at_once(tmp_path: Path, whisper_tiny: Path) -> None:
    for file in whisper_tiny.iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).symlink_to(file.resolve())
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        WhisperTranscriber(tmp_path, str(tmp_path))


@pytest.mark.skipif(not CLIPS, reason="people's speech is not beside the checkout")
@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_people_are_heard_as_well_as_by_faster_whisper(base: WhisperTranscriber, clip: Path) -> None:
    """With punctuation and capitals counted; the beam of one may find a word that the other's does not."""
    samples = np.concatenate(list(read(clip)))
    theirs, _ = base._model.transcribe(samples, language="en", beam_size=5, word_timestamps=True)
    truth = clip.with_suffix(".txt").read_text(encoding="utf-8").strip()
    wrong = [
        jiwer.wer(truth, text)
        for text in (join(recognize(base, samples)), "".join(segment.text for segment in theirs).strip())
    ]
    assert wrong[0] <= wrong[1] + 1 / len(truth.split())


@pytest.mark.skipif(not (PEOPLE / "multilingual.mp3").is_file(), reason="people's speech is not beside the checkout")
def test_a_change_of_language_is_followed(detecting: WhisperTranscriber) -> None:
    said = {"en": "", "de": ""}
    for _, words in detecting.words(read(PEOPLE / "multilingual.mp3")):
        said[detecting.language] += f" {join(words)}"
    assert "hereby granted, free of charge" in said["en"]
    assert "substantial portions of the software" in said["en"]  # Whisper leaves these seconds out at first
    assert "dazugehörigen Dokumentationsdateien" in said["de"]


@pytest.mark.skipif(not (PEOPLE / "pv-fr.flac").is_file(), reason="needs recorded speech")
def test_the_first_sentence_in_another_language_is_kept(detecting: WhisperTranscriber) -> None:
    clips = [np.concatenate(list(read(PEOPLE / name))) for name in ("pv-fr.flac", "pv-fr2.flac", "jfk.flac")]
    samples = np.concatenate([part for clip in clips for part in (clip, silence(0.6))])
    heard = join(recognize(detecting, samples))
    assert "situés au" in heard
    assert "And so my fellow Americans" in heard
    assert "ask what you can do for your country" in heard


@pytest.mark.skipif(not (PEOPLE / "pv-fr.flac").is_file(), reason="needs recorded speech")
def test_short_sentences_are_each_in_their_language(detecting: WhisperTranscriber) -> None:
    clips = [load(PEOPLE / f"pv-{name}.flac") for name in ("de", "fr2", "de2", "fr")]
    samples = np.concatenate([part for clip in clips for part in (clip, silence(0.6))])
    said = [(detecting.language, join(words)) for _, words in detecting.words(blocks(samples, RATE)) if words]
    assert [language for language, _ in said] == ["de", "fr", "de", "fr"]
    assert "Die Werbung vermittelt" in said[0][1]
    assert "Mon chiffre préféré" in said[1][1]
    assert "Meine Lieblingszahl ist" in said[2][1]
    assert "deux autres sont situés" in said[3][1]


@pytest.mark.skipif(not (PEOPLE / "pv-fr.flac").is_file(), reason="needs recorded speech")
def test_no_sentence_is_lost_if_the_next_language_follows_without_a_pause(detecting: WhisperTranscriber) -> None:
    clips = [only_speech(load(PEOPLE / f"pv-{name}.flac")) for name in ("fr", "de2")]
    samples = np.concatenate([part for clip in clips for part in (clip, silence(0.1))])
    said = [(detecting.language, join(words)) for _, words in detecting.words(blocks(samples, RATE)) if words]
    assert [language for language, _ in said] == ["fr", "de"]
    assert "deux autres sont situés" in said[0][1]
    assert "Lieblingszahl ist" in said[1][1]


@pytest.mark.skipif(not (PEOPLE / "pv-fr.flac").is_file(), reason="needs recorded speech")
def test_a_few_words_before_a_change_of_language_are_in_their_own(detecting: WhisperTranscriber) -> None:
    clips = [load(PEOPLE / "lv.flac")[: round(8.2 * RATE)], load(PEOPLE / "pv-fr.flac")]
    said = [(detecting.language, join(words)) for _, words in detecting.words([np.concatenate(clips)]) if words]
    assert [language for language, _ in said] == ["en", "en", "fr"]
    assert "He was" in said[1][1]
    assert "deux autres sont situés" in said[2][1]


class ScriptedTranscriber(WhisperTranscriber):
    """Writes one text for a whole passage of six seconds, and another for any part of it."""

    def __init__(self, whole: Segment, part: Segment) -> None:
        self._requested_language = "auto"
        self._whole, self._part = whole, part
        self.parts: list[float] = []  # the lengths of decoded parts, in seconds

    def _transcribe(self, samples: Samples, language: str, temperatures: Sequence[float] = ()) -> Iterator[Segment]:
        if len(samples) == 6 * RATE:
            return iter([self._whole])
        self.parts.append(len(samples) / RATE)
        return iter([self._part])

    def _rank_languages(self, samples: Samples, max_frames: int) -> dict[str, float]:
        return {"fr": 0.9, "de": 0.1}


def decode(whisper: WhisperTranscriber) -> list[tuple[str, str, float]]:
    """The texts of a German passage of six seconds with the languages of their words, and when each begins."""
    passage = Passage([Piece(0, np.zeros(6 * RATE, dtype=np.float32), (0, 6 * RATE), 0)])
    decoding = _Decoding(passage, "de", threading.Event())
    whisper._decode(decoding)
    return [(language, join(words), words[0].start) for _, words, language in decoding.results() if words]


def test_voice_for_which_nothing_was_written_is_decoded_on_its_own() -> None:
    german = segment("Das ist der ganze Satz", 0.0, 2.9)
    whisper = ScriptedTranscriber(german, segment("et voilà la suite", 0.2, 2.5))
    assert decode(whisper) == [("de", "Das ist der ganze Satz", 0.0), ("fr", "et voilà la suite", pytest.approx(3.1))]
    assert whisper.parts == [pytest.approx(3.1, abs=0.01)]

    late = ScriptedTranscriber(segment("Das ist der ganze Satz", 3.0, 5.9), segment("voilà le début", 0.0, 2.0))
    assert [(language, text) for language, text, _ in decode(late)] == [
        ("fr", "voilà le début"),
        ("de", "Das ist der ganze Satz"),
    ]


def test_a_pause_between_words_is_not_decoded_again() -> None:
    whisper = ScriptedTranscriber(segment("Das ist der ganze Satz", 0.5, 5.5), segment("et voilà la suite", 0.0, 0.5))
    assert [text for _, text, _ in decode(whisper)] == ["Das ist der ganze Satz"]
    assert whisper.parts == []


def test_doubtful_words_in_what_was_left_out_are_not_believed() -> None:
    guess = segment("et voilà la suite", 0.0, 2.0, probability=0.6, no_speech=0.5)
    laughter = segment("Up!", 0.0, 2.0)
    for part in (guess, laughter):
        assert len(decode(ScriptedTranscriber(segment("Das ist der ganze Satz", 0.0, 2.9), part))) == 1


def test_the_halves_of_what_gives_no_words_are_decoded_on_their_own() -> None:
    loop = segment("row " * 40, 0.0, 6.0, probability=0.4, no_speech=0.2)
    heard = decode(ScriptedTranscriber(loop, segment("gently down the stream", 0.2, 2.0)))
    assert [text for _, text, _ in heard] == ["gently down the stream"] * 2
    assert heard[1][2] == pytest.approx(2.4, abs=0.1)
    laughter = segment("give it a rest", 0.2, 2.0, probability=0.65)
    assert decode(ScriptedTranscriber(loop, laughter)) == []


@pytest.mark.skipif(not (PEOPLE / "pv-es.flac").is_file(), reason="needs recorded speech")
def test_a_language_that_is_hard_to_detect_is_found_in_the_whole_recording(detecting: WhisperTranscriber) -> None:
    assert "necesaria" in join(recognize(detecting, load(PEOPLE / "pv-es.flac")))
    assert detecting.language == "es"


def test_one_of_the_candidates_is_detected(base: WhisperTranscriber) -> None:
    whisper = base
    samples = load(SAMPLE)[: 4 * RATE]
    whisper.configure("auto", candidates=("de", "fr"))
    recognize(whisper, samples)
    assert whisper.language in ("de", "fr")
    whisper.configure("auto", candidates=("de", "en"))
    assert "evening" in join(recognize(whisper, samples))
    assert whisper.language == "en"
    whisper.configure("en")


def test_only_models_that_were_trained_for_it_translate(base: WhisperTranscriber, tiny: WhisperTranscriber) -> None:
    assert base.translates
    assert not tiny.translates


@pytest.mark.skipif(not (PEOPLE / "es.flac").is_file(), reason="people's speech is not available")
def test_speech_is_translated_into_english(whisper_base: Path) -> None:
    whisper = WhisperTranscriber(whisper_base, "base", workers=1)
    whisper.configure("es", to_english=True)
    text = f" {join(recognize(whisper, load(PEOPLE / 'es.flac'))).lower()} "
    assert " the " in text
    assert " el " not in text


def test_speech_stays_when_the_rest_of_its_window_is_a_loop() -> None:
    """The attention stops at the end of the window, while the decoder repeats what was said in it."""
    said = "And so my fellow Americans ask not what your country can do for you, ask what you can do for your country."
    spoken = [
        SimpleNamespace(word=f" {word}", start=start + 0.5 * index, end=start + 0.5 * index + 0.4, probability=0.9)
        for start in (0.0, 12.0)
        for index, word in enumerate(said.split())
    ]
    looped = [
        SimpleNamespace(word=f" {word}", start=29.98, end=29.98, probability=0.9) for word in said.split()[:14] * 10
    ]
    segment = SimpleNamespace(words=[*spoken, *looped], start=0.0, end=29.98, no_speech_prob=0.16)
    passage = Passage([Piece(0, np.zeros(30 * RATE, dtype=np.float32), (0, 30 * RATE), 0)])
    words = _convert_segment(segment, passage, 0.0, [])
    assert join(words).startswith(f"{said} {said[:40]}")
    assert len(words) <= len(spoken)
    assert len(words) >= len(spoken) - 1
