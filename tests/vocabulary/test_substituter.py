from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.core.errors import BadRequest
from surtitle.core.words import Hypothesis, Word, join
from surtitle.vocabulary.rules import Vocabulary
from surtitle.vocabulary.substituter import Substituter, normalize, strip_punctuation


def words(text: str, start: int = 0) -> tuple[Word, ...]:
    """Half a second each; a word after ``|`` follows without a space."""
    return tuple(
        Word(part.lstrip("|"), (start + i) * 0.5, (start + i) * 0.5 + 0.5, spaced=not part.startswith("|"))
        for i, part in enumerate(text.split())
    )


def vocabulary(replacements: dict[str, str] | None = None, blocked: tuple[str, ...] = (), **more: Any) -> Vocabulary:
    return Vocabulary.parse(more.get("prompt", ""), more.get("hotwords", ()), replacements or {}, blocked)


def written(text: str, given: Vocabulary) -> str:
    return join(Substituter().apply(Hypothesis(words(text)), given.rules, final=True).committed)


@pytest.mark.parametrize(
    ("heard", "replacements", "shown"),
    [
        ("sir title is here", {"sir title": "Surtitle"}, "Surtitle is here"),
        ("Sir Title, is here", {"sir title": "Surtitle"}, "Surtitle, is here"),
        ("“sir title!” he said", {"Sir Title": "Surtitle"}, "“Surtitle!” he said"),
        ("Colour matters", {"colour": "color"}, "Color matters"),
        ("The iphone", {"iphone": "iPhone"}, "The iPhone"),
        ("a category", {"cat": "dog"}, "a category"),
        ("New York, New Yorkers", {"new york": "NYC", "new york city": "the city"}, "NYC, New Yorkers"),
        ("new york city", {"new york": "NYC", "new york city": "the city"}, "the city"),
        ("in new, york", {"new york": "NYC"}, "in new, york"),
        ("mr. smith came", {"Mr. Smith": "Mister Smith"}, "Mister Smith came"),
        ("C++, see plus plus", {"see plus plus": "C++", "c": "sea"}, "C++, C++"),
        ("Um, hello um there", {"um": ""}, "Hello there"),
        ("Um |, well |, um |.", {"um": ""}, "Well,"),
        ("don’t stop", {"don't": "do not"}, "do not stop"),
        ("状態 |は |東 |京 |です", {"東京": "大阪"}, "状態は大阪です"),
        ("state |-of |-the |-art work", {"state-of-the-art": "modern"}, "modern work"),
        ("STRASSE", {"straße": "street"}, "Street"),
        ("Sir title's friends", {"sir title": "Surtitle"}, "Surtitle's friends"),
        ("jon’s, and Jon's!", {"jon": "John"}, "John’s, and John's!"),
        ("sir title |'s friends", {"sir title": "Surtitle"}, "Surtitle's friends"),
        ("jon's", {"jon": "John", "jon's": "Joan's"}, "Joan's"),
        (
            "TV'de TV’ye tv'lerin, AB'nin",
            {"tv": "Televizyon", "ab": "Birlik"},
            "Televizyon'de Televizyon’ye Televizyon'lerin, Birlik'nin",
        ),
        ("ma'am, we're", {"ma": "Ma", "we": "They"}, "ma'am, They're"),
        ("Sir - title and sir — title", {"sir-title": "Surtitle"}, "Surtitle and Surtitle"),
        ("the sir - and the title", {"sir-title": "Surtitle"}, "the sir - and the title"),
        ("Jon – hello, there", {"jon": "John", "jonas": "Jonah"}, "John – hello, there"),
        ("Sir Title - which is", {"sir title": "Surtitle", "sir title pro": "Pro"}, "Surtitle - which is"),
        ("foo - hello", {"foo": "", "foobar": "bar"}, "- hello"),
        ("jon'll say jon’d've", {"jon": "John"}, "John'll say John’d've"),
        ("can't you", {"can": "may", "you": "we"}, "can't we"),
        ("um's", {"um": ""}, ""),
        ("New York-based, New York's", {"new york": "NYC"}, "NYC-based, NYC's"),
        ("sir title—which, (sir title/OBS)", {"sir title": "Surtitle"}, "Surtitle—which, (Surtitle/OBS)"),
        ("an iphone—which an iphone/ipad", {"iphone": "iPhone"}, "an iPhone—which an iPhone/ipad"),
        ("well...iphone…yes", {"iphone": "iPhone"}, "well...iPhone…yes"),
        ("new york-times", {"new york": "NYC", "new york times": "the paper"}, "the paper"),
        ("a sir-title here", {"sir title": "Surtitle"}, "a Surtitle here"),
        ("an e mail, an email", {"e-mail": "letter"}, "an letter, an letter"),
        ("the therapist", {"the rapist": "him"}, "the therapist"),
        ("L’iphone, «qu'iphone»", {"iphone": "iPhone"}, "L’iPhone, «qu'iPhone»"),
        ("un'sir title's", {"sir title": "Surtitle"}, "un'Surtitle's"),
        ("d'accord, l'accord", {"d'accord": "OK", "accord": "Honda"}, "OK, l'Honda"),
        ("L'um there", {"um": ""}, "There"),
        ("Jon-like, um-hm", {"jon": "John", "um": ""}, "John-like, um-hm"),
        ("Jon'un Jon’dan, Jon'a. Jon'em", {"jon": "John"}, "John'un John’dan, John'a. John'em"),
        ("sir title'ın, Sir Title:n", {"sir title": "Surtitle"}, "Surtitle'ın, Surtitle:n"),
        (
            "ma'am, don't can't o'clock 10:30",
            {"ma": "mother", "don": "Dan", "can": "may", "10": "ten"},
            "ma'am, don't can't o'clock 10:30",
        ),
        ("jon(s), Sir title(s).", {"jon": "John", "sir title": "Surtitle"}, "John(s), Surtitle(s)."),
        (
            "#Jon @jon, *sir title*, (_jon's_)",
            {"jon": "John", "sir title": "Surtitle"},
            "#John @John, *Surtitle*, (_John's_)",
        ),
        ("* |sir |* title", {"sir title": "Surtitle"}, "*sir* title"),
        ("#SirTitle, @sir_title ♪sir title™♪", {"sir title": "Surtitle"}, "#Surtitle, @Surtitle ♪Surtitle™♪"),
        ("C# and #c", {"c#": "see sharp", "c": "sea"}, "See sharp and #sea"),
        ("a *um* |* there #um", {"um": ""}, "a there"),
        ("an e–mail, e—mail, e |–mail", {"e-mail": "letter"}, "an letter, letter, letter"),
        ("the New York–Times, new york—times", {"new york times": "the paper"}, "the The paper, new york—times"),
        ("sir\u00adtitle Jonʼs", {"sirtitle": "Surtitle", "jon": "John"}, "Surtitle Johnʼs"),
    ],
)
def test_replacements(heard: str, replacements: dict[str, str], shown: str) -> None:
    assert written(heard, vocabulary(replacements)) == shown


