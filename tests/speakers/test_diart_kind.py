"""Which networks a model for Diart consists of."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.core.errors import ModelError
from surtitle.speakers.diart_kind import KIND, Networks, Settings, find_networks
from surtitle.speakers.kinds import find_diarizer


def test_the_default_is_two_names_on_the_hub() -> None:
    model = find_diarizer("diart")
    assert model.kind.name == "diart"
    networks = find_networks(model.name)
    assert (networks.segmentation, networks.embedding) == tuple(KIND.default.split("+"))
    assert networks.settings == Settings()


def test_a_folder_has_both_networks_and_their_settings(tmp_path: Path) -> None:
    (tmp_path / "segmentation.onnx").touch()
    (tmp_path / "embedding").mkdir()
    (tmp_path / "diart.json").write_text('{"delta_new": 0.65}')
    found = find_networks(str(tmp_path))
    parts = (str(tmp_path / "segmentation.onnx"), str(tmp_path / "embedding"))
    assert found == Networks(*parts, Settings(delta_new=0.65))


@pytest.mark.parametrize("name", ["pyannote/segmentation-3.0", "+embedding", "segmentation+", "/no/such/folder"])
def test_a_name_of_one_network_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="not a model for Diart: give a folder"):
        find_networks(name)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "segmentation.onnx").touch()
    with pytest.raises(ModelError, match=r"has no network for embedding: add embedding\.onnx"):
        KIND.check_model(str(tmp_path))


@pytest.mark.parametrize("text", ["", "{", '{"delta": 1}', '{"delta_new": "far"}'])
def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    for name in ("segmentation.onnx", "embedding.onnx"):
        (tmp_path / name).touch()
    (tmp_path / "diart.json").write_text(text)
    with pytest.raises(ModelError, match=r"Cannot read .*diart\.json"):
        find_networks(str(tmp_path))
