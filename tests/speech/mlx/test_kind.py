"""The names of models for MLX, and where they can be used."""

from __future__ import annotations

import platform
import sys

import pytest

from surtitle.speech.kinds import find_model
from surtitle.speech.mlx.kind import MLX


def test_names_are_repositories_on_the_hub() -> None:
    assert MLX.repository("base") == "mlx-community/whisper-base-mlx"
    assert MLX.repository("large-v3-turbo") == "mlx-community/whisper-large-v3-turbo"
    assert find_model("mlx").name == "base"


@pytest.mark.parametrize("weights", ["weights.npz", "weights.safetensors"])
def test_a_model_is_a_configuration_and_weights(weights: str) -> None:
    assert MLX.select([weights, "README.md", "config.json"]) == ["config.json", weights]
    assert MLX.missing(["config.json", weights]) == set()
    assert MLX.missing([weights]) == {"config.json"}
    assert MLX.missing(["config.json"]) == {"weights.safetensors"}


@pytest.mark.parametrize(
    ("system", "machine", "reason"),
    [
        ("linux", "x86_64", "MLX is for Apple silicon: choose another recognizer"),
        ("darwin", "x86_64", "MLX is for Apple silicon: choose another recognizer"),
        ("darwin", "arm64", r"run `pip install 'surtitle\[mlx\]'`"),
    ],
)
def test_what_is_missing_depends_on_the_computer(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, reason: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(Exception, match=reason):
        find_model("mlx:base").check()