@pytest.mark.parametrize(
    ("heard", "blocked", "shown"),
    [
        ("Darn, that darned thing", ("darn",), "D***, that darned thing"),
        ("Darn, that darned thing", ("darn*",), "D***, that d***** thing"),
        ("(heck)", ("HECK",), "(h***)"),
        ("holy cow is fine cow", ("holy cow",), "h*** c** is fine cow"),
        ("holy cows are", ("holy cow*",), "h*** c*** are"),
        ("I x it", ("x",), "I * it"),
        ("heck's and heck |'s", ("heck",), "h***'s and h***'s"),
        ("heck'll, HECK’em! heck |'re heck've", ("heck",), "h***'ll, H***’em! h***'re h***'ve"),
        ("heckler's hecks", ("heck",), "heckler's hecks"),
        ("heckler's hecks", ("heck*",), "h******** h****"),
        ("dumb-head, dumb‑heads, dumb |-head", ("dumbhead",), "d********, dumb‑heads, d***-h***"),
        ("l'ass-hole, Qu’asshole; dell'asshole's", ("asshole",), "l'a*******, Qu’a******; dell'a******'s"),
        ("l |'heck l' |heck |l'heck d'heck-show", ("heck",), "l'h*** l'h***l'h*** d'h***-show"),
        ("j'holy cows, s'hecklers", ("holy cow*", "heck*"), "j'h*** c***, s'h*******"),
        ("don't t'ell, o'heck", ("heck", "t"), "don't t'ell, o'heck"),
        ("a heck-show, what-the-heck", ("heck",), "a h***-show, what-the-h***"),
        ("#heck, @HECK #HecksShow #what#heck", ("heck",), "#h***, @H*** #HecksShow #what#h***"),
        ("*heck* **Heck!** _heck_ `heck's`, what_heck", ("heck",), "*h**** **H***!** _h***_ `h***'s`, what_h***"),
        ("heck(s), Heck(er)(s)! heck*er hecks(x)", ("heck",), "h***(s), H***(er)(s)! h****er hecks(x)"),
        ("ass - hole, an ass – hole's |! Ass - |hole", ("ass-hole",), "a** - h***, an a** – h***'s! A** -h***"),
        ("ass - hole", ("asshole",), "a** - h***"),
        ("an ass - which", ("ass", "asshole"), "an a** - which"),
        ("ass - holes ass -", ("asshole",), "ass - holes ass -"),
        ("ass–hole ass—hole's, ASS‒hole ass−hole", ("ass-hole",), "a******* a*******'s, A******* a*******"),
        (
            "♪ Heck♪ @ass_hole heck´s #HolyHeck",
            ("heck", "ass-hole", "holy heck"),
            "♪ H***♪ @a******* h***´s #H*******",
        ),
        ("heck'in Heck’ler heck:iä heck:x heck't", ("heck",), "h***'in H***’ler h***:iä h***:x heck't"),
    ],
)
def test_blocked_words_are_masked(heard: str, blocked: tuple[str, ...], shown: str) -> None:
    assert written(heard, vocabulary(blocked=blocked)) == shown


