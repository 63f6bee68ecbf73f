import msgspec

from surtitle.captions.caption import Caption, pack_caption, unpack_caption
from surtitle.core.words import Word


def test_a_packed_caption_is_the_same_and_small() -> None:
    words = tuple(Word(f"word{n}", n * 300 / 1000, (n * 300 + 250) / 1000, 0.9, spaced=n > 0) for n in range(7))
    for caption in (Caption("c1", 3, "Host", "en", words, (), True, "Ada"), Caption("c2", 1, "", "", (), (), True)):
        assert unpack_caption(caption.id, pack_caption(caption)) == caption
    assert len(pack_caption(Caption("c1", 3, "Host", "en", words, (), True))) < 150


def test_times_are_kept_to_the_millisecond_however_late() -> None:
    words = (Word("late", 100_000.12345, 100_000.6789, 0.12345), Word("later", 100_001.0004, 100_001.0004))
    kept = unpack_caption("c", pack_caption(Caption("c", 1, "", "", words, (), True))).words
    assert [(word.start, word.end, word.probability) for word in kept] == [
        (100_000.123, 100_000.679, 0.123),
        (100_001.0, 100_001.0, 1.0),
    ]


def test_a_packed_caption_keeps_who_says_each_word() -> None:
    speakers = [None, "Speaker 1", "Speaker 1", "Speaker 1, Speaker 2", None]
    words = tuple(Word("word", n, n + 0.5, speaker=speaker) for n, speaker in enumerate(speakers))
    caption = Caption("c1", 3, "tab", "en", words, (), True, "Speaker 1")
    assert unpack_caption("c1", pack_caption(caption)) == caption


def test_what_earlier_versions_packed_is_still_read() -> None:
    old = msgspec.msgpack.encode((3, "tab", "en", None, ["word", 500, 400, 900, True]))
    assert unpack_caption("c1", old).words == (Word("word", 0.5, 0.9, 0.9),)
