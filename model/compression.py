"""Smaller forms of a trained encoder, none of which needs training: fewer layers, heads or pieces, int8.

Each form is a folder with what a weights folder has for one encoder, so that the best of them can be put in force.
"""

import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from tokenizers import Tokenizer
from torch import nn

from model.artefact import (
    ONNX_INT8,
    TOKENIZER,
    WIDE,
    EncoderPart,
    Manifest,
    digest_of,
    read_manifest,
    reader_files,
    sha256,
    write_manifest,
)
from model.corpus import Corpus
from model.datasets import Example
from model.errors import ConfigError
from model.export import export_int8, export_onnx
from model.head_pruning import prune_heads
from model.network import NETWORK, Network, load_network, save_network
from model.padding import padding
from model.vocabulary import count_pieces
from model.wordpiece_pruning import needed_pieces, prune_embeddings, prune_tokenizer

ONNX_FP32: Final = "model.fp32.onnx"
log = logging.getLogger(__name__)


class Form(msgspec.Struct, frozen=True):
    """One way to compress.

    `layers`: those to keep, all if empty. `heads`: the share of attention heads that go, 0 to 1. `cut_vocabulary`:
    whether pieces go that are used less than `piece_at_least` times.
    """

    name: str
    layers: tuple[int, ...] = ()
    heads: float = 0.0
    cut_vocabulary: bool = False
    piece_at_least: int = 1


def keep_layers(network: Network, layers: Sequence[int]) -> None:
    """Drop all layers but these, in place.

    Raises:
        ConfigError: there is no such layer, or they do not rise.
    """
    present = network.encoder.encoder.layer
    if not layers or list(layers) != sorted(set(layers)) or not set(layers) <= set(range(len(present))):
        raise ConfigError(
            f"layers {list(layers)} are not rising places of the encoder's layers 0 to {len(present) - 1}"
        )
    network.encoder.encoder.layer = nn.ModuleList([present[place] for place in layers])
    network.encoder.config.num_hidden_layers = len(layers)


def compress(
    build: Path, encoder: str, form: Form, texts: Iterable[str], out: Path, *, labelled: Sequence[Example] = ()
) -> Path:
    """Write one form of a finished build: a build folder of its own, the other encoders copied.

    Args:
        build: a finished build folder.
        encoder: which of its encoders is compressed.
        form: how.
        texts: what pieces are counted in, where the vocabulary is cut.
        out: the new folder, replaced if present.
        labelled: what the importance of heads is measured on, where some of them go.

    Returns:
        The encoder's folder in it, with `network.pt`, the tokenizer, and ONNX in int8 and fp32.

    Raises:
        ArtefactError: the build is not finished.
        ConfigError: there is no such encoder or layer, the vocabulary cannot be cut, or heads cannot go.
    """
    manifest = read_manifest(build)
    if encoder not in manifest.encoders:
        raise ConfigError(f"there is no encoder {encoder!r} in {build}: {', '.join(manifest.encoders)}")
    network = load_network(build / encoder)
    tokenizer = Tokenizer.from_file(str(build / encoder / TOKENIZER))
    if form.layers:
        keep_layers(network, form.layers)
    if form.heads:
        _drop_heads(network, build / encoder / TOKENIZER, manifest.encoders[encoder], form, labelled)
    if form.cut_vocabulary:
        tokenizer.no_truncation()
        before = tokenizer.get_vocab_size()
        kept = needed_pieces(tokenizer, count_pieces(tokenizer, texts), at_least=form.piece_at_least)
        tokenizer = prune_tokenizer(tokenizer, kept)
        prune_embeddings(network, kept)
        log.info("%s: %d of %d pieces kept", form.name, len(kept), before)
    shutil.rmtree(out, ignore_errors=True)
    folder = out / encoder
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / TOKENIZER))
    save_network(network, folder)
    export_onnx(network, folder / ONNX_FP32)
    export_int8(network, folder / ONNX_INT8)
    # n-grams were weighed beside the encoder as it was, over pieces that may have other numbers now
    part = msgspec.structs.replace(manifest.encoders[encoder], pad_id=padding(tokenizer), wide=False)
    parts = manifest.encoders | {encoder: part}
    _describe(build, out, msgspec.structs.replace(manifest, encoders=parts), encoder, form)
    return folder


def _drop_heads(network: Network, tokenizer: Path, part: EncoderPart, form: Form, labelled: Sequence[Example]) -> None:
    if not labelled:
        raise ConfigError(f"{form.name}: no labelled text is left to measure the importance of heads on")
    corpus = Corpus(list(labelled), Tokenizer.from_file(str(tokenizer)), part.max_tokens, pad_id=part.pad_id)
    kept = prune_heads(network, corpus, form.heads)
    log.info("%s: heads kept in each layer: %s", form.name, ", ".join(str(len(heads)) for heads in kept))


def _describe(build: Path, out: Path, manifest: Manifest, encoder: str, form: Form) -> None:
    for other in set(manifest.encoders) - {encoder}:
        (out / other).mkdir()
        for name in (ONNX_INT8, TOKENIZER, WIDE, NETWORK):
            if (build / other / name).is_file():
                shutil.copyfile(build / other / name, out / other / name)
    files = {name: sha256(out / name) for name in reader_files(manifest.encoders)}
    described = {encoder: msgspec.to_builtins(form)}
    smaller = msgspec.structs.replace(
        manifest,
        model_version=f"{manifest.model_version.rpartition('-')[0]}-{digest_of(files)}",
        files=files,
        metrics={},
        behaviour={},
        training=manifest.training | {"compressed": described},
    )
    write_manifest(out, smaller)
