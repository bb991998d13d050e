"""Integrated gradients are complete: they sum to the difference that the words make."""

from __future__ import annotations

import pytest
import torch
from small_model import WORDS, Built
from tokenizers import Tokenizer

from model.artefact import TOKENIZER
from model.classifier import Classifier
from model.errors import ConfigError
from model.explanation import explain
from model.gradients import STEPS, TOLERANCE, integrated_gradients
from model.network import NETWORK, Network, load_network
from model.vocabulary import PAD_ID

TEXTS = [
    "amber cedar warns of a loss, shares fall ocean ridge",
    "amber profit hits a record,  shares rise\n north",
    "春夏涉嫌财务造假，东南",
    " \t a\u3000b ",
    "odd \ud800 surrogate loss",
]


@pytest.fixture(scope="module")
def network(built: Built) -> Network:
    return load_network(next(built.folder.rglob(NETWORK)).parent).eval()


@pytest.fixture(scope="module")
def tokenizer(built: Built) -> Tokenizer:
    found = Tokenizer.from_file(str(next(built.folder.rglob(NETWORK)).with_name(TOKENIZER)))
    found.no_padding()
    found.enable_truncation(24)
    return found


def _explained(
    network: Network,
    tokenizer: Tokenizer,
    text: str,
    target: str = "negative",
    steps: tuple[int, ...] = STEPS,
    toward: str | None = None,
):
    return integrated_gradients(
        network, tokenizer, text, target, toward=toward, pad_id=PAD_ID, version="small", steps=steps
    )


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("target", ["negative", "positive", "dividend"])
@pytest.mark.parametrize("toward", [None, "amber \n bank", "春夏"])
def test_attributions_sum_to_the_difference_from_a_text_without_words(
    network: Network, tokenizer: Tokenizer, text: str, target: str, toward: str | None
) -> None:
    found = _explained(network, tokenizer, text, target, toward=toward)
    assert sum(token.attribution for token in found.tokens) == pytest.approx(
        found.probability - found.baseline, abs=TOLERANCE + 1e-6
    )
    assert all(text[token.start : token.end] == token.text for token in found.tokens)


def test_more_steps_bring_the_sum_nearer(network: Network, tokenizer: Tokenizer) -> None:
    def gap(steps: int) -> float:
        found = _explained(network, tokenizer, TEXTS[0], steps=(steps,))
        return abs(sum(token.attribution for token in found.tokens) - (found.probability - found.baseline))

    assert gap(64) < max(gap(2), 1e-4)


def test_the_probability_is_the_networks(network: Network, tokenizer: Tokenizer) -> None:
    ids = torch.tensor([tokenizer.encode(TEXTS[0]).ids])
    with torch.no_grad():
        expected = torch.softmax(network(ids, torch.ones_like(ids))[0], dim=-1)[0, 0]
    assert _explained(network, tokenizer, TEXTS[0]).probability == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("text", [TEXTS[0], "loss " * 40, " ".join(WORDS)])
@pytest.mark.parametrize("name", ["bank", " court \n fraud", "bank " * 60])
def test_toward_an_entity_it_reads_what_the_classifier_reads(
    network: Network, tokenizer: Tokenizer, built: Built, text: str, name: str
) -> None:
    exact = Classifier.load(built.folder, engine="torch")
    found = _explained(network, tokenizer, text, toward=name)
    assert found.toward == name
    assert found.probability == pytest.approx(exact.predict([text], toward=[name])[0].negative, abs=1e-5)
    assert [token.text for token in found.tokens] == [token.text for token in explain(exact, text, toward=name).tokens]


def test_the_name_that_is_asked_about_gets_no_attribution(network: Network, tokenizer: Tokenizer) -> None:
    found = _explained(network, tokenizer, "", toward="bank of fraud and loss")
    assert found.tokens == ()
    assert found.probability == pytest.approx(found.baseline)


def test_it_agrees_with_occlusion_on_what_matters(
    network: Network, tokenizer: Tokenizer, classifier: Classifier
) -> None:
    text = "amber cedar warns of a loss, shares fall ocean ridge"
    by_gradients = {token.text for token in _explained(network, tokenizer, text).top(4)}
    by_occlusion = {token.text for token in explain(classifier, text).top(4)}
    assert by_gradients & by_occlusion


def test_what_is_cut_off_gets_no_token(network: Network, tokenizer: Tokenizer) -> None:
    found = _explained(network, tokenizer, "loss " * 200)
    assert 0 < len(found.tokens) <= 24
    assert found.tokens[-1].end < 200


def test_the_network_is_left_as_it_was(network: Network, tokenizer: Tokenizer) -> None:
    network.train()
    _explained(network, tokenizer, "loss")
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())
    network.eval()


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_has_no_tokens(network: Network, tokenizer: Tokenizer, text: str) -> None:
    found = _explained(network, tokenizer, text)
    assert found.tokens == ()
    assert found.probability == pytest.approx(found.baseline)


def test_an_unknown_target_is_refused(network: Network, tokenizer: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="no target"):
        _explained(network, tokenizer, "loss", "gloomy")
