"""Training: what a pass draws, how fast it goes, and that an interrupted or lengthened run is the same run."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_model import CONFIG, RUN, Built
from tokenizers import Tokenizer

from model import commands
from model.bases import BASES
from model.batches import batches, draw, plan
from model.build import build, examples_of
from model.config import RunConfig, ScheduleConfig, read_config
from model.corpus import Corpus, part_examples
from model.datasets import read_sets
from model.encoder import build_encoder
from model.errors import ArtefactError, ConfigError
from model.network import NETWORK, Network, load_network
from model.pretrained import Pretrained
from model.training import CHECKPOINT, PLATEAU, factor, train
from model.vocabulary import PAD_ID


def _start(built: Built, pretrained: Pretrained) -> tuple[Network, Corpus]:
    tokenizer = Tokenizer.from_file(str(built.english / "tokenizer.json"))
    kept = msgspec.json.decode((built.english / "kept.json").read_bytes())
    learned = examples_of(RUN, part_examples(read_sets(built.data, seed=CONFIG.seed), "train"))
    corpus = Corpus(learned[::5], tokenizer, 24, pad_id=PAD_ID)
    torch.manual_seed(0)
    return Network(build_encoder(pretrained, layers=(0, 2), kept=kept)), corpus


def _longer(passes: float) -> RunConfig:
    schedule = msgspec.structs.replace(RUN.schedule, passes=passes, checkpoint_every=2)
    return msgspec.structs.replace(RUN, schedule=schedule)


SHORT = _longer(2.0)


def test_rows_are_drawn_by_weight() -> None:
    sources = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    drawn = draw(sources, {"a": 2.0, "b": 0.25, "c": 0}, np.random.default_rng(0))
    counts = [sum(place // 100 == block for place in drawn) for block in range(3)]
    assert counts[0] == 200
    assert 10 < counts[1] < 45
    assert counts[2] == 0


def test_batches_hold_every_place_once_within_the_budget() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(2, 60, 300)]
    found = batches(lengths, list(range(300)), 256, np.random.default_rng(2))
    assert sorted(place for batch in found for place in batch) == list(range(300))
    assert all(len(batch) * max(lengths[place] for place in batch) <= 256 for batch in found)


def test_a_text_longer_than_a_batch_is_a_batch() -> None:
    assert batches([500], [0], 100, np.random.default_rng(0)) == [[0]]


def test_a_pass_is_the_same_for_the_same_seed_only() -> None:
    lengths, sources = list(range(2, 80)), ["a"] * 78
    first = plan(lengths, sources, {}, 200, seed=1, turn=0)
    assert plan(lengths, sources, {}, 200, seed=1, turn=0) == first
    assert plan(lengths, sources, {}, 200, seed=1, turn=1) != first
    assert plan(lengths, sources, {}, 200, seed=2, turn=0) != first


def test_the_learning_rate_rises_stays_and_falls() -> None:
    schedule = ScheduleConfig(warm_up=0.1, decay=0.4)
    rates = [factor(step, 100, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:60] == [1.0] * 51
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_a_run_leaves_checkpoints_and_a_log(built: Built) -> None:
    assert {CHECKPOINT, PLATEAU, NETWORK, "kept.json", "logs"} <= {path.name for path in built.english.iterdir()}
    assert any((built.english / "logs").iterdir())


def test_a_run_can_stop_early_and_says_how_far_it_came(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    network, corpus = _start(built, pretrained)
    stopped = train(network, corpus, SHORT, tmp_path, stop_after=2)
    assert stopped.steps == 2
    assert 0 < stopped.loss < 20
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 2


def test_a_killed_run_goes_on_to_the_same_weights(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    network, corpus = _start(built, pretrained)
    train(network, corpus, SHORT, tmp_path / "whole", stop_after=6)
    killed, _ = _start(built, pretrained)
    train(killed, corpus, SHORT, tmp_path / "killed", stop_after=4)
    after, _ = _start(built, pretrained)
    train(after, corpus, SHORT, tmp_path / "killed", stop_after=6)
    for whole, resumed in zip(network.parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(whole, resumed, rtol=1e-4, atol=1e-6)


def test_a_finished_run_made_longer_starts_from_the_plateau(
    built: Built, pretrained: Pretrained, tmp_path: Path
) -> None:
    network, corpus = _start(built, pretrained)
    ended = train(network, corpus, SHORT, tmp_path)
    plateau = torch.load(tmp_path / PLATEAU, weights_only=True)["step"]
    assert 0 < plateau < ended.steps
    seen: list[int] = []
    longer = train(network, corpus, _longer(2.6), tmp_path, measure=lambda _: seen.append(1) or {})
    assert longer.steps > ended.steps
    assert seen


def test_a_finished_run_has_nothing_left_to_do(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    network, corpus = _start(built, pretrained)
    ended = train(network, corpus, SHORT, tmp_path)
    assert train(network, corpus, SHORT, tmp_path).steps == ended.steps


def test_building_again_reuses_what_is_there(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(built.folder, folder)
    again = build(built.data, CONFIG, folder, pretrained=pretrained)
    assert again.files == built.manifest.files


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a checkpoint"])
def test_a_damaged_network_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NETWORK).write_bytes(content)
    with pytest.raises(ArtefactError, match="not a checkpoint"):
        load_network(tmp_path)


def test_an_absent_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no checkpoint"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1", "sede"),
        ("[encoders.one.schedule]\npasses = 0", "passes"),
        ("[encoders.one.encoder]\nmax_tokens = 4000", "max_tokens"),
        ("[encoders.one]\nlanguages = ['en']", "each of"),
        ("[encoders.one]\n[encoders.two]\nlanguages = ['zh']", "exactly once"),
        ("[encoders.'../one']", "regex"),
        ("seed = ", "config"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_the_shipped_configuration_is_valid() -> None:
    shipped = commands.CONFIG
    config = read_config(shipped)
    assert config.routes == {"en": "en", "zh": "zh"}
    assert all(run.encoder.base in BASES for run in config.encoders.values())
    assert read_config(shipped.with_name("teacher.toml")).routes == config.routes
    assert read_config(shipped.with_name("gpu.toml")).routes == config.routes
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(shipped.with_name("absent.toml"))


def test_a_run_of_minutes_leaves_its_network_and_nothing_to_go_on_from(
    built: Built, pretrained: Pretrained, tmp_path: Path
) -> None:
    network, corpus = _start(built, pretrained)
    schedule = msgspec.structs.replace(SHORT.schedule, checkpoint_every=0)
    train(network, corpus, msgspec.structs.replace(SHORT, schedule=schedule), tmp_path)
    assert (tmp_path / NETWORK).is_file()
    assert not list(tmp_path.glob("*checkpoint*"))
    assert not list(tmp_path.glob("*plateau*"))
    same, corpus = _start(built, pretrained)
    train(same, corpus, SHORT, tmp_path / "kept")
    for one, other in zip(network.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_is_its_rows_padded_to_the_longest(built: Built, pretrained: Pretrained) -> None:
    _, corpus = _start(built, pretrained)
    places = [len(corpus) - 1, 0, 5]
    batch = corpus.on(torch.device("cpu")).batch(places)
    assert batch.ids.shape == batch.mask.shape == (3, max(corpus.lengths[place] for place in places))
    assert batch.mask.sum(dim=1).tolist() == [corpus.lengths[place] for place in places]
    assert (batch.ids[batch.mask == 0] == PAD_ID).all()
    for row, place in enumerate(places):
        one = corpus.examples[place]
        assert batch.allowed[row].nonzero().flatten().tolist() == list(one.allowed)
        assert batch.topics[row].tolist() == one.topics.tolist()
        assert batch.exclusive[row].item() == one.exclusive
