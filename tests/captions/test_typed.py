from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.typed import TypedUpdate, TypedWords
from surtitle.core.words import Word, join


class Captioner:
    """Types, a second after another, and collects what is committed."""

    def __init__(self) -> None:
        self.typed = TypedWords()
        self.now = 10.0
        self.utterances: list[str] = []
        self.words: list[Word] = []
        self.committed: tuple[Word, ...] = ()
        self.tentative = ""

    def write(self, *texts: str) -> None:
        for text in texts:
            self._take(self.typed.write(text, self.now))
            self.now += 1.0

    def pause(self) -> None:
        self._take(self.typed.pause())

    @property
    def text(self) -> str:
        """All that is committed."""
        return " ".join(filter(None, (*self.utterances, join(self.committed))))

    def _take(self, updates: list[TypedUpdate]) -> None:
        for update in updates:
            committed = update.hypothesis.committed
            assert committed[: len(self.committed)] == self.committed  # these never change
            self.committed, self.tentative = committed, join(update.hypothesis.tentative)
            if update.endpoint:
                assert not self.tentative
                self.utterances.append(join(committed))
                self.words += committed
                self.committed = ()


def test_words_are_shown_at_once_and_committed_when_five_others_follow() -> None:
    captioner = Captioner()
    captioner.write("We ", "walked ", "along ", "the ", "old ")
    assert (captioner.text, captioner.tentative) == ("", "We walked along the old")
    captioner.write("river")
    assert (captioner.text, captioner.tentative) == ("We", "walked along the old river")
    captioner.pause()
    assert captioner.utterances == ["We walked along the old river"]


def test_backspaces_take_back_what_is_tentative() -> None:
    captioner = Captioner()
    captioner.write("We walked a long", "\b" * 6, "along", " the\b\b\b\bby", "\b\b by")
    captioner.pause()
    assert captioner.text == "We walked along by"


def test_words_cut_anywhere_are_whole() -> None:
    captioner = Captioner()
    captioner.write("We wal", "ked al", "ong\n")
    assert captioner.text == "We walked along"


def test_the_end_of_a_line_commits_it_and_an_empty_line_ends_the_utterance() -> None:
    captioner = Captioner()
    captioner.write("I'M SENDING ", "SEVERAL CAPTIONS.\n")
    assert (captioner.text, captioner.utterances) == ("I'M SENDING SEVERAL CAPTIONS.", [])
    captioner.write("\r\n", "MORE\r\n \r\n")
    assert captioner.utterances == ["I'M SENDING SEVERAL CAPTIONS.", "MORE"]


def test_another_speaker_begins_another_utterance() -> None:
    captioner = Captioner()
    captioner.write(">> How are you? >> Fine, thanks. \n")
    assert captioner.utterances == [">> How are you?"]
    assert captioner.text.endswith(">> Fine, thanks.")


def test_committed_words_that_are_taken_back_and_written_again_are_not_doubled() -> None:
    captioner = Captioner()
    captioner.write("one two three\n", "\b" * 10, "two three\n", "four\n")
    assert captioner.text == "one two three four"


def test_what_replaces_committed_words_is_added_as_whole_words() -> None:
    captioner = Captioner()
    captioner.write("the hello\n", "\b" * 6, "hallo you\n")
    assert captioner.text == "the hello hallo you"


def test_control_characters_are_no_text() -> None:
    captioner = Captioner()
    captioner.write("a\x00b\x1b\tc\x7f\n")
    assert captioner.text == "ab c"


def test_scripts_without_spaces_are_divided_at_letters() -> None:
    captioner = Captioner()
    captioner.write("今日は良い天気ですね。\n")
    assert captioner.text == "今日は良い天気ですね。"
    assert len(captioner.committed) > 5


def test_words_have_the_times_at_which_they_were_written() -> None:
    captioner = Captioner()
    captioner.write("one ")
    captioner.now = 20.0
    captioner.write("two three four\n")
    captioner.pause()
    times = [(round(word.start, 2), round(word.end, 2)) for word in captioner.words]
    assert times == [(9.6, 10.0), (18.8, 19.2), (19.2, 19.6), (19.6, 20.0)]


def test_nothing_is_left_after_a_pause() -> None:
    captioner = Captioner()
    assert not captioner.typed.unsettled
    captioner.write("word ")
    assert captioner.typed.unsettled
    captioner.pause()
    assert not captioner.typed.unsettled
    captioner.write("\b\b\b\b\b", " ")
    assert not captioner.typed.unsettled


def test_hours_without_a_pause_end_utterances_with_sentences() -> None:
    captioner = Captioner()
    for _ in range(200):
        captioner.write("This is a sentence of eight words altogether. ")
    assert len(captioner.utterances) > 30
    assert all(utterance.endswith("altogether.") for utterance in captioner.utterances)
    captioner.write("word" * 2000)
    captioner.write(" word" * 2000)
    assert len(captioner.committed) <= 400


@given(st.lists(st.text(alphabet="ab \b\n>天\u0301.", max_size=12), max_size=30), st.integers(0, 10))
def test_any_stream_commits_words_once_and_in_order_of_time(texts: list[str], pause: int) -> None:
    captioner = Captioner()
    for index, text in enumerate(texts):
        captioner.write(text)
        if index == pause:
            captioner.pause()
    captioner.pause()
    times = [time for word in captioner.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(word.text and word.start < word.end for word in captioner.words)
    letters = sum(not character.isspace() and character != "\b" for text in texts for character in text)
    retyped = sum(text.count("\b") for text in texts)
    assert sum(len(word.text) for word in captioner.words) <= letters + 500 * retyped
