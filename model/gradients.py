"""Which words drove a prediction, by integrated gradients on the torch network.

Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017): the gradient of the target's probability
with respect to the embeddings, averaged on the straight way from a text of padding to the text, times the way. The
integral is taken by Gauss-Legendre quadrature, with more points until the attributions sum to the difference of the two
probabilities (completeness).

What is explained is the encoder alone: n-grams beside it (`model/wide.py`) are counted, not embedded, so there is no
way to go along. In the sentiment of a whole text they have a say, and there the probability is not that of the
classifier; occlusion (`model/explanation.py`) explains both together.
"""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from model.artefact import TOKENIZER, read_manifest
from model.characters import simplified
from model.explanation import Explanation, check_target, tokens_of
from model.labels import SENTIMENTS, TOPIC_INDEX
from model.network import Network, load_network
from model.reader import readable_entity
from model.routing import language_of
from model.words import Unit, units_of

STEPS: Final = (32, 64, 128, 256)  # points of the quadrature, tried in turn
TOLERANCE: Final = 0.003  # of the sum, as a difference of probabilities
_AT_ONCE: Final = 16


def integrated_gradients(
    network: Network,
    tokenizer: Tokenizer,
    text: str,
    target: str = "negative",
    *,
    toward: str | None = None,
    pad_id: int,
    version: str,
    steps: tuple[int, ...] = STEPS,
) -> Explanation:
    """Explain one text; mostly takes the first of `steps` forward and backward passes, seldom all of them.

    Args:
        network: what the probability comes from; its weights get no gradients and stay as they are.
        tokenizer: of this network, truncating at its `max_tokens`.
        text: any string.
        target: a sentiment or a topic id.
        toward: the name of the entity that the target is to be about, None for the whole text.
        pad_id: the piece that a text without words is made of; begin and end marks and the entity's name stay.
        version: what to call the model in the answer.
        steps: points of the quadrature, rising; tried in turn until the sum is within `TOLERANCE`.

    Raises:
        ConfigError: there is no such target.
    """
    check_target(target)
    readable, places = _readable(text)
    encoding = tokenizer.encode(readable) if toward is None else tokenizer.encode(readable_entity(toward), readable)
    words = [sequence == (0 if toward is None else 1) for sequence in encoding.sequence_ids]
    offsets = [span if word else (0, 0) for span, word in zip(encoding.offsets, words, strict=True)]
    pieces, (baseline, probability), asked = _attributed(
        network, torch.tensor([encoding.ids]), torch.tensor(words), target, pad_id, steps
    )
    units = [unit for unit in units_of(text) if _was_read(unit, offsets, places)]
    sums = np.zeros(len(units))
    for (start, end), value in zip(offsets, pieces, strict=True):
        if end > start and units:
            sums[_unit_at(units, _first_letter(readable, places, start, end))] += value
    tokens = tokens_of(text, units, sums)
    return Explanation(target, "integrated gradients", version, probability, tokens, asked, baseline, toward)


def explain_checkpoint(folder: Path, text: str, target: str = "negative", *, toward: str | None = None) -> Explanation:
    """Explain one text with the checkpoint that `yuqing train` left beside the weights of the text's encoder.

    Args:
        folder: a build folder.
        text: any string.
        target: a sentiment or a topic id.
        toward: the name of the entity that the target is to be about, None for the whole text.

    Raises:
        ArtefactError: the folder has no weights, or no checkpoint.
        ConfigError: there is no such target.
    """
    manifest = read_manifest(folder)
    name = manifest.routes[language_of(text)]
    network, part = load_network(folder / name), manifest.encoders[name]
    tokenizer = Tokenizer.from_file(str(folder / name / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(part.max_tokens)
    version = manifest.model_version
    return integrated_gradients(network, tokenizer, text, target, toward=toward, pad_id=part.pad_id, version=version)


def _attributed(
    network: Network, ids: Tensor, words: Tensor, target: str, pad_id: int, steps: tuple[int, ...]
) -> tuple[list[float], tuple[float, float], int]:
    """The attribution of each piece, the probability without and with words, and how many texts were asked about.

    Args:
        network: left in the mode that it is in.
        ids: (1, tokens) int64.
        words: (tokens,) whether a piece belongs to the words of the text.
        target: a sentiment or a topic id.
        pad_id: what stands in for words.
        steps: as for `integrated_gradients`.
    """
    embed = _table(network)
    was_training = network.training
    network.eval()
    with torch.no_grad():
        full, nothing = embed(ids), embed(torch.full_like(ids, pad_id))
        base = torch.where(words[None, :, None], nothing, full)
    without, whole = _chance(network, ids, torch.cat([base, full]), target).tolist()
    asked = 2
    for count in steps:
        mean = _mean_gradient(network, ids, base, full, target, count)
        pieces = ((full - base) * mean).sum(dim=-1)[0].tolist()
        asked += count
        if abs(sum(pieces) - (whole - without)) <= TOLERANCE:
            break
    network.train(was_training)
    return pieces, (without, whole), asked


def _mean_gradient(network: Network, ids: Tensor, base: Tensor, full: Tensor, target: str, steps: int) -> Tensor:
    """The gradient averaged on the way from `base` to `full`: (1, tokens, width)."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    shares = torch.split(torch.from_numpy((nodes + 1) / 2).to(full.dtype), _AT_ONCE)
    mean = torch.zeros_like(full)
    for share, weight in zip(shares, torch.split(torch.from_numpy(weights / 2).to(full.dtype), _AT_ONCE), strict=True):
        on_the_way = (base + share[:, None, None] * (full - base)).requires_grad_()
        (gradient,) = torch.autograd.grad(_chance(network, ids, on_the_way, target).sum(), on_the_way)
        mean += (weight[:, None, None] * gradient).sum(dim=0, keepdim=True)
    return mean


def _chance(network: Network, ids: Tensor, embedded: Tensor, target: str) -> Tensor:
    """The probability of the target for (texts, tokens, width) embeddings: (texts,)."""
    # What the table of embeddings answers is replaced, so that the rest of the network need not be known here.
    hook = _table(network).register_forward_hook(lambda *_: embedded)
    try:
        repeated = ids.expand(len(embedded), -1)
        output = network(repeated, torch.ones_like(repeated))
    finally:
        hook.remove()
    if target in SENTIMENTS:
        return torch.softmax(output[0], dim=-1)[:, SENTIMENTS.index(target)]
    return torch.sigmoid(output[1][:, TOPIC_INDEX[target]])


def _table(network: Network) -> nn.Module:
    table: nn.Module = network.encoder.get_input_embeddings()
    return table


def _readable(text: str) -> tuple[str, list[int]]:
    """The text as the classifier reads it, white space made single, and where each of its characters stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(simplified(text.encode("utf-8", "replace").decode("utf-8"))):
        if not letter.isspace():
            letters.append(letter)
            places.append(place)
        elif letters and letters[-1] != " ":
            letters.append(" ")
            places.append(place)
    return "".join(letters), places


def _first_letter(readable: str, places: list[int], start: int, end: int) -> int:
    return next((places[at] for at in range(start, end) if not readable[at].isspace()), places[start])


def _was_read(unit: Unit, offsets: list[tuple[int, int]], places: list[int]) -> bool:
    last = max((end for _, end in offsets), default=0)
    return bool(last) and unit.start <= places[last - 1]


def _unit_at(units: list[Unit], place: int) -> int:
    """The unit that holds a place, or the last that begins before it."""
    return max(0, int(np.searchsorted([unit.start for unit in units], place, side="right")) - 1)
