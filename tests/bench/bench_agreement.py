"""How far engines agree with ONNX Runtime on the written sentences, with the weights that are shipped.

Beside the engines that can run here: what other ways of giving the int8 weights to a GPU would cost, tried on the CPU
(activations left unrounded, in fp32 and in bf16). `--every 4` takes a quarter of the sentences.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit, softmax  # type: ignore[import-untyped]
from torch import nn

from model.artefact import COMMITTED, ONNX_INT8
from model.classifier import Classifier, pack
from model.engine_choice import cuda_hindrance
from model.engines import Engine, OnnxEngine
from model.int8_engine import Int8TorchEngine
from model.int8_network import Int8Linear, Int8Network
from model.int8_weights import read_int8
from model.written.rows import written_examples

Floats = npt.NDArray[np.float32]
NEAR = 0.02


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--every", type=int, default=1)
    chosen = written_examples(copies=1, seed=0)[:: given.parse_args().every]
    classifier = Classifier.load(engine="onnx")
    tokens = classifier.encode([one.text for one in chosen], toward=[one.entity for one in chosen])
    limits = np.array(classifier.manifest.thresholds)
    found = []
    for name in classifier.manifest.encoders:
        texts = [one.ids for one in tokens if one.encoder == name]
        expected = _answers(OnnxEngine(COMMITTED / name / ONNX_INT8), texts)
        for label, engine in _engines(name):
            found.append({"encoder": name, "engine": label, "texts": len(texts)}
                         | _compared(_answers(engine, texts), expected, limits))  # fmt: skip
            print(json.dumps(found[-1]), flush=True)


def _engines(name: str) -> Iterator[tuple[str, Engine]]:
    file = COMMITTED / name / ONNX_INT8
    for device in ("cpu", "cuda") if cuda_hindrance() is None else ("cpu",):
        yield f"the same integers, {device}", Int8TorchEngine.load(file, device=device)
    weights = read_int8(file)
    halved = Int8Network(weights).eval()
    for layer in halved.layers:
        layer.heads.register_forward_hook(lambda _module, _given, made: made.to(torch.bfloat16).float())
    yield "the same integers, attention of bf16", Int8TorchEngine(halved, device="cpu", width=halved.width)
    for label, precision in (("weights alone in int8, fp32", None), ("weights alone in int8, bf16", torch.bfloat16)):
        network = _without_rounding(Int8Network(weights))
        yield label, Int8TorchEngine(_in(network, precision), device="cpu", width=network.width)


def _without_rounding(network: Int8Network) -> Int8Network:
    """The same network with plain products of the weights scaled back to float32."""
    for layer in network.layers:
        for name, part in list(layer.named_children()):
            if isinstance(part, Int8Linear):
                plain = nn.Linear(part.integers.shape[1], part.integers.shape[0])
                plain.weight = nn.Parameter(part.integers.float() * part.columns[:, None])
                plain.bias = nn.Parameter(part.bias)
                setattr(layer, name, plain)
    return network.eval()


def _in(network: Int8Network, precision: torch.dtype | None) -> Callable[..., tuple[torch.Tensor, ...]]:
    def run(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        context: AbstractContextManager[object] = nullcontext()
        if precision is not None:
            context = torch.autocast("cpu", dtype=precision)
        with context:
            return tuple(one.float() for one in network(ids, mask))

    return run


def _answers(engine: Engine, texts: list[list[int]]) -> tuple[Floats, Floats]:
    """Probabilities of sentiments and topics, in the order of `texts`."""
    rows: dict[int, tuple[Floats, Floats]] = {}
    for places in pack([len(one) for one in texts], 1024):
        longest = max(len(texts[place]) for place in places)
        ids, mask = (np.zeros((len(places), longest), dtype=np.int64) for _ in range(2))
        for row, place in enumerate(places):
            ids[row, : len(texts[place])], mask[row, : len(texts[place])] = texts[place], 1
        rows |= dict(zip(places, zip(*engine.logits(ids, mask), strict=True), strict=True))
    sentiment, topics = zip(*(rows[place] for place in range(len(texts))), strict=True)
    return softmax(np.array(sentiment), axis=1), expit(np.array(topics))


def _compared(found: tuple[Floats, Floats], expected: tuple[Floats, Floats], limits: Floats) -> dict[str, float]:
    apart = np.abs(found[0] - expected[0]).max(axis=1)
    topics_apart = np.abs(found[1] - expected[1]).max(axis=1)
    same_topics = ((found[1] >= limits) == (expected[1] >= limits)).all(axis=1)
    shares = {
        "labels_equal": np.mean(found[0].argmax(axis=1) == expected[0].argmax(axis=1)),
        "sentiment_within_0.02": np.mean(apart <= NEAR),
        "topics_within_0.02": np.mean(topics_apart <= NEAR),
        "topics_equal": np.mean(same_topics),
        "furthest": apart.max(),
        "mean": apart.mean(),
    }
    return {name: round(float(share), 5) for name, share in shares.items()}


if __name__ == "__main__":
    main()