def test_replacements_cannot_add_blocked_words() -> None:
    assert written("gosh now", vocabulary({"gosh": "darn it"}, ("darn",))) == "d*** it now"


def test_a_replacement_shares_the_time_of_the_phrase() -> None:
    given = vocabulary({"b c": "x y z w"})
    result = Substituter().apply(Hypothesis(words("a b c d")), given.rules, final=True).committed
    assert [(word.text, word.start, word.end) for word in result] == [
        ("a", 0.0, 0.5),
        ("x", 0.5, 0.75),
        ("y", 0.75, 1.0),
        ("z", 1.0, 1.25),
        ("w", 1.25, 1.5),
        ("d", 1.5, 2.0),
    ]


def test_the_beginning_of_a_phrase_is_tentative_until_it_is_decided() -> None:
    rewriter, rules = Substituter(), vocabulary({"new york": "NYC"}).rules
    first = rewriter.apply(Hypothesis(words("in New"), words("York", 2)), rules, final=False)
    assert (join(first.committed), join(first.tentative)) == ("in", "NYC")
    second = rewriter.apply(Hypothesis(words("in New shoes")), rules, final=False)
    assert (join(second.committed), join(second.tentative)) == ("in New shoes", "")
    third = rewriter.apply(Hypothesis(words("in New shoes new")), rules, final=True)
    assert (join(third.committed), third.tentative) == ("in New shoes new", ())
    assert join(rewriter.apply(Hypothesis(words("next one")), rules, final=False).committed) == "next one"


def test_changed_rules_do_not_change_committed_words() -> None:
    rewriter = Substituter()
    rewriter.apply(Hypothesis(words("red car")), vocabulary({"red": "blue"}).rules, final=False)
    after = rewriter.apply(
        Hypothesis(words("red car red")), vocabulary({"car": "bus", "red": "pink"}).rules, final=True
    )
    assert join(after.committed) == "blue car pink"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"replacements": {f"word {i}": "x" for i in range(501)}}, "501 entries"),
        ({"blocked": ["x" * 101]}, "101 characters"),
        ({"blocked": ["*"]}, "no word"),
        ({"blocked": ["holy *"]}, "blocks any word"),
        ({"blocked": ["a*b"]}, "not at its end"),
        ({"blocked": ["..."]}, "no word"),
        ({"hotwords": ["a\x07b"]}, "control characters"),
        ({"hotwords": [str(i) for i in range(101)]}, "101 entries"),
        ({"prompt": "x" * 601}, "601 characters"),
        ({"replacements": {"Red": "a", "red": "b"}}, "twice"),
    ],
)
def test_invalid_entries_are_refused(entries: dict[str, Any], reason: str) -> None:
    whole: dict[str, Any] = {"prompt": "", "hotwords": (), "replacements": {}, "blocked": (), **entries}
    with pytest.raises(BadRequest, match=reason):
        Vocabulary.parse(**whole)


