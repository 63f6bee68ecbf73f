"""The prose of the project is plain English: documents, comments, docstrings and messages.

The rules are in styles/Surtitle, in the format of Vale, so that editors can apply them as well. Vale's own program is
not available from a package index, so the rules are applied here.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STYLES = ROOT / "styles" / "Surtitle"

CHECKED = [  # patterns, or folders of which all documents and code are checked
    "*.md",
    ".github/**/*.md",
    "benchmarks",
    "chrome-extension",
    "docs/*.md",
    "obs_overlay",
    "scripts",
    "store",
    "service/surtitle",
    "tests",
]
OTHERS = {".cache", "node_modules"}
"""Folders of programs of others, which benchmarks and tools install."""
KINDS = ("tests/**/*.py", ".md", ".py", ".js", ".html", "_locales/en/messages.json")
"""Kinds of files; in tests, strings other than docstrings are mostly data, so they are not checked."""

_CODE = "\x00"  # replaces each character that is not prose; no rule matches it


class Rule(NamedTuple):
    pattern: re.Pattern[str]
    advice: str
    """What to write instead."""


@cache
def rules() -> list[Rule]:
    return [rule for path in sorted(STYLES.glob("*.yml")) for rule in _rules_of(path)]


def _rules_of(path: Path) -> Iterator[Rule]:
    """The rules of one style: substitutions (``swap``) and existence checks (``tokens``)."""
    style = yaml.safe_load(path.read_text(encoding="utf-8"))
    flags = re.IGNORECASE if style["ignorecase"] else re.NOFLAG
    for wrong, right in style.get("swap", {}).items():
        before = r"(?<!\w)" if wrong[0] not in ",;" else ""
        alternatives = " or ".join(f"“{alternative}”" for alternative in right.split("|"))
        yield Rule(_across_lines(rf"{before}(?:{wrong})(?!\w)", flags), alternatives)
    for token in style.get("tokens", []):
        yield Rule(_across_lines(token, flags), style["message"].partition(":")[0])


def _across_lines(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """A pattern in which a space also matches a line break with the indentation after it."""
    return re.compile(pattern.replace(" ", r"\s+"), flags)


def prose(text: str, kind: str) -> str:
    """``text`` with everything masked that is not prose; line numbers stay the same.

    ``kind`` is one of ``KINDS``.
    """
    match kind:
        case ".md":
            return _without(text, r"^ *```.*?^ *```$|``.+?``|`[^`]+`|\]\([^)\s]*\)|<?https?:[^\s)>]+>?")
        case ".html":
            return _without(text, r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>|\{[{%#].*?[}%#]\}")
        case ".py":
            return _only(text, _python_prose(text))
        case "tests/**/*.py":
            return _only(text, _python_prose(text, data=True))
        case ".js":
            return _only(text, _javascript_prose(text))
        case _:
            return _without(text, r'"[^"]*"\s*:|[{}\[\],]')


def _without(text: str, code: str) -> str:
    return re.sub(code, lambda match: re.sub(r"\S", _CODE, match[0]), text, flags=re.DOTALL | re.MULTILINE)


def _only(text: str, spans: Iterator[tuple[int, int]]) -> str:
    masked = list(re.sub(r"\S", _CODE, text))
    for start, end in spans:
        masked[start:end] = re.sub(r"``.+?``|`[^`\n]+`", lambda match: _CODE * len(match[0]), text[start:end])
    # A sentence may continue on the next line, after the mark of the comment.
    return re.sub(r"(?m)^\s*(?:#|//|/?\*+)", lambda match: re.sub(r"\S", " ", match[0]), "".join(masked))


def _python_prose(text: str, *, data: bool = False) -> Iterator[tuple[int, int]]:
    """Comments and strings, from offset to offset; ``data``: of the strings, only docstrings."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    strings = (tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))  # the latter since Python 3.12
    before = tokenize.NEWLINE  # the type of the preceding token that is neither a comment nor a blank line
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_prose = not data or before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if token.type == tokenize.COMMENT or (token.type in strings and is_prose):
            (first, start), (last, end) = token.start, token.end
            yield lines[first - 1] + start, lines[last - 1] + end
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type


