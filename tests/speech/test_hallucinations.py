from __future__ import annotations

from dataclasses import replace

import pytest

from surtitle.core.words import Word, join
from surtitle.speech.whisper.hallucinations import (
    Evidence,
    begins_alike,
    find_believed,
    is_doubtful,
    is_hallucination,
    remove_hallucinated_end,
    remove_loops,
)


def words(text: str, probability: float = 0.9) -> list[Word]:
    return [Word(part, index * 0.3, index * 0.3 + 0.3, probability) for index, part in enumerate(text.split())]


SPOKEN = Evidence(voiced=1.5, voice=0.95, no_speech=0.05)
ROW = "row row row your boat"


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("we went to the sea", "we went to the sea"),
        ("no no no no", "no no no no"),
        ("no no no no no no no no no no", "no no no no no no"),
        ("thank you " * 20, "thank you thank you thank you"),
        ("and then I and then I and then I and then I and", "and then I and then I and then I"),
        ("that that is is not not", "that that is is not not"),
        (f"{ROW} " * 5 + "gently down the stream", f"{ROW} " * 3 + "gently down the stream"),
        ("ha " * 8 + "that was funny", "ha ha ha ha ha ha that was funny"),
        ("and so " * 6 + "we left " * 5 + "at last", "and so " * 3 + "we left " * 3 + "at last"),
    ],
)
def test_loops_are_cut_and_the_words_after_them_stay(heard: str, kept: str) -> None:
    assert join(remove_loops(words(heard))) == kept.strip()


def test_a_loop_may_begin_in_the_committed_words() -> None:
    said = words("the end the end the end")
    assert remove_loops(words("the end the end"), said) == []
    assert join(remove_loops(words("the house"), said)) == "the house"
    assert join(remove_loops(words("the end the house"), said)) == "the house"


def test_committed_words_are_never_cut() -> None:
    said = words("the end " * 3 + "the")
    assert join(remove_loops(words("end of it"), said)) == "of it"


def test_a_loop_is_cut_each_time_and_the_words_after_it_stay() -> None:
    said = words(f"{ROW} " * 3)
    assert join(remove_loops(words(f"{ROW} {ROW} gently down"), said)) == "gently down"
    assert remove_loops(words(f"{ROW} row row"), said) == []


def test_case_and_punctuation_do_not_hide_a_loop() -> None:
    assert join(remove_loops(words("Yes, sir. Yes, sir! Yes sir. yes sir, yes sir"))) == "Yes, sir. Yes, sir! Yes sir."


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("[Music] Good evening.", "Good evening."),
        ("(door closes) Who is there? *laughs*", "Who is there?"),
        ("♪ ♪ We begin. [BLANK_AUDIO]", "We begin."),
        ("... and so on ...", "and so on"),
        ("Hahahahahahahahahahahahahahaha. That was it.", "That was it."),
        ("（音楽） 【拍手】 始めます。", "始めます。"),
        ("(he said so [twice] and left", "(he said so and left"),
    ],
)
def test_descriptions_of_sounds_are_removed(heard: str, kept: str) -> None:
    assert join(words(heard)[index] for index in find_believed(words(heard))) == kept


def test_symbols_that_are_read_aloud_stay() -> None:
    for heard in ("a 12 % chance", "6 × 10 = 60 .", "3 + 4", "5 € each", "M & M", "C #", "100 %."):
        assert join(remove_loops(words(heard))) == heard.replace(" .", "")
    assert join(remove_loops(words("♪ ... >> - well – yes"))) == "well yes"


def test_a_bracket_that_is_not_closed_hides_nothing() -> None:
    said = "(we will see one of them two of them three"
    assert join(remove_loops(words(said))) == said


@pytest.mark.parametrize(
    "heard",
    [
        "Thank you.",
        "you",
        "Thanks for watching!",
        "Thank you. Bye-bye.",
        "Vielen Dank fürs Zuschauen.",
        "Merci d'avoir regardé cette vidéo !",
        "Gracias.",
        "Grazie a tutti.",
        "E aí",
        "Спасибо за просмотр!",
        "Продолжение следует...",
        "ご視聴ありがとうございました",
        "시청해주셔서 감사합니다.",
        "谢谢 大家 。",
        "Subtitles by somebody else",
        "♪ Music ♪",
    ],
)
@pytest.mark.parametrize(
    "against",
    [
        {"probability": 0.4},
        {"no_speech": 0.7},
        {"voice": 0.5},
        {"voiced": 0.2},
    ],
)
def test_stock_phrases_are_rejected_if_there_is_evidence_against_them(heard: str, against: dict[str, float]) -> None:
    probability = against.get("probability", 0.9)
    evidence = replace(SPOKEN, **{name: value for name, value in against.items() if name != "probability"})
    assert is_hallucination(words(heard, probability), evidence)


@pytest.mark.parametrize("heard", ["Thank you.", "Thanks for watching!", "Bye.", "Danke.", "Yes.", "ありがとう"])
def test_spoken_stock_phrases_stay(heard: str) -> None:
    assert not is_hallucination(words(heard), SPOKEN)


@pytest.mark.parametrize(
    "heard",
    [
        "Thank you for the flowers.",
        "So you know.",
        "Noah papa",
        "Subtitle files are text.",
        "Ich zahle danach",
        "谢谢 大家 来 吃饭 。",
        "copy that",
    ],
)
def test_sentences_that_only_begin_like_stock_phrases_stay(heard: str) -> None:
    assert not is_hallucination(words(heard, 0.5), SPOKEN)