def test_entries_are_normalized() -> None:
    given = Vocabulary.parse("  Names:\n Ada ", [" Ada ", "Ada"], {" sir  title. ": " Surtitle "}, ["darn", "darn"])
    assert given == Vocabulary("Names: Ada", ("Ada",), {"sir title": "Surtitle"}, ("darn",))


_SPOKEN = [
    *("a", "b", "c", "A", "b,", "c.", "|a", "|b", "ab", "abc", "東", "|京", "–", "|."),
    *("a-b", "ab-c", "|-b", "a's", "|'s", "ab’s", "l'a", "qu’ab", "#a", "*ab*", "a–b", "|—b", "abc'un", "b(s)", "ab:n"),
]
_spoken = st.sampled_from(_SPOKEN)
_text = st.lists(st.sampled_from(["a", "b", "c", "ab", "東京", "a-b", "abc"]), min_size=1, max_size=4).map(" ".join)
_vocabularies = st.builds(
    lambda replacements, blocked: vocabulary(replacements, tuple(blocked)),
    st.dictionaries(_text, st.one_of(st.just(""), _text), max_size=5),
    st.lists(st.one_of(_text, _text.map(lambda text: text + "*")), max_size=4),
)


def updates(script: list[tuple[list[str], int]]) -> list[Hypothesis]:
    """What an engine could say: each step commits some of what it believes, and ends with everything committed."""
    said: tuple[Word, ...] = ()
    steps = []
    for believed, count in script:
        new = words(" ".join(believed), len(said))
        said += new[:count]
        steps.append(Hypothesis(said, new[count:]))
    return [*steps, Hypothesis((*said, *steps[-1].tentative))]


_scripts = st.lists(st.tuples(st.lists(_spoken, max_size=5), st.integers(0, 5)), min_size=1, max_size=8).map(updates)


@given(_scripts, st.lists(_vocabularies, min_size=1, max_size=9))
def test_committed_words_only_grow_whatever_the_rules_become(steps: list[Hypothesis], rules: list[Vocabulary]) -> None:
    rewriter = Substituter()
    before: tuple[Word, ...] = ()
    for number, step in enumerate(steps):
        final = number == len(steps) - 1
        shown = rewriter.apply(step, rules[number % len(rules)].rules, final=final)
        assert shown.committed[: len(before)] == before
        before = shown.committed
        times = [(word.start, word.end) for word in (*shown.committed, *shown.tentative)]
        assert all(start <= end + 1e-9 for start, end in times)
        assert times == sorted(times)
    assert shown.tentative == ()


@given(_scripts, _vocabularies)
def test_step_by_step_gives_the_same_words_as_all_at_once(steps: list[Hypothesis], given: Vocabulary) -> None:
    rewriter = Substituter()
    for step in steps[:-1]:
        rewriter.apply(step, given.rules, final=False)
    stepwise = rewriter.apply(steps[-1], given.rules, final=True)
    assert stepwise == Substituter().apply(steps[-1], given.rules, final=True)


@given(_scripts)
def test_without_rules_nothing_changes(steps: list[Hypothesis]) -> None:
    rewriter, rules = Substituter(), Vocabulary().rules
    for number, step in enumerate(steps):
        assert rewriter.apply(step, rules, final=number == len(steps) - 1) == step


@given(_scripts, st.lists(st.sampled_from(["a", "b", "ab*", "c", "東京"]), max_size=4))
def test_no_blocked_word_is_ever_shown(steps: list[Hypothesis], blocked: list[str]) -> None:
    rewriter, rules = Substituter(), vocabulary(blocked=tuple(blocked)).rules
    for number, step in enumerate(steps):
        shown = rewriter.apply(step, rules, final=number == len(steps) - 1)
        for word in (*shown.committed, *shown.tentative):
            text = normalize(strip_punctuation(word.text))
            assert not any(text == entry or (entry[-1] == "*" and text.startswith(entry[:-1])) for entry in blocked)
