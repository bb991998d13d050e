"""Dropping the pieces of a WordPiece vocabulary that no text uses, from a trained network and its tokenizer.

No training is needed: WordPiece takes the longest piece that fits, so text made of kept pieces is cut exactly as
before, and a word that needed a dropped piece falls into smaller ones. Every single character is kept, alone and as a
continuation (`##x`), so a word whose characters are all pieces does not become unknown.
"""

import json
from collections import Counter
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import nn

from model.errors import ConfigError
from model.network import Network

CONTINUATION: Final = "##"


def needed_pieces(tokenizer: Tokenizer, counts: Counter[int], *, at_least: int = 1) -> list[int]:
    """Choose pieces: old ids, rising; the place in the list is the new id.

    Args:
        tokenizer: with a WordPiece vocabulary.
        counts: how often each id is used, from `count_pieces`.
        at_least: how often a piece must be used to be kept.

    Raises:
        ConfigError: the vocabulary is of another kind.
    """
    state = _state(tokenizer)
    special = {one["id"] for one in state["added_tokens"] if one["special"]}
    vocabulary: dict[str, int] = state["model"]["vocab"]
    single = {place for piece, place in vocabulary.items() if len(piece.removeprefix(CONTINUATION)) <= 1}
    used = {place for place, count in counts.items() if count >= at_least}
    return sorted(special | single | used)


def prune_tokenizer(tokenizer: Tokenizer, kept: list[int]) -> Tokenizer:
    """The same tokenizer with the kept pieces alone, renumbered.

    Raises:
        ConfigError: the vocabulary is not WordPiece.
    """
    state = _state(tokenizer)
    new = {old: place for place, old in enumerate(kept)}
    vocabulary = {piece: new[old] for piece, old in state["model"]["vocab"].items() if old in new}
    state["model"]["vocab"] = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    state["added_tokens"] = [one | {"id": new[one["id"]]} for one in state["added_tokens"] if one["id"] in new]
    _renumber(state.get("post_processor"), new)
    pruned: Tokenizer = Tokenizer.from_str(json.dumps(state))
    return pruned


def prune_embeddings(network: Network, kept: list[int]) -> None:
    """Leave a network, in place, the embeddings of the kept pieces."""
    words = network.encoder.embeddings.word_embeddings
    rows = words.weight.detach()[torch.tensor(kept)].clone()
    padding = None if words.padding_idx is None else kept.index(words.padding_idx)
    network.encoder.embeddings.word_embeddings = nn.Embedding(len(kept), rows.shape[1], padding, _weight=rows)
    network.encoder.config.vocab_size = len(kept)
    for key in ("pad_token_id", "bos_token_id", "eos_token_id"):
        old = getattr(network.encoder.config, key, None)
        if old is not None:
            setattr(network.encoder.config, key, kept.index(old) if old in kept else None)


def _state(tokenizer: Tokenizer) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    if state["model"]["type"] != "WordPiece":
        raise ConfigError(
            f"the vocabulary is {state['model']['type']}, not WordPiece: it can only be cut before training, by "
            "piece_at_least in the configuration"
        )
    return state


def _renumber(processor: Any, new: dict[int, int]) -> None:
    """Renumber special tokens wherever a post-processor names them: as pairs, or in a template."""
    if processor is None:
        return
    for one in processor.get("processors", []):
        _renumber(one, new)
    for key in ("sep", "cls"):
        if key in processor:
            processor[key] = [processor[key][0], new[processor[key][1]]]
    if isinstance(processor.get("special_tokens"), dict):
        for token in processor["special_tokens"].values():
            token["ids"] = [new[old] for old in token["ids"]]
