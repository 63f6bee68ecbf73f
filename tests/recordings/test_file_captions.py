"""Captions of files, and a vocabulary that is applied to words as they come."""

from __future__ import annotations

from surtitle.core.words import Word, join
from surtitle.recordings.file_captions import WordRewriter, build_file_captions
from surtitle.vocabulary.rules import Vocabulary

RULES = Vocabulary.parse("", (), {"sir title": "Surtitle", "the show": "our show"}, ()).rules


def said(text: str, start: float = 0.0) -> list[Word]:
    return [Word(word, start + at, start + at + 0.9) for at, word in enumerate(text.split())]


def test_a_phrase_is_found_across_two_parts() -> None:
    rewriter = WordRewriter(RULES)
    assert join(rewriter.add(said("Welcome to sir"))) == "Welcome to"
    assert join(rewriter.add(said("title and the", 3))) == "Surtitle and"
    assert join(rewriter.add(said("show.", 6))) == "our show."
    assert rewriter.flush() == []


def test_no_phrase_reaches_across_a_pause() -> None:
    rewriter = WordRewriter(RULES)
    assert join(rewriter.add(said("Yes, sir"))) == "Yes,"
    assert join(rewriter.add(said("title fight", 9))) == "sir title fight"
    assert rewriter.flush() == []


def test_what_begins_a_phrase_comes_at_the_end() -> None:
    rewriter = WordRewriter(RULES)
    assert rewriter.add(said("sir")) == []
    assert join(rewriter.flush()) == "sir"


def test_captions_are_numbered_through_all_languages() -> None:
    words = [("fr", word) for word in said("Bonjour.")] + [("en", word) for word in said("Hello there.", 5)]
    captions = build_file_captions("file", words)
    assert [(caption.id, caption.language, caption.text) for caption in captions] == [
        ("c1", "fr", "Bonjour."),
        ("c2", "en", "Hello there."),
    ]
