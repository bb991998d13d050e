"""Compression: what is dropped is what was asked for, the rest answers as before, and every figure is measured."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_model import CONFIG, WORDS, Built
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel
from typer.testing import CliRunner

from model.artefact import TOKENIZER, WIDE, EncoderPart, read_manifest, reader_files, sha256, write_manifest
from model.classifier import Classifier
from model.commands import app
from model.compression import Form, compress, keep_layers
from model.errors import ConfigError
from model.export import export_int8
from model.network import Network, load_network, save_network
from model.pareto import Measured, beats
from model.vocabulary import count_pieces
from model.wordpiece_pruning import needed_pieces, prune_embeddings, prune_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *("##" + letter for letter in LETTERS), *WORDS]
PIECES += ["##ing", "##ed", "over", "##flow", "quarter"]
USED = ["profit rise", "court fall ing", "bank raises overed"]


def _wordpiece() -> Tokenizer:
    vocabulary = {piece: place for place, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    return tokenizer


def _kept() -> list[int]:
    return needed_pieces(_wordpiece(), count_pieces(_wordpiece(), USED))


def _network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(PIECES), max_position_embeddings=64, pad_token_id=0, **sizes)
    return Network(BertModel(config, add_pooling_layer=False))


@pytest.fixture(scope="module")
def english(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build whose English encoder reads WordPiece; its weights are random, which compression cannot know."""
    folder = tmp_path_factory.mktemp("wordpiece")
    for name in ("en", "zh"):
        (folder / name).mkdir()
    network = _network()
    save_network(network, folder / "en")
    export_int8(network, folder / "en" / "model.int8.onnx")
    _wordpiece().save(str(folder / "en" / TOKENIZER))
    for name in ("model.int8.onnx", TOKENIZER, WIDE, "network.pt"):
        (folder / "zh" / name).write_bytes((built.folder / "zh" / name).read_bytes())
    encoders = built.manifest.encoders | {"en": EncoderPart(24, 0)}
    files = {name: sha256(folder / name) for name in reader_files(encoders)}
    write_manifest(folder, msgspec.structs.replace(built.manifest, encoders=encoders, files=files))
    return folder


def test_used_pieces_single_characters_and_marks_are_kept() -> None:
    kept = {PIECES[place] for place in _kept()}
    assert {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "profit", "over", "##ed", "a", "##z"} <= kept
    assert not {"quarter", "##flow", "[unused0]", "dividend"} & kept


def test_rare_pieces_go_as_well_if_asked() -> None:
    counts = Counter({PIECES.index("profit"): 1, PIECES.index("court"): 3})
    kept = {PIECES[place] for place in needed_pieces(_wordpiece(), counts, at_least=2)}
    assert "court" in kept
    assert "profit" not in kept


@given(st.lists(st.sampled_from([word for text in USED for word in text.split()]), max_size=12))
def test_text_of_kept_pieces_is_cut_as_before(words: list[str]) -> None:
    kept, text = _kept(), " ".join(words)
    pruned = prune_tokenizer(_wordpiece(), kept)
    assert [kept[new] for new in pruned.encode(text).ids] == _wordpiece().encode(text).ids
    pair = ("bank", text)
    assert pruned.encode(*pair).tokens == _wordpiece().encode(*pair).tokens


@given(st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=6))
def test_no_word_becomes_unknown_and_nothing_is_lost(words: list[str]) -> None:
    tokens = prune_tokenizer(_wordpiece(), _kept()).encode(" ".join(words)).tokens
    assert "[UNK]" not in tokens
    assert "".join(token.removeprefix("##") for token in tokens[1:-1]) == "".join(words)


def test_a_pruned_network_answers_as_before() -> None:
    kept, network = _kept(), _network().eval()
    ids = torch.tensor([_wordpiece().encode("profit rise").ids])
    new = torch.tensor([prune_tokenizer(_wordpiece(), kept).encode("profit rise").ids])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        before = network(ids, mask)
        prune_embeddings(network, kept)
        torch.testing.assert_close(network(new, mask), before)
    assert network.encoder.config.vocab_size == len(kept)


