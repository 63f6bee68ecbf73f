"""Streaming models run by sherpa-onnx: their files, tokens, languages, and what is said when something is wrong.

What needs a model uses a small one that was trained for tests (tests/trained_models/sherpa_onnx).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.conformance import read_sample
from surtitle.core.errors import EngineError, ModelError
from surtitle.core.words import Word, join
from surtitle.speech.engine import Hints
from surtitle.speech.kinds import find_model
from surtitle.speech.plain_text import add_period, capitalize
from surtitle.speech.sherpa_onnx.files import find_files, missing_files, select_files
from surtitle.speech.sherpa_onnx.kind import KIND
from surtitle.speech.sherpa_onnx.languages import find_languages, guess_language
from surtitle.speech.sherpa_onnx.model import Network, SherpaModel
from surtitle.speech.sherpa_onnx.tokens import Tokens, Vocabulary, make_words, read_vocabulary
from tests.speech.sherpa_onnx.miniature import MINIATURE, need_sherpa_onnx

PIECES = Vocabulary(marked=True, cased=False, punctuated=False, upper=True, unspaced=False)
CHARACTERS = Vocabulary(marked=False, cased=False, punctuated=False, upper=False, unspaced=True)


def tokens(*texts: str, text: str = "") -> Tokens:
    """Tokens at 0, 1, 2 ... tenths of a second."""
    return Tokens(texts, [number / 10 for number in range(len(texts))], [0.5] * len(texts), text)


# files


def test_networks_with_8_bits_and_the_longest_context_are_preferred() -> None:
    names = [
        f"{role}-epoch-99-avg-1-chunk-16-left-{left}{precision}.onnx"
        for role in ("encoder", "decoder", "joiner")
        for left in (64, 128)
        for precision in ("", ".int8", ".fp16")
    ]
    selected = select_files([*names, "tokens.txt", "bpe.model", "bpe.vocab", "README.md", "export.sh"])
    end = "epoch-99-avg-1-chunk-16-left-128.int8.onnx"
    assert selected == ["tokens.txt", "bpe.vocab", f"encoder-{end}", f"decoder-{end}", f"joiner-{end}"]


def test_a_network_that_is_not_there_with_8_bits_is_taken_as_it_is() -> None:
    names = ["tokens.txt", "encoder.int8.onnx", "encoder.onnx", "decoder.onnx", "joiner.fp16.onnx", "joiner.onnx"]
    assert select_files(names) == ["tokens.txt", "encoder.int8.onnx", "decoder.onnx", "joiner.onnx"]


@pytest.mark.parametrize(
    ("names", "transducer", "ctc"),
    [
        (["encoder.onnx", "decoder.onnx", "joiner.onnx"], True, False),
        (["encoder.int8.onnx", "decoder.int8.onnx"], False, False),
        (["model.int8.onnx", "model.onnx"], False, True),
        (["ctc-epoch-20-avg-1-chunk-16-left-128.int8.onnx"], False, True),
    ],
)
def test_kinds_of_models_are_known_by_their_files(names: list[str], transducer: bool, ctc: bool) -> None:
    files = find_files([*names, "tokens.txt"])
    assert files is not None
    assert (files.is_transducer, files.is_ctc) == (transducer, ctc)


def test_what_is_missing_is_named() -> None:
    assert missing_files(["encoder.onnx", "decoder.onnx", "joiner.onnx"]) == {"tokens.txt"}
    assert missing_files(["tokens.txt", "encoder.onnx"]) == {
        "encoder*.onnx, decoder*.onnx and joiner*.onnx (or model*.onnx)"
    }
    assert missing_files(["tokens.txt", "model.onnx"]) == set()


# tokens


def test_tokens_with_marks_become_words() -> None:
    words = make_words(tokens(" HE", "LLO", " WOR", "LD", "'", "S"), PIECES, 2.0)
    assert [word.text for word in words] == ["HELLO", "WORLD'S"]
    assert [(word.start, word.end) for word in words] == [(0.0, 0.2), (0.2, pytest.approx(0.66))]
    assert words[0].probability == pytest.approx(0.5)


def test_no_word_ends_after_what_was_heard() -> None:
    words = make_words(tokens("▁a", "▁b", "▁c"), PIECES, 0.15)
    assert [(word.start, word.end) for word in words] == [(0.0, 0.1), (0.1, 0.15), (0.15, 0.15)]


def test_a_mark_belongs_to_the_word_before_it() -> None:
    words = make_words(tokens("▁Yes", ",", "▁I", "▁do", "▁", ".", "▁"), PIECES, 2.0)
    assert join(words) == "Yes, I do."
    assert len(words) == 3


def test_special_tokens_are_no_words() -> None:
    words = make_words(tokens("<unk>", "▁a", "<en-US>"), PIECES, 1.0)
    assert [(word.text, word.start) for word in words] == [("a", 0.1)]


def test_each_character_of_a_script_without_spaces_is_a_word() -> None:
    words = make_words(tokens("你", "好", "wo@@", "rd", "world", "世", "界"), CHARACTERS, 2.0)
    assert [word.text for word in words] == ["你", "好", "word", "world", "世", "界"]
    assert join(words) == "你好 word world世界"


def test_marked_pieces_of_two_scripts_are_divided() -> None:
    words = make_words(tokens("▁HE", "LLO", "你", "好", "▁A"), PIECES, 2.0)
    assert join(words) == "HELLO你好 A"


def test_bytes_become_characters() -> None:
    assert [word.text for word in make_words(tokens("▁na", "<0xC3>", "<0xAF>", "ve"), PIECES, 1.0)] == ["naïve"]
    assert [word.text for word in make_words(tokens("▁na", "<0xC3>"), PIECES, 1.0)] == ["na"]  # not complete yet


def test_tokens_that_are_no_text_give_times_to_the_text() -> None:
    words = make_words(tokens("ƌŕş", "▁ţ", "ƍĩ", "Ƃđ", text="两 hello"), CHARACTERS, 1.0)
    assert [word.text for word in words] == ["两", "hello"]
    assert 0.0 <= words[0].start <= words[0].end <= words[1].start <= words[1].end <= 1.0


def test_the_vocabulary_tells_what_a_model_writes() -> None:
    assert read_vocabulary(["<blk> 0", "<unk> 1", "▁THE 2", "S 3", "' 4"]) == Vocabulary(
        marked=True, cased=False, punctuated=False, upper=True, unspaced=False
    )
    assert read_vocabulary(["▁the 0", "▁The 1", ". 2", ", 3", "<blk> 4"]) == Vocabulary(
        marked=True, cased=True, punctuated=True, upper=False, unspaced=False
    )
    assert read_vocabulary(["<blank> 0", "你 1", "wo@@ 2"]).unspaced
    assert read_vocabulary(["а 0", " 33", "<blk> 34"]).marked  # a space divides the words


# text


def test_simple_capitals_and_periods() -> None:
    words = [Word(text, 0.0, 1.0) for text in ("then", "i", "ran")]
    assert join(add_period(capitalize(words))) == "Then I ran."
    assert join(capitalize(words, "fr")) == "Then i ran"
    assert add_period([]) == []
    chinese = [Word(text, 0.0, 1.0, spaced=False) for text in "你好"]
    assert join(add_period(chinese, "zh")) == join(add_period(chinese, "auto")) == "你好。"
    assert join(add_period([*words, Word("home?", 0.0, 1.0)])) == "then i ran home?"


# languages


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("sherpa-onnx:csukuangfj/sherpa-onnx-streaming-zipformer-en-2023-06-26", {"en"}),
        ("sherpa-onnx:/models/sherpa-onnx-streaming-paraformer-trilingual-zh-cantonese-en/", {"zh", "yue", "en"}),
        ("k2-fsa/sherpa-onnx-streaming-zipformer-korean-2024-06-16", {"ko"}),
        ("sherpa-onnx:zipformer-zh-en", {"zh", "en"}),
    ],
)
def test_the_name_tells_the_languages(name: str, languages: set[str]) -> None:
    assert find_languages(name, {}) == languages


def test_the_metadata_tells_the_languages_first() -> None:
    assert find_languages("model-fr", {"language": "German"}) == {"de"}
    assert {"en", "ja", "he"} <= find_languages("/my/model", {})  # any


def test_the_script_tells_one_of_two_languages() -> None:
    chinese, english = [Word("你", 0.0, 1.0, spaced=False)], [Word("hello", 0.0, 1.0)]
    assert guess_language(chinese, {"zh", "en"}) == "zh"
    assert guess_language(english, {"zh", "en"}) == "en"
    assert guess_language(english, {"de", "en"}) is None
    assert guess_language([], {"zh", "en"}) is None


# models


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").touch()
    with pytest.raises(ModelError, match=r"has no encoder\*\.onnx, .*: give the directory of a streaming model"):
        find_model(f"sherpa-onnx:{tmp_path}").on_disk()


def test_offered_models_have_names_of_repositories() -> None:
    for model in KIND.models:
        assert "/" in KIND.files.repository(model.name)
    assert KIND.default in {model.name for model in KIND.models}


ZIPFORMER_CTC = Network(dict.fromkeys(("encoder_dims", "query_head_dims", "decode_chunk_len", "T"), "1"), 18, 18)
NEMO_CTC = Network(dict.fromkeys(("window_size", "chunk_shift", "cache_last_channel_dim1"), "1"), 5, 5)
WENET_CTC = Network(dict.fromkeys(("head", "num_blocks", "right_context", "subsampling_factor"), "1"), 6, 3)
T_ONE_CTC = Network(dict.fromkeys(("frame_length_ms", "state_dim", "sample_rate"), "1"), 2, 2)
PARAFORMER = [Network({"decoder_num_blocks": "16"}, 2, 3), Network({}, 20, 18)]
NEMO = [Network({"window_size": "121"}, 5, 5), Network({}, 4, 4), Network({}, 2, 1)]


@pytest.mark.parametrize(
    ("names", "networks", "factory"),
    [
        (["model.onnx"], [ZIPFORMER_CTC], "from_zipformer2_ctc"),
        (["model.onnx"], [NEMO_CTC], "from_nemo_ctc"),
        (["model.onnx"], [WENET_CTC], "from_wenet_ctc"),
        (["model.onnx"], [T_ONE_CTC], "from_t_one_ctc"),
        (["encoder.onnx", "decoder.onnx"], PARAFORMER, "from_paraformer"),
        (["encoder.onnx", "decoder.onnx", "joiner.onnx"], NEMO, "from_transducer"),
    ],
)
def test_each_kind_of_model_is_loaded_as_what_it_is(
    tmp_path: Path, names: list[str], networks: list[Network], factory: str
) -> None:
    need_sherpa_onnx()
    import sherpa_onnx

    (tmp_path / "tokens.txt").write_text("<blk> 0\n▁THE 1\n", encoding="utf-8")
    for name in names:
        (tmp_path / name).touch()
    with (
        patch("surtitle.speech.sherpa_onnx.model._examine", side_effect=networks),
        patch.object(sherpa_onnx.OnlineRecognizer, factory) as load,
    ):
        model = SherpaModel(tmp_path)
    assert load.call_args.kwargs["decoding_method"] == "greedy_search"
    assert {Path(load.call_args.kwargs[name.removesuffix(".onnx")]).name for name in names} == set(names)
    assert not model.biasable
    model.close()


def test_an_offline_ctc_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("<blk> 0\n", encoding="utf-8")
    (tmp_path / "model.onnx").touch()
    network = Network({"model_type": "sense_voice_ctc"}, 4, 1)
    with (
        patch("surtitle.speech.sherpa_onnx.model._examine", return_value=network),
        pytest.raises(ModelError, match="is of no kind that can be streamed: choose a model with “streaming”"),
    ):
        SherpaModel(tmp_path)


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    need_sherpa_onnx()
    engine = find_model(f"sherpa-onnx:{MINIATURE}").load(MINIATURE)
    yield engine
    engine.close()


@pytest.mark.slow
def test_english_is_written_with_capitals_and_periods(engine: Any) -> None:
    stream = engine.open("en")
    heard = []
    for start, end in ((0.0, 4.0), (4.6, 8.0)):
        stream.accept(read_sample()[round(start * RATE) : round(end * RATE)], 0.0)
        heard.append(join(stream.finish().committed))
    stream.close()
    assert heard[0].startswith("Good evening ")
    assert heard[0].endswith(" to the show.")
    assert heard[1].startswith("The words that you read are written down while I am")
    assert heard[1].endswith(".")


@pytest.mark.slow
def test_hotwords_are_preferred_by_a_beam_search(engine: Any) -> None:
    assert engine._model.biasable
    stream = engine.open("en", Hints(hotwords=("evening", "welcome/show:", "unheard")))
    stream.accept(read_sample()[: 4 * RATE], 0.0)
    assert join(stream.finish().committed).endswith(" to the show.")
    assert engine._model._beam is not None
    stream.close()


@pytest.mark.slow
def test_the_last_word_is_committed_at_the_end_only(engine: Any) -> None:
    stream = engine.open("auto")
    assert stream.language == "en"
    seen = []
    for at in range(0, 4 * RATE, RATE // 10):
        hypothesis = stream.accept(read_sample()[at : at + RATE // 10], 0.0)
        seen.append(len(hypothesis.committed))
    assert seen[-1] >= 4
    assert len(stream.finish().committed) > seen[-1]
    stream.close()


@pytest.mark.slow
def test_an_error_ends_the_utterance_only(engine: Any) -> None:
    stream = engine.open("en")
    speech = read_sample()[: 4 * RATE]
    committed = stream.accept(speech[: 2 * RATE], 0.0).committed
    with patch.object(engine._model._greedy, "decode_stream", side_effect=RuntimeError("no memory")):
        with pytest.raises(EngineError, match=r"sherpa-onnx failed \(no memory\)"):
            stream.accept(speech[2 * RATE :], 0.0)
        assert stream.accept(speech, 0.0) is None  # the rest of the utterance is lost
    assert stream.finish().committed == committed
    stream.accept(speech, 0.0)
    assert len(stream.finish().committed) >= 4
    stream.close()


@pytest.mark.slow
def test_a_model_that_sherpa_onnx_does_not_like_ends_another_process(tmp_path: Path) -> None:
    need_sherpa_onnx()
    shutil.copytree(MINIATURE, tmp_path, dirs_exist_ok=True)
    encoder = tmp_path / "encoder.int8.onnx"
    encoder.write_bytes(encoder.read_bytes().replace(b"decode_chunk_len", b"decode_chunk_???"))
    with pytest.raises(
        ModelError, match=r"sherpa-onnx cannot use the model in .*decode_chunk_len.*: choose another one\.$"
    ):
        find_model(f"sherpa-onnx:{tmp_path}").load(tmp_path)


@pytest.mark.slow
def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    need_sherpa_onnx()
    shutil.copytree(MINIATURE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "joiner.onnx").write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(ModelError, match=r"Cannot read the model in .*may be damaged, so download them again\.$"):
        find_model(f"sherpa-onnx:{tmp_path}").load(tmp_path)


@pytest.mark.slow
def test_a_model_for_whole_recordings_is_refused(tmp_path: Path) -> None:
    need_sherpa_onnx()
    shutil.copytree(MINIATURE, tmp_path, dirs_exist_ok=True)
    shutil.copy(tmp_path / "joiner.onnx", tmp_path / "encoder.int8.onnx")  # two inputs, and no state
    with pytest.raises(ModelError, match="can only decode whole recordings: choose a model with “streaming”"):
        find_model(f"sherpa-onnx:{tmp_path}").load(tmp_path)