def _javascript_prose(text: str) -> Iterator[tuple[int, int]]:
    """Comments and strings, from offset to offset. A regular expression may contain quotes, so it is skipped."""
    comments = r"//[^\n]*|/\*.*?\*/"
    strings = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`'
    regex = r"(?<=[(,=:!&|?])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/"
    for match in re.finditer(rf"(?P<regex>{regex})|{comments}|{strings}", text, re.DOTALL):
        if not match["regex"]:
            yield match.span()


def findings(text: str) -> list[tuple[int, str, str]]:
    """For each violation, its line, its words, and what to write instead."""
    text = re.sub(rf"{_CODE}[{_CODE} ]*{_CODE}", _CODE, text)  # most of it is code, and there are hundreds of rules
    return sorted(
        (text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), rule.advice)
        for rule in rules()
        for match in rule.pattern.finditer(text)
    )


def kind_of(path: Path) -> str | None:
    if path.suffix == ".py" and path.is_relative_to(ROOT / "tests"):
        return "tests/**/*.py"
    return next((kind for kind in KINDS if path.as_posix().endswith(kind)), None)


def checked_files() -> list[Path]:
    files = {
        file
        for entry in CHECKED
        for file in (ROOT.joinpath(entry).rglob("*") if ROOT.joinpath(entry).is_dir() else ROOT.glob(entry))
    }
    files = {file for file in files if not OTHERS.intersection(file.relative_to(ROOT).parts)}
    return sorted(file for file in files - {Path(__file__)} if kind_of(file))


@pytest.mark.parametrize("path", checked_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_prose_is_plain_english(path: Path) -> None:
    text = prose(path.read_text(encoding="utf-8"), kind_of(path) or "")
    name = path.relative_to(ROOT).as_posix()
    found = [f"{name}:{line}: “{words}”: write {advice}" for line, words, advice in findings(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("slip", "advice"),
    [
        ("abc123 counts no more.", "is revoked"),
        ("With a new secret, old tokens count no more. Make it?", "is revoked"),
        ("TLS cannot be had with cert.pem.", "cannot be used"),
        ("It takes no sound any more.", "no longer"),
        ("'x' is no limit.", "is not a"),
        ("So many samples are not captioned.", "the number of"),
        ("Words are rewritten first, for that knows nothing of voices.", "because"),
        ("The state says how it\nstands.", "the status"),
        ("It is on loopback unless told otherwise.", "by default"),
        ("It begins anew.", "again"),
        ("It sees to it that only one sends.", "ensure that"),
        ("The reader is let go.", "is disconnected"),
        ("One link was taken back.", "revoke"),
        ("A list goes on below.", "continue"),
        ("Who may publish may also read.", "a subject"),
        ("The least recent is dropped. Whoever has it waits.", "a subject"),
        ("The colours of speakers", "color"),
    ],
)
def test_a_slip_is_found_with_advice(slip: str, advice: str) -> None:
    (_, _, found), *_ = findings(slip)
    assert advice in found


@pytest.mark.parametrize(
    "sentence",
    [
        "It needs no more memory than before, and there is no limit.",
        "Who may use it? Everybody who has a token.",
        "The sound is sent to a service for this computer.",
        "It tells voices apart, and says who speaks.",
        "A color, an analysis, and a neighbor.",
    ],
)
def test_good_english_passes(sentence: str) -> None:
    assert not findings(sentence)


@pytest.mark.parametrize(
    ("kind", "text", "lines"),
    [
        (".md", "Begin anew.\n`anew` and [it](anew.md)\n```\nanew\n```\nand anew", [1, 6]),
        (".py", 'anew = 1  # begins anew\nx = f"{anew} anew"\n"""Not `anew`, but\n    anew."""\n', [1, 2, 2, 4]),
        (".py", "x = 1\n# the state says how it\n# stands\ny = 2  # counts\nz = 3  # no more than it is\n", [2]),
        ("tests/**/*.py", 'x = "anew"  # anew\ndef f():\n    """Anew."""\n    return "anew"\n', [1, 3]),
        (".js", "const anew = 1; // begins anew\n/** how it\n * stands */\nf(/\"/, 'anew', anew);\n", [1, 2, 4]),
        (".html", '<p class="anew">anew</p>{{ anew }}\n', [1]),
        ("_locales/en/messages.json", '{\n"anew": {"message": "Begin anew"}}\n', [2]),
    ],
)
def test_only_prose_is_checked(kind: str, text: str, lines: list[int]) -> None:
    assert [line for line, _, _ in findings(prose(text, kind))] == lines