def test_layers_are_dropped_in_place() -> None:
    network = _network()
    last = network.encoder.encoder.layer[2]
    keep_layers(network, (0, 2))
    assert network.encoder.encoder.layer[1] is last
    assert network.encoder.config.num_hidden_layers == 2


@pytest.mark.parametrize("layers", [(), (2, 0), (0, 3), (1, 1)])
def test_layers_that_are_not_there_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="layers"):
        keep_layers(_network(), layers)


def test_a_form_is_a_whole_model_of_its_own(english: Path, tmp_path: Path) -> None:
    folder = compress(english, "en", Form("cut", cut_vocabulary=True), USED, tmp_path / "cut")
    before, after = Classifier.load(english), Classifier.load(tmp_path / "cut")
    texts = ["profit rise", "公司股价上涨"]
    np.testing.assert_allclose(
        after.all_logits(after.encode(texts))[0], before.all_logits(before.encode(texts))[0], atol=1e-3
    )
    assert after.version != before.version
    assert after.manifest.training["compressed"]["en"]["cut_vocabulary"]
    assert (folder / "model.int8.onnx").stat().st_size < (english / "en" / "model.int8.onnx").stat().st_size
    assert load_network(folder).encoder.config.vocab_size == len(_kept())


def test_a_unigram_vocabulary_is_not_cut_after_training(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="piece_at_least"):
        compress(built.folder, "zh", Form("cut", cut_vocabulary=True), ["公司"], tmp_path / "cut")
    with pytest.raises(ConfigError, match="no encoder 'fr'"):
        compress(built.folder, "fr", Form("whole"), [], tmp_path / "whole")


def _measured(accuracy: float, megabytes: float, speed: float) -> Measured:
    return Measured("a", "onnx", accuracy, {}, megabytes, speed, False)


def test_who_beats_whom() -> None:
    best = _measured(0.9, 10, 100)
    assert beats(best, _measured(0.9, 10, 90))
    assert not beats(best, best)
    assert not beats(best, _measured(0.8, 9, 90))
    assert beats(_measured(0.8, 9, 100), _measured(0.8, 10, 90))


def test_the_command_measures_every_form_side_by_side(english: Path, built: Built, tmp_path: Path) -> None:
    command = ["compress", str(english), "--data", str(built.data), "--out", str(tmp_path), "--layers", "0,2"]
    command += ["--limit", "5", "--rounds", "1"]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    forms = {one["name"]: one for one in json.loads(result.stdout)["forms"]}
    expected = ("whole", "cut", "layers-0-2", "layers-0-2-cut")
    assert set(forms) == {f"{name} {kind}" for name in expected for kind in ("fp32", "int8")}
    assert forms["cut fp32"]["accuracy"] == forms["whole fp32"]["accuracy"]
    assert forms["whole int8"]["megabytes"] < forms["whole fp32"]["megabytes"]
    assert forms["layers-0-2 int8"]["megabytes"] < forms["whole int8"]["megabytes"]
    assert not forms["whole fp32"]["best"] or not forms["cut fp32"]["best"]
    assert all(one["texts_per_second"] > 0 for one in forms.values())
    assert read_manifest(tmp_path / "layers-0-2-cut").routes == {"en": "en", "zh": "zh"}
    table = CliRunner().invoke(app, [*command, "--no-vocabulary"])
    assert "texts/s" in table.stdout


def test_layers_must_be_numbers(built: Built, tmp_path: Path) -> None:
    command = ["compress", str(built.folder), "--data", str(built.data), "--out", str(tmp_path), "--layers", "first"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "commas" in result.stderr


def test_the_split_is_that_of_the_build(built: Built) -> None:
    assert built.manifest.training["seed"] == CONFIG.seed
