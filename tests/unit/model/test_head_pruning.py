"""Head pruning: what matters least goes first, the rest answers as before, and any shape can be loaded and exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_model import Built
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel
from typer.testing import CliRunner

from model.artefact import TOKENIZER, read_manifest
from model.attention_heads import attention_layers, keep_heads
from model.classifier import Classifier
from model.commands import app
from model.compression import ONNX_FP32, Form, compress, keep_layers
from model.corpus import Corpus, part_examples
from model.datasets import Example, read_sets
from model.engines import OnnxEngine, TorchEngine
from model.errors import ConfigError
from model.export import export_onnx
from model.head_pruning import head_importance, heads_to_keep, prune_heads
from model.losses import sentiment_loss, topic_loss
from model.network import Network, load_network, save_network

HEADS, LAYERS, SIZE = 4, 3, 8
IDS = torch.tensor([[5, 9, 17, 20, 6], [5, 30, 6, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def _network() -> Network:
    torch.manual_seed(3)
    sizes = {"hidden_size": HEADS * SIZE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    config = BertConfig(vocab_size=200, max_position_embeddings=64, intermediate_size=64, pad_token_id=1, **sizes)
    network = Network(BertModel(config, add_pooling_layer=False)).eval()
    for attention in attention_layers(network.encoder):  # as BERT starts them, heads would hardly matter
        attention.self.value.weight.data.mul_(10)
        attention.output.dense.weight.data.mul_(10)
    return network


def _logits(network: Network) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        found: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = network(IDS, MASK)
    return found


def _silence(network: Network, layer: int, head: int) -> None:
    value = attention_layers(network.encoder)[layer].self.value
    value.weight.data[head * SIZE : (head + 1) * SIZE] = 0
    value.bias.data[head * SIZE : (head + 1) * SIZE] = 0


def _examples(built: Built) -> list[Example]:
    return part_examples(read_sets(built.data, seed=3), "dev", limit=6)


def _corpus(built: Built, examples: list[Example] | None = None) -> Corpus:
    tokenizer = Tokenizer.from_file(str(built.english / TOKENIZER))
    return Corpus(examples or _examples(built), tokenizer, 24, pad_id=1)


def _heads(network: Network) -> list[int]:
    return [attention.self.num_attention_heads for attention in attention_layers(network.encoder)]


def test_pruning_no_head_changes_nothing(built: Built) -> None:
    network = _network()
    before, weights = _logits(network), {name: one.clone() for name, one in network.state_dict().items()}
    assert prune_heads(network, _corpus(built), 0.0) == [[0, 1, 2, 3]] * LAYERS
    assert network.state_dict().keys() == weights.keys()
    assert all(torch.equal(network.state_dict()[name], one) for name, one in weights.items())
    torch.testing.assert_close(_logits(network), before, rtol=0, atol=0)


def test_a_head_that_writes_nothing_goes_first_and_changes_no_logit(built: Built) -> None:
    network = _network()
    _silence(network, 0, 2)
    _silence(network, 2, 0)
    _silence(network, 2, 3)
    before = _logits(network)
    assert prune_heads(network, _corpus(built), 3 / 12) == [[0, 1, 3], [0, 1, 2, 3], [1, 2]]
    torch.testing.assert_close(_logits(network), before)


def test_a_head_that_speaks_is_missed(built: Built) -> None:
    network = _network()
    before = _logits(network)
    prune_heads(network, _corpus(built), 0.5)
    assert (_logits(network)[0] - before[0]).abs().max() > 1e-3


def test_importance_is_the_mean_slope_of_the_loss(built: Built) -> None:
    """Against a difference quotient: each head's output is made a little larger and smaller."""
    network, chosen = _network().double(), _examples(built)
    found = head_importance(network, _corpus(built))

    def losses() -> np.ndarray:
        each = []
        for one in chosen:
            batch = _corpus(built, [one]).batch([0])
            with torch.no_grad():
                sentiment, topics, _ = network(batch.ids, batch.mask)
            loss = sentiment_loss(sentiment, batch.allowed, batch.considered)
            each.append(float(loss + topic_loss(topics, batch.topics, batch.topic_mask, batch.exclusive)))
        return np.array(each)

    for layer, head in [(0, 1), (2, 3)]:
        columns = attention_layers(network.encoder)[layer].output.dense.weight.data[:, head * SIZE : (head + 1) * SIZE]
        columns *= 1.01
        louder = losses()
        columns *= 0.99 / 1.01
        quieter = losses()
        columns /= 0.99
        assert found[layer][head] == pytest.approx(np.abs((louder - quieter) / 0.02).mean(), rel=1e-3)


def test_importance_does_not_depend_on_batches_or_leave_a_trace(built: Built) -> None:
    network, chosen = _network().train(), _examples(built)
    together = head_importance(network, _corpus(built))
    apart = [head_importance(network, _corpus(built, [one])) for one in chosen]
    np.testing.assert_allclose(together, np.mean(apart, axis=0), rtol=1e-4, atol=1e-7)
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())


_IMPORTANCE = st.lists(
    st.lists(st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=6), min_size=1, max_size=5
)


