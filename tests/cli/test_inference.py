"""The option by which an inference pool recognizes."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from surtitle.cli.main import main
from surtitle.core.settings import Settings
from surtitle.pool.address import TOKEN_VARIABLE, URL_VARIABLE

POOL = "http://pool.example:8000"


@pytest.fixture(autouse=True)
def _no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "")  # restored afterwards


def run(*arguments: str, **environment: str) -> click.testing.Result:
    return CliRunner().invoke(main, ["serve", *arguments], env=environment)


@pytest.mark.parametrize(
    ("arguments", "engine", "model"),
    [
        ((), "pool", "pool:base"),
        (("--model", "small"), "pool", "pool:small"),
        (("--model", "pool:large-v3"), "auto", "pool:large-v3"),
        (("--engine", "pool", "--model", "tiny"), "pool", "pool:tiny"),
        (("--engine", "pocketsphinx"), "pocketsphinx", "pocketsphinx"),
        (("--engine", "whisper", "--model", "base"), "whisper", "base"),
        (("--model", "deepgram:nova-3"), "auto", "deepgram:nova-3"),
    ],
)
def test_a_pool_recognizes_unless_something_else_was_chosen(
    arguments: tuple[str, ...], engine: str, model: str, served: list[Settings]
) -> None:
    assert run("--inference", f"{POOL}/", *arguments, DEEPGRAM_API_KEY="key").output == ""
    (settings,) = served
    assert (settings.engine, settings.model) == (engine, model)
    assert os.environ[URL_VARIABLE] == POOL  # for the processes that the service starts


@pytest.mark.parametrize("variable", ["SURTITLE_SERVE_INFERENCE", URL_VARIABLE])
def test_the_environment_may_have_the_address(variable: str, served: list[Settings]) -> None:
    assert run("--translation-model", "pool:nllb", **{variable: POOL}).output == ""
    (settings,) = served
    assert (settings.model, settings.translation_model) == ("pool:base", "pool:nllb")


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (("--inference", "ray://head:10001"), {}, "http://head:8000"),
        (("--inference", "pool:8000"), {}, "not a complete one"),
        (("--inference", POOL), {TOKEN_VARIABLE: "not one"}, TOKEN_VARIABLE),
        (("--engine", "pool"), {}, "--inference"),
        (("--translation-model", "pool:nllb"), {}, "--inference"),
    ],
)
def test_what_cannot_work_is_reported_before_anything_starts(
    arguments: tuple[str, ...], environment: dict[str, str], reason: str, served: list[Settings]
) -> None:
    result = run(*arguments, **environment)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())
    assert not served