@pytest.mark.parametrize(
    "credit",
    [
        "Subtitles by the Amara.org community",
        "Untertitel der Amara.org-Community",
        "Untertitelung des ZDF, 2020",
        "Untertitel im Auftrag des ZDF für funk, 2017",
        "Copyright WDR 2021",
        "Sous-titrage ST' 501",
        "Sous-titrage Société Radio-Canada",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Sottotitoli creati dalla comunità Amara.org",
        "Sottotitoli e revisione a cura di QTSS",
        "Legendas pela comunidade Amara.org",
        "Ondertitels ingediend door de Amara.org gemeenschap",
        "Napisy stworzone przez społeczność Amara.org",
        "Titulky vytvořil JohnyX.",
        "Субтитры сделал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "Altyazı M.K.",
        "ترجمة نانسي قنقر",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "字幕by索兰娅",
        "MBC 뉴스 이덕영입니다.",
        "Hãy subscribe cho kênh Ghiền Mì Gõ Để không bỏ lỡ những video hấp dẫn",
        "Transcription by CastingWords",
    ],
)
def test_credits_are_rejected_at_any_probability(credit: str) -> None:
    assert is_hallucination(words(credit, 0.99), SPOKEN)


def test_punctuation_alone_is_rejected() -> None:
    assert is_hallucination(words("..."), SPOKEN)
    assert not is_hallucination([], SPOKEN)


def test_a_word_in_a_moment_of_sound_needs_a_high_probability() -> None:
    brief = replace(SPOKEN, voiced=0.4)
    assert is_hallucination(words("word", 0.5), brief)
    assert not is_hallucination(words("Really?", 0.9), brief)
    assert not is_hallucination(words("word", 0.5), replace(SPOKEN, voiced=1.0))


def test_guessed_words_need_voice() -> None:
    assert is_hallucination(words("I cooked the lake", 0.2), replace(SPOKEN, no_speech=0.5))
    assert not is_hallucination(words("I cooked the lake", 0.2), SPOKEN)


def test_a_sentence_that_begins_where_the_sound_ends_is_removed() -> None:
    said = words("We are here.")
    end = said[-1].end
    invented = Word("The", end, end + 0.3, 0.5)
    assert remove_hallucinated_end([*said, invented], voiced=end + 0.05) == said
    assert remove_hallucinated_end([*said, invented], voiced=end + 0.4) == [*said, invented]
    assert remove_hallucinated_end(said, voiced=end) == said
    going_on = words("We are here and")
    assert remove_hallucinated_end(going_on, voiced=going_on[-1].start) == going_on
    again = [*said, Word("Thank", end, end), Word("you.", end, end), Word("Bye.", end, end)]
    assert remove_hallucinated_end(again, voiced=end) == said


UNSURE = Evidence(voiced=1.5, voice=0.95, no_speech=0.45)


@pytest.mark.parametrize(
    "heard",
    [
        "That's it. That's it.",
        "Tap on him. Tap on",
        "What the heck, what the",
        "Good, what happened? Good, what happened?",
    ],
)
def test_repeated_phrases_need_evidence_of_speech(heard: str) -> None:
    assert is_hallucination(words(heard, 0.7), UNSURE)
    assert not is_hallucination(words(heard, 0.8), UNSURE)
    assert not is_hallucination(words(heard, 0.7), SPOKEN)


@pytest.mark.parametrize(
    "heard", ["It was the best of times, it was the worst of times", "We few, we happy few, we band of brothers"]
)
def test_sentences_with_repeated_phrases_stay(heard: str) -> None:
    assert not is_hallucination(words(heard, 0.7), replace(UNSURE, voiced=3.0))


def test_nobody_says_three_words_in_a_fifth_of_a_second() -> None:
    assert is_hallucination(words("Tap, tap, tap!", 0.9), replace(SPOKEN, voiced=0.2))
    assert not is_hallucination(words("Tap, tap, tap!", 0.9), replace(SPOKEN, voiced=0.6))


def test_doubtful_words_are_those_that_could_be_no_speech() -> None:
    assert is_doubtful(words("Put the rhythm", 0.6), UNSURE)
    assert not is_doubtful(words("Put the rhythm", 0.8), UNSURE)
    assert not is_doubtful(words("Put the rhythm", 0.6), SPOKEN)
    assert not is_doubtful([], UNSURE)


@pytest.mark.parametrize(
    ("text", "previous", "alike"),
    [
        ("And says how do I", "and says, how do", True),
        ("And says how do I", "and Cesar", True),
        ("And says how do I", "Ann", False),
        ("And says how do I", "it says how do", False),
        ("Yes.", "Yes", True),
        ("Yes.", "", False),
    ],
)
def test_texts_begin_alike_if_their_first_half_is_the_same(text: str, previous: str, alike: bool) -> None:
    assert begins_alike(words(text), words(previous)) is alike


def test_people_who_repeat_themselves_are_believed() -> None:
    song = words(f"{ROW} {ROW} {ROW} gently down the stream", 0.82)
    evidence = Evidence(voiced=10.0, voice=0.9, no_speech=0.15)
    assert not is_hallucination(song, evidence)
    assert is_hallucination([replace(word, probability=0.6) for word in song], evidence)