@given(importance=_IMPORTANCE, share=st.floats(0, 1))
def test_as_many_heads_go_as_asked_or_it_is_refused(importance: list[list[float]], share: float) -> None:
    total = sum(map(len, importance))
    count, layers = round(share * total), [np.array(one) for one in importance]
    if count > total - len(layers):
        with pytest.raises(ConfigError, match="cannot go"):
            heads_to_keep(layers, share)
        return
    kept = heads_to_keep(layers, share)
    assert total - sum(map(len, kept)) == count
    for of_layer, heads in zip(layers, kept, strict=True):
        gone = set(range(len(of_layer))) - set(heads)
        assert heads
        assert all(of_layer[head] >= of_layer[other] for head in heads for other in gone)


def test_layers_are_compared_by_their_own_scale() -> None:
    loud, even = np.array([100.0, 40.0]), np.array([1.0, 0.9])
    assert heads_to_keep([loud, even], 0.25) == [[0], [0, 1]]


@pytest.mark.parametrize("share", [-0.1, 1.5, 1.0, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="cannot go"):
        heads_to_keep([np.ones(2)], share)


def test_layers_with_different_heads_are_saved_and_loaded(tmp_path: Path) -> None:
    network = _network()
    for attention, kept in zip(attention_layers(network.encoder), [[0, 2, 3], [1], [0, 1, 2, 3]], strict=True):
        keep_heads(attention, kept)
    save_network(network, tmp_path)
    loaded = load_network(tmp_path).eval()
    assert _heads(loaded) == [3, 1, 4]
    torch.testing.assert_close(_logits(loaded), _logits(network), rtol=0, atol=0)
    keep_layers(loaded, (0, 2))
    save_network(loaded, tmp_path)
    assert _heads(load_network(tmp_path)) == [3, 4]


def test_the_exported_network_answers_as_the_pruned_one(tmp_path: Path) -> None:
    network = _network()
    for attention, kept in zip(attention_layers(network.encoder), [[1, 2], [3], [0, 1, 3]], strict=True):
        keep_heads(attention, kept)
    save_network(network, tmp_path)
    export_onnx(network, tmp_path / "model.onnx")
    given_ids, mask = IDS.numpy(), MASK.numpy()
    ours, theirs = OnnxEngine(tmp_path / "model.onnx"), TorchEngine(tmp_path)
    for one, other in zip(ours.logits(given_ids, mask), theirs.logits(given_ids, mask), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    longer = np.tile(given_ids[:1], (3, 4))
    np.testing.assert_allclose(
        ours.logits(longer, np.ones_like(longer))[0], theirs.logits(longer, np.ones_like(longer))[0], atol=1e-4
    )


def test_mpnet_keeps_its_heads(built: Built, tmp_path: Path) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    network = Network(MPNetModel(MPNetConfig(vocab_size=200, **sizes), add_pooling_layer=False))
    with pytest.raises(ConfigError, match="mpnet"):
        prune_heads(network, _corpus(built), 0.5)
    save_network(network, tmp_path)
    assert load_network(tmp_path).encoder.config.model_type == "mpnet"


def test_a_form_without_heads_is_a_whole_model_of_its_own(built: Built, tmp_path: Path) -> None:
    form = Form("heads", heads=1 / 4)  # two layers of two heads: one of the four goes
    folder = compress(built.folder, "en", form, [], tmp_path / "heads", labelled=_examples(built))
    assert sorted(_heads(load_network(folder))) == [1, 2]
    assert read_manifest(tmp_path / "heads").training["compressed"]["en"]["heads"] == 1 / 4
    whole, less = built.english / "model.int8.onnx", folder / "model.int8.onnx"
    assert less.stat().st_size < whole.stat().st_size
    texts = ["fjord profit hits a record", "amber warns of a loss, shares fall", "公司股价上涨"]
    int8, fp32 = Classifier.load(tmp_path / "heads"), Classifier.load(tmp_path / "heads", engine="torch")
    np.testing.assert_allclose(
        int8.all_logits(int8.encode(texts))[0], fp32.all_logits(fp32.encode(texts))[0], atol=0.15
    )
    assert (folder / ONNX_FP32).is_file()


def test_heads_do_not_go_unweighed(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no labelled text"):
        compress(built.folder, "en", Form("heads", heads=0.5), [], tmp_path / "heads")


def test_the_command_measures_heads_beside_layers(built: Built, tmp_path: Path) -> None:
    command = ["compress", str(built.folder), "--data", str(built.data), "--out", str(tmp_path), "--no-vocabulary"]
    command += ["--layers", "1", "--heads", "0.5", "--limit", "5", "--rounds", "1", "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    forms = {one["name"]: one for one in json.loads(result.stdout)["forms"]}
    expected = ("whole", "heads-0.5", "layers-1", "layers-1-heads-0.5")
    assert set(forms) == {f"{name} {kind}" for name in expected for kind in ("fp32", "int8")}
    assert forms["heads-0.5 fp32"]["megabytes"] < forms["whole fp32"]["megabytes"]
    assert forms["layers-1-heads-0.5 int8"]["megabytes"] < forms["layers-1 int8"]["megabytes"]


def test_too_large_a_share_is_named(built: Built, tmp_path: Path) -> None:
    command = ["compress", str(built.folder), "--data", str(built.data), "--out", str(tmp_path), "--heads", "0.9"]
    result = CliRunner().invoke(app, [*command, "--limit", "5", "--no-vocabulary"])
    assert result.exit_code == 2
    assert "0.9 of the heads cannot go" in result.stderr
