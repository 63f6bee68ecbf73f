from service.captions.caption import Caption, packed, unpacked
from service.speech.words import Word


def test_a_packed_caption_is_the_same_and_small() -> None:
    words = tuple(Word(f"word{n}", n * 0.3, n * 0.3 + 0.25, 0.9, spaced=n > 0) for n in range(7))
    for caption in (Caption("c1", 3, "Host", "en", words, (), True, "Ada"), Caption("c2", 1, "", "", (), words[:2])):
        assert unpacked(packed(caption)) == caption
    assert len(packed(Caption("c1", 3, "Host", "en", words, (), True))) < 350
