"""The techniques of a run, each off by default: what it changes, and that a killed run still goes on to the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_model import CONFIG, HIDDEN, LAYERS, POSITIONS, RUN, Built
from tokenizers import Tokenizer

from model.adapters import adapt, merged
from model.build import examples_of
from model.checkpoints import BEST
from model.config import RunConfig
from model.corpus import Corpus, part_examples
from model.datasets import Example, Row, examples, read_sets
from model.emphasis import emphasised, smoothed, weighted
from model.encoder import bert_config
from model.errors import ConfigError
from model.labels import SENTIMENTS, TOPIC_IDS
from model.learner import Learner, chosen_device
from model.losses import sentiment_loss, topic_loss
from model.network import Network, load_network
from model.stopping import Stopping, dev_metric
from model.tasks import SENTIMENT, TWITTER_TOPIC
from model.techniques import LoraConfig, StoppingConfig
from model.training import train
from model.vocabulary import PAD_ID

SHORT = msgspec.structs.replace(
    RUN, schedule=msgspec.structs.replace(RUN.schedule, passes=2.0, batch_tokens=600, checkpoint_every=2)
)


@pytest.fixture(scope="module")
def corpus(built: Built) -> Corpus:
    tokenizer = Tokenizer.from_file(str(built.english / "tokenizer.json"))
    learned = examples_of(RUN, part_examples(read_sets(built.data, seed=CONFIG.seed), "train"))
    return Corpus(learned[::6], tokenizer, 24, pad_id=PAD_ID)


def _network(pieces: int = 400) -> Network:
    from transformers import BertModel

    torch.manual_seed(0)
    shape = {"hidden": HIDDEN, "layers": LAYERS, "heads": 2, "intermediate": 64, "positions": POSITIONS}
    return Network(BertModel(bert_config(vocabulary=pieces, **shape), add_pooling_layer=False))


def _weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


def _with(**changes: object) -> RunConfig:
    return msgspec.structs.replace(SHORT, **changes)


def _rows(label: str, count: int, agreement: float | None = None) -> list[Row]:
    return [Row(f"{label} {place}", label=label, agreement=agreement) for place in range(count)]


@pytest.mark.parametrize(
    "run",
    [
        _with(lora=LoraConfig(rank=2)),
        _with(average=0.9),
        _with(accumulate=3),
        _with(precision="bf16"),
        _with(precision="fp16"),
        _with(stopping=StoppingConfig(patience=5)),
    ],
    ids=["lora", "average", "accumulate", "bf16", "fp16", "stopping"],
)
def test_a_killed_run_goes_on_to_the_same_weights(run: RunConfig, corpus: Corpus, tmp_path: Path) -> None:
    measured = iter(range(100))

    def measure(_: Network) -> dict[str, float]:
        return {"news": float(next(measured))}

    whole, killed, after = _network(), _network(), _network()
    train(whole, corpus, run, tmp_path / "whole", measure=measure, stop_after=4)
    train(killed, corpus, run, tmp_path / "killed", measure=measure, stop_after=2)
    train(after, corpus, run, tmp_path / "killed", measure=measure, stop_after=4)
    for name, weight in _weights(load_network(tmp_path / "whole")).items():
        torch.testing.assert_close(load_network(tmp_path / "killed").state_dict()[name], weight, rtol=1e-4, atol=1e-6)


def test_adapters_train_little_and_are_merged_before_export(corpus: Corpus, tmp_path: Path) -> None:
    network = _network()
    start = _weights(network)
    train(network, corpus, _with(lora=LoraConfig(rank=2)), tmp_path)
    free = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert all("lora_" in name or not name.startswith("encoder.") for name in free)
    exported = load_network(tmp_path).eval()
    moved = {name for name, weight in exported.state_dict().items() if not torch.equal(weight, start[name])}
    assert any(name.endswith("query.weight") for name in moved)
    assert not any("embeddings" in name or "dense" in name for name in moved)
    ids, mask = torch.full((2, 5), 6), torch.ones(2, 5, dtype=torch.int64)
    with torch.no_grad():
        torch.testing.assert_close(exported(ids, mask), network.eval()(ids, mask), rtol=1e-4, atol=1e-5)


def test_a_network_without_adapters_is_its_own_merged_form() -> None:
    network = _network()
    assert merged(network) is network


def test_adapters_for_modules_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match="wings"):
        adapt(_network(), LoraConfig(targets=("wings",)))


def test_gradients_of_two_half_batches_are_those_of_the_whole(corpus: Corpus) -> None:
    alike = [place for place in range(len(corpus)) if corpus.sources[place] == "tweets"][:8]
    halves, whole = Learner(_network(), SHORT, seed=0), Learner(_network(), SHORT, seed=0)
    for learner in (halves, whole):
        learner.network.eval()
    halves.step([corpus.batch(alike[:4]), corpus.batch(alike[4:])], 0, 10)
    whole.step([corpus.batch(alike)], 0, 10)
    for one, other in zip(halves.network.parameters(), whole.network.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-6)


def test_accumulating_takes_fewer_steps(corpus: Corpus, tmp_path: Path) -> None:
    one = train(_network(), corpus, SHORT, tmp_path / "one").steps
    three = train(_network(), corpus, _with(accumulate=3), tmp_path / "three").steps
    assert three == 2 * -(-(one // 2) // 3)


def test_the_average_lags_behind_the_weights_and_is_exported(corpus: Corpus, tmp_path: Path) -> None:
    network = _network()
    shown: list[dict[str, torch.Tensor]] = []
    train(network, corpus, _with(average=0.9), tmp_path, measure=lambda now: shown.append(_weights(now)) or {})
    exported = load_network(tmp_path).state_dict()
    assert torch.equal(exported["sentiment.weight"], shown[-1]["sentiment.weight"])
    assert not torch.equal(exported["sentiment.weight"], network.sentiment.weight)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_about_the_same_and_keeps_full_weights(
    precision: str, corpus: Corpus, tmp_path: Path
) -> None:
    exact, half = _network(), _network()
    expected = train(exact, corpus, SHORT, tmp_path / "exact").loss
    assert train(half, corpus, _with(precision=precision), tmp_path / "half").loss == pytest.approx(expected, rel=0.05)
    assert {weight.dtype for weight in half.parameters()} == {torch.float32}
    assert not torch.equal(exact.sentiment.weight, half.sentiment.weight)


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert chosen_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="no GPU"):
        chosen_device("cuda")


def test_a_run_that_gets_no_better_ends_with_its_best_pass(corpus: Corpus, tmp_path: Path) -> None:
    longer = msgspec.structs.replace(SHORT.schedule, passes=9.0)
    run = _with(schedule=longer, stopping=StoppingConfig(patience=2))
    values, seen = iter([0.5, 0.7, 0.6, 0.7]), []

    def measure(now: Network) -> dict[str, float]:
        seen.append(_weights(now))
        return {"news": next(values)}

    ended = train(_network(), corpus, run, tmp_path, measure=measure)
    assert len(seen) == 4
    assert (tmp_path / BEST).is_file()
    assert torch.equal(load_network(tmp_path).sentiment.weight, seen[1]["sentiment.weight"])
    again = train(_network(), corpus, run, tmp_path, measure=measure)
    assert again.steps == ended.steps


def test_what_a_run_is_judged_by() -> None:
    measured = {"news": 0.5, "tweets": 0.9}
    assert dev_metric(measured, "mean") == pytest.approx(0.7)
    assert dev_metric(measured, "tweets") == 0.9
    with pytest.raises(ConfigError, match="posts"):
        dev_metric(measured, "posts")


def test_a_gain_too_small_is_none() -> None:
    stopping = Stopping(StoppingConfig(patience=1, least_gain=0.05))
    assert stopping.improved({"a": 0.5})
    assert not stopping.improved({"a": 0.54})
    assert stopping.over


def test_rare_labels_weigh_more_up_to_the_limit() -> None:
    chosen = examples([*_rows("neutral", 90), *_rows("positive", 9), *_rows("negative", 1)], SENTIMENT, "news")
    weights = {one.allowed[0]: one.weight for one in weighted(chosen, 5.0)}
    assert weights == {
        SENTIMENTS.index("neutral"): pytest.approx(100 / 270),
        SENTIMENTS.index("positive"): pytest.approx(100 / 27),
        SENTIMENTS.index("negative"): 5.0,
    }


def test_weights_without_a_limit_reached_average_one() -> None:
    rows = [Row("a", label="earnings"), Row("b", label="earnings"), Row("c", label="earnings"), Row("d", label="ipo")]
    chosen = weighted(examples(rows, TWITTER_TOPIC, "tweets"), 100.0)
    assert sum(one.weight for one in chosen) == pytest.approx(4)
    assert chosen[3].weight == pytest.approx(2)


def test_agreement_is_the_mass_of_a_label_where_a_run_asks_for_it() -> None:
    chosen = examples([*_rows("neutral", 1, 66), *_rows("positive", 1), *_rows("negative", 1, 100)], SENTIMENT, "news")
    assert [one.certainty for one in emphasised(chosen, _with(soft_labels=True))] == [0.66, 1.0, 1.0]
    assert emphasised(chosen, SHORT) == chosen


@pytest.mark.parametrize(("given", "share"), [(75, 0.75), (None, 1.0), ("high", 1.0), (0, 1.0), (300, 1.0), ([5], 1.0)])
def test_an_agreement_that_is_no_share_counts_as_unknown(given: object, share: float) -> None:
    assert msgspec.json.decode(msgspec.json.encode({"text": "a", "agreement": given}), type=Row).certainty == share


def test_smoothing_spreads_a_share_of_the_mass_over_all_labels() -> None:
    sentiment = examples(_rows("neutral", 1), SENTIMENT, "news")[0]
    assert smoothed(sentiment, 0.3).certainty == pytest.approx(0.8)
    topic = smoothed(examples([Row("a", label="ipo")], TWITTER_TOPIC, "tweets")[0], 0.2)
    assert topic.topics[topic.mask >= 1].sum() == pytest.approx(1)
    assert topic.topics.max() == pytest.approx(0.8 + 0.2 / 20)
    assert topic.topics[topic.mask == 0].sum() == 0


def test_a_doubted_label_costs_the_cross_entropy_with_its_soft_target() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0]])
    allowed = torch.tensor([[False, False, True]])
    soft = torch.tensor([[0.2, 0.2, 0.6]])
    found = sentiment_loss(logits, allowed, torch.ones(1, 3, dtype=torch.bool), None, torch.tensor([0.6]))
    assert found.item() == pytest.approx(-(soft * logits.log_softmax(dim=1)).sum().item(), rel=1e-6)


def test_weights_multiply_what_a_row_costs() -> None:
    logits, allowed = torch.tensor([[0.3, -1.0, 2.0]] * 2), torch.tensor([[True, False, False]] * 2)
    all_three, twice = torch.ones(2, 3, dtype=torch.bool), torch.tensor([2.0, 2.0])
    plain = sentiment_loss(logits, allowed, all_three)
    assert sentiment_loss(logits, allowed, all_three, twice).item() == pytest.approx(2 * plain.item())
    topics = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    targets, exclusive = torch.eye(4)[:2], torch.tensor([True, False])
    once = topic_loss(topics, targets, torch.ones(2, 4), exclusive)
    assert topic_loss(topics, targets, torch.ones(2, 4), exclusive, twice).item() == pytest.approx(2 * once.item())


def test_a_batch_without_techniques_costs_what_it_always_did(corpus: Corpus) -> None:
    batch = corpus.batch(list(range(8)))
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    plain = sentiment_loss(logits, batch.allowed, batch.considered)
    assert torch.equal(sentiment_loss(logits, batch.allowed, batch.considered, batch.weight, batch.certainty), plain)
    topics = torch.randn(8, len(TOPIC_IDS), generator=torch.Generator().manual_seed(2))
    asked = (batch.topics, batch.topic_mask, batch.exclusive)
    assert torch.equal(topic_loss(topics, *asked, batch.weight), topic_loss(topics, *asked))


def test_an_untaught_row_has_no_lesson(corpus: Corpus) -> None:
    assert corpus.batch([0]).lesson_sentiment.isnan().all()
    lesson = (np.full(3, 1 / 3, dtype=np.float32), np.full(len(TOPIC_IDS), 0.5, dtype=np.float32))
    one: Example = replace(corpus.examples[0], lesson=lesson)
    tokenizer = Tokenizer.from_str(_TINY)
    assert Corpus([one], tokenizer, 8, pad_id=0).batch([0]).lesson_topics.shape == (1, len(TOPIC_IDS))


_TINY = '{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}'
