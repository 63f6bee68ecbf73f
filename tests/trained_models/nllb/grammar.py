"""A grammar that says the same in English, French, Spanish and German.

A sentence is made of parts, and each language puts its own words, forms and order to them. It can also be
left unfinished, as a caption is that ends within a sentence.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = {"en": "eng_Latn", "fr": "fra_Latn", "es": "spa_Latn", "de": "deu_Latn"}

Texts = dict[str, str]
"""One meaning, by language."""

WORDS = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
_PERSONS = ("I", "you", "we", "they", "he", "she")
_FORM = {"I": 0, "you": 1, "we": 2, "they": 3, "he": 4, "she": 4}  # in the tables of verbs
_PRONOUNS = {
    "fr": ("je", "vous", "nous", "ils", "il", "elle"),
    "es": ("", "usted", "", "ellos", "él", "ella"),
    "de": ("ich", "Sie", "wir", "sie", "er", "sie"),
}
_HAVE = {"fr": ("ai", "avez", "avons", "ont", "a"), "de": ("habe", "haben", "haben", "haben", "hat")}
_BE = {
    "en": ("am", "are", "are", "are", "is"),
    "fr": ("suis", "êtes", "sommes", "sont", "est"),
    "es": ("está", "están"),
    "de": ("ist", "sind"),
}
_VOWELS = tuple("aeiouyéèêâîôhAEIOUYÉÈÊH")


@dataclass(frozen=True)
class Noun:
    """``forms`` by language: singular, plural, gender ("m", "f", "n")."""

    forms: dict[str, tuple[str, str, str]]

    def word(self, language: str, plural: bool) -> str:
        return self.forms[language][1 if plural else 0]

    def gender(self, language: str) -> str:
        return self.forms[language][2]


def _nouns(kind: str) -> list[Noun]:
    found = []
    for line in WORDS[kind]:
        en, ens, fr, frs, frg, es, ess, esg, de, des, deg = (part.strip() for part in line.split("|"))
        found.append(Noun({"en": (en, ens, ""), "fr": (fr, frs, frg), "es": (es, ess, esg), "de": (de, des, deg)}))
    return found


THINGS, PEOPLE = _nouns("things"), _nouns("people")


@dataclass(frozen=True)
class Speaker:
    """A subject: its words, and which form of a verb it takes."""

    words: Texts
    form: int
    noun: Noun | None = None


def _subject(rng: random.Random) -> Speaker:
    choice = rng.random()
    if choice < 0.45:
        at = rng.randrange(len(_PERSONS))
        words = {language: forms[at] for language, forms in _PRONOUNS.items()}
        return Speaker({"en": _PERSONS[at], **words}, _FORM[_PERSONS[at]])
    if choice < 0.6:
        name = rng.choice(WORDS["names"])
        return Speaker(dict.fromkeys(LANGUAGES, name), 4)
    noun = rng.choice(PEOPLE)
    return Speaker(_phrase(noun, "my" if rng.random() < 0.3 else "the", None, False, "nominative"), 4, noun)


def _phrase(noun: Noun, kind: str, adjective: str | None, plural: bool, case: str) -> Texts:
    """A noun with its article ("the", "a", "my", "your") and perhaps an adjective."""
    english = " ".join(part for part in (kind, adjective, noun.word("en", plural)) if part)
    if kind == "a" and (adjective or noun.word("en", plural))[0] in "aeiou":
        english = "an" + english[1:]
    return {
        "en": english,
        "fr": _french(noun, kind, adjective, plural),
        "es": _spanish(noun, kind, adjective, plural),
        "de": _german(noun, kind, adjective, plural, case),
    }


def _french(noun: Noun, kind: str, adjective: str | None, plural: bool) -> str:
    word, gender = noun.word("fr", plural), noun.gender("fr")
    before = after = ""
    if adjective:
        form = _adjective("fr", adjective, gender, plural)
        if adjective in WORDS["french_before"]:
            before = form + " "
        else:
            after = " " + form
    rest = before + word + after
    vowel = rest.startswith(_VOWELS)
    if kind == "the":
        article = "les " if plural else "l'" if vowel else "le " if gender == "m" else "la "
    elif kind == "a":
        article = "des " if plural else "un " if gender == "m" else "une "
    else:
        forms = {"my": ("mon ", "ma ", "mes "), "your": ("votre ", "votre ", "vos ")}[kind]
        article = forms[2] if plural else forms[0] if gender == "m" or vowel else forms[1]
    return article + rest


def _spanish(noun: Noun, kind: str, adjective: str | None, plural: bool) -> str:
    gender = noun.gender("es")
    articles = {
        "the": ("el", "la", "los", "las"),
        "a": ("un", "una", "unos", "unas"),
        "my": ("mi", "mi", "mis", "mis"),
        "your": ("su", "su", "sus", "sus"),
    }[kind]
    article = articles[2 * plural + (gender == "f")]
    parts = [article, noun.word("es", plural)]
    return " ".join([*parts, _adjective("es", adjective, gender, plural)] if adjective else parts)


def _german(noun: Noun, kind: str, adjective: str | None, plural: bool, case: str) -> str:
    gender = "p" if plural else noun.gender("de")
    accusative = case == "accusative"
    if kind == "the":
        article = {"m": "den" if accusative else "der", "f": "die", "n": "das", "p": "die"}[gender]
        ending = {"m": "en" if accusative else "e", "f": "e", "n": "e", "p": "en"}[gender]
    else:
        stem = {"a": "ein", "my": "mein", "your": "Ihr"}[kind]
        article = stem + {"m": "en" if accusative else "", "f": "e", "n": "", "p": "e"}[gender]
        ending = {"m": "en" if accusative else "er", "f": "e", "n": "es", "p": "en"}[gender]
        if kind == "a" and plural:
            article, ending = "", "e"
    parts = [article, WORDS["adjectives"][adjective]["de"] + ending] if adjective else [article]
    return " ".join(part for part in [*parts, noun.word("de", plural)] if part)


def _adjective(language: str, adjective: str, gender: str, plural: bool) -> str:
    forms = WORDS["adjectives"][adjective][language]
    return str(forms[2 * plural + (gender == "f")])


def _object(rng: random.Random) -> Texts:
    if rng.random() < 0.12:
        noun, adjective = rng.choice(PEOPLE), None
        kinds = ["the", "my", "your"]
        plural = False
    else:
        noun = rng.choice(THINGS)
        adjective = rng.choice(list(WORDS["adjectives"])) if rng.random() < 0.35 else None
        plural = rng.random() < 0.25
        kinds = ["the", "the", "my", "your"] + ([] if plural else ["a"])
        if plural and rng.random() < 0.4:
            number = rng.choice(list(WORDS["numbers"]))
            said = WORDS["numbers"][number]
            return {"en": f"{number} {noun.word('en', True)}"} | {
                language: f"{said[language]} {noun.word(language, True)}" for language in ("fr", "es", "de")
            }
    return _phrase(noun, rng.choice(kinds), adjective, plural, "accusative")


def _clause(rng: random.Random, finished: bool) -> tuple[Texts, Speaker]:
    """A statement; one that is not finished lacks what comes last in English."""
    subject = _subject(rng)
    form = subject.form
    verb = rng.choice(WORDS["verbs"])
    thing: Texts = _object(rng)
    extras: list[Texts] = []
    pattern = rng.random()
    tense = "past" if pattern < 0.4 else "modal" if pattern < 0.85 else "be"
    if tense == "be":
        return _being(rng, finished)
    if rng.random() < 0.5:
        extras.append(rng.choice(WORDS["places"]))
    if rng.random() < 0.4:
        extras.append(rng.choice(WORDS["times"]["past" if tense == "past" else "future"]))
    have_object = True
    if not finished:
        cut = rng.randrange(3)
        extras = extras[: rng.randrange(len(extras) + 1)] if cut == 0 else []
        have_object = cut < 2
    if not have_object:
        thing = dict.fromkeys(LANGUAGES, "")
    more = {language: [extra[language] for extra in extras] for language in LANGUAGES}
    if tense == "past":
        said = {
            "en": [subject.words["en"], verb["en"][1], thing["en"], *more["en"]],
            "fr": [_je(subject.words["fr"], _HAVE["fr"][form]), _HAVE["fr"][form], verb["fr"][1], thing["fr"]],
            "es": [subject.words["es"], verb["es"][1 + form], _whom(thing["es"], verb), *more["es"]],
            "de": [subject.words["de"], _HAVE["de"][form], thing["de"], *more["de"], verb["de"][1]],
        }
    else:
        name = rng.choice(list(WORDS["modals"]))
        modal = WORDS["modals"][name]
        no = {"fr": ["pas"], "de": ["nicht"]} if name == "cannot" else {"fr": [], "de": []}
        said = {
            "en": [subject.words["en"], modal["en"][form], verb["en"][0], thing["en"], *more["en"]],
            "fr": [
                _je(subject.words["fr"], modal["fr"][form]),
                modal["fr"][form],
                *no["fr"],
                verb["fr"][0],
                thing["fr"],
            ],
            "es": [subject.words["es"], modal["es"][form], verb["es"][0], _whom(thing["es"], verb), *more["es"]],
            "de": [subject.words["de"], modal["de"][form], thing["de"], *more["de"], *no["de"], verb["de"][0]],
        }
    said["fr"] += more["fr"]
    return {language: _spaced(parts) for language, parts in said.items()}, subject


def _being(rng: random.Random, finished: bool) -> tuple[Texts, Speaker]:
    """What something is like, or where."""
    plural = rng.random() < 0.25
    noun = rng.choice(THINGS)
    subject = _phrase(noun, rng.choice(["the", "my", "your"]), None, plural, "nominative")
    be = {
        "en": ("are" if plural else "is", "were" if plural else "was"),
        "fr": ("sont" if plural else "est", "étaient" if plural else "était"),
        "es": ("están" if plural else "está", "estaban" if plural else "estaba"),
        "de": ("sind" if plural else "ist", "waren" if plural else "war"),
    }
    when = rng.randrange(2)
    parts = {language: [subject[language], be[language][when]] for language in LANGUAGES}
    if finished or rng.random() < 0.3:
        if rng.random() < 0.6:
            adjective = rng.choice(list(WORDS["adjectives"]))
            very = rng.random() < 0.25
            if very:
                for language, word in {"en": "very", "fr": "très", "es": "muy", "de": "sehr"}.items():
                    parts[language].append(word)
            parts["en"].append(adjective)
            parts["de"].append(WORDS["adjectives"][adjective]["de"])
            for language in ("fr", "es"):
                parts[language].append(_adjective(language, adjective, noun.gender(language), plural))
        else:
            place = rng.choice(WORDS["places"])
            for language in LANGUAGES:
                parts[language].append(place[language])
    return {language: _spaced(words) for language, words in parts.items()}, Speaker(subject, 4, noun)


def _je(pronoun: str, following: str) -> str:
    return "j'" if pronoun == "je" and following.startswith(_VOWELS) else pronoun


def _whom(phrase: str, verb: dict[str, list[str]]) -> str:
    """Spanish says "a" before people."""
    people = {noun.word("es", False) for noun in PEOPLE}
    if not phrase or phrase.split()[-1] not in people:
        return phrase
    return "al " + phrase[3:] if phrase.startswith("el ") else "a " + phrase


def _spaced(parts: list[str]) -> str:
    return " ".join(part for part in parts if part).replace("' ", "'")


def sentence(rng: random.Random) -> Texts:
    """A sentence, or the beginning of one, as captions have them."""
    choice = rng.random()
    if choice < 0.06:
        return rng.choice(set_phrases())
    if choice < 0.12:
        return _question(rng)
    finished = rng.random() < 0.75
    if rng.random() < 0.65:
        text, _ = _clause(rng, finished)
    else:
        first, _ = _clause(rng, True)
        second, _ = _clause(rng, finished)
        link = rng.choice(WORDS["links"])
        text = {language: first[language] + link[language] + second[language] for language in LANGUAGES}
        if text["fr"][len(first["fr"]) + len(link["fr"]) :].startswith(_VOWELS):
            text["fr"] = text["fr"].replace(" parce que ", " parce qu'")
    return _capital(text, "." if finished else "")


def set_phrases() -> list[Texts]:
    """What is said in one way only."""
    return [_capital(dict(zip(LANGUAGES, phrase, strict=True)), "") for phrase in WORDS["phrases"]]


def _question(rng: random.Random) -> Texts:
    noun = rng.choice(THINGS)
    if rng.random() < 0.5:
        subject = _phrase(noun, rng.choice(["the", "my", "your"]), None, False, "nominative")
        asked = {"en": "where is ", "fr": "où est ", "es": "¿dónde está ", "de": "wo ist "}
        text = {language: asked[language] + subject[language] for language in LANGUAGES}
    else:
        thing, verb = _object(rng), rng.choice(WORDS["verbs"])
        text = {
            "en": f"can you {verb['en'][0]} {thing['en']}",
            "fr": f"pouvez-vous {verb['fr'][0]} {thing['fr']}",
            "es": f"¿puede {verb['es'][0]} {_whom(thing['es'], verb)}",
            "de": f"können Sie {thing['de']} {verb['de'][0]}",
        }
    return _capital(text, "?")


def _capital(text: Texts, end: str) -> Texts:
    found = {}
    for language, said in text.items():
        at = 1 if said.startswith("¿") else 0
        mark = " ?" if end == "?" and language == "fr" else end
        found[language] = said[:at] + said[at : at + 1].upper() + said[at + 1 :] + mark
    return found


def plain(text: Texts) -> Texts:
    """As a recognizer writes that knows neither capitals nor marks; German keeps the capitals of nouns."""
    found = {}
    for language, said in text.items():
        bare = "".join(character for character in said if character not in ".?!,¿").strip()
        keep = language == "de" or bare.split(" ")[0] in ("I", *WORDS["names"])
        found[language] = bare if keep else bare[:1].lower() + bare[1:]
    return found
