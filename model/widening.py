"""N-grams fitted beside the encoders of a weights folder, whatever made it; no encoder is changed."""

import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from model.artefact import WIDE, Manifest, read_manifest, reader_files, sha256, version_of, write_manifest
from model.calibration import fit_thresholds
from model.classifier import Classifier, Tokens
from model.corpus import part_examples
from model.datasets import Example, Sets
from model.errors import ConfigError
from model.names import Names
from model.network import NETWORK
from model.scorecard import complete
from model.techniques import WideConfig
from model.wide import WidePart
from model.wide_fit import fit_wide
from model.wide_rows import wide_rows
from model.wide_topics_fit import fit_wide_topics, topic_rows
from model.written import written_examples

SWAPS: Final = 4  # of the name in each train text, an even number
Texts = list[tuple[Example, Tokens]]
log = logging.getLogger(__name__)


def widen(weights: Path, sets: Sets, config: WideConfig, out: Path) -> Manifest:
    """Make a folder of its own with the encoders of another and n-grams fitted anew; may be run again when stopped.

    Args:
        weights: a weights folder, or a finished build folder, whose networks come along.
        sets: what its encoders were trained on, split by the seed of its manifest.
        config: of the n-grams.
        out: the new folder; files in it are replaced, the manifest last.

    Raises:
        ArtefactError: there are no weights, or they are altered.
        ConfigError: `out` is the folder itself.
    """
    manifest = read_manifest(weights)
    if out.resolve() == weights.resolve():
        raise ConfigError(f"{out} holds the weights that are read: name another folder")
    parts = {name: msgspec.structs.replace(part, wide=False) for name, part in manifest.encoders.items()}
    for name in reader_files(parts):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights / name, out / name)
    for name in parts:
        if (weights / name / NETWORK).is_file():
            shutil.copyfile(weights / name / NETWORK, out / name / NETWORK)
    files = {name: manifest.files[name] for name in reader_files(parts)}
    training = manifest.training | {"wide": msgspec.to_builtins(config)}
    write_manifest(out, msgspec.structs.replace(manifest, encoders=parts, files=files, training=training))
    return complete(out, sets, add_wide(out, sets, config))


def add_wide(folder: Path, sets: Sets, config: WideConfig) -> Manifest:
    """Fit n-grams beside every encoder of a folder that has none yet, and write its manifest anew, of another version.

    Their tables learn from train parts, but nothing from names there, their place beside the encoder, and the
    thresholds of topics, from dev parts; test parts choose nothing. An encoder without labelled texts in both parts
    stays alone.

    Raises:
        ArtefactError: the folder holds no weights.
    """
    classifier = Classifier.load(folder, wide=False)
    manifest = classifier.manifest
    limits = _thresholds(classifier, sets, manifest.thresholds)
    names = Names.of(row for _, parts in sets.values() for row in parts["train"])
    parts = dict(manifest.encoders)
    for name, part in manifest.encoders.items():
        train, dev = (_texts(classifier, name, part_examples(sets, which, toward=False)) for which in ("train", "dev"))
        fitted = _fitted(classifier, train, dev, names, limits, config)
        if fitted is None:
            log.info("%s: no labelled texts to fit n-grams on", name)
            continue
        fitted.save(folder / name / WIDE)
        parts[name] = msgspec.structs.replace(part, wide=True)
    files = {name: sha256(folder / name) for name in reader_files(parts)}
    manifest = msgspec.structs.replace(manifest, encoders=parts, files=files, model_version=version_of(files))
    write_manifest(folder, manifest)
    manifest = msgspec.structs.replace(manifest, thresholds=_thresholds(Classifier.load(folder), sets, limits))
    write_manifest(folder, manifest)
    return manifest


def _thresholds(classifier: Classifier, sets: Sets, before: Sequence[float]) -> tuple[float, ...]:
    """The thresholds of topics, fitted anew as `model/build.py` does where only sets with one topic a text teach them.

    Others stay: an encoder without n-grams for a topic reports it by the same threshold.
    """
    dev = [one for one in part_examples(sets, "dev", toward=False) if (one.mask >= 1).any()]
    chosen = [one for one in dev if one.exclusive]
    if not chosen:
        return tuple(before)
    others = [*written_examples(copies=1, seed=0), *(one for one in dev if not one.exclusive)]
    stays = np.any([one.mask >= 1 for one in others], axis=0) | ~np.any([one.mask >= 1 for one in chosen], axis=0)
    _, topics = classifier.all_logits(classifier.encode([one.text for one in chosen]))
    found = fit_thresholds(topics.astype(float), chosen)
    return tuple(old if kept else new for old, new, kept in zip(before, found, stays, strict=True))


def _texts(classifier: Classifier, encoder: str, chosen: Sequence[Example]) -> Texts:
    """Those of the examples that an encoder reads."""
    tokens = classifier.encode([one.text for one in chosen])
    return [(one, cut) for one, cut in zip(chosen, tokens, strict=True) if cut.encoder == encoder]


def _fitted(
    classifier: Classifier, train: Texts, dev: Texts, names: Names, limits: Sequence[float], config: WideConfig
) -> WidePart | None:
    """The n-grams beside one encoder; None where no text of both parts has a sentiment."""
    learned, asked = ([one for one in texts if one[0].allowed] for texts in (train, dev))
    if not learned or not asked:
        return None
    reader = classifier.reader(learned[0][1].encoder)
    written = _texts(classifier, reader.name, written_examples(copies=config.written, seed=0))
    strangers = [tokens.ids for _, tokens in written]
    sentiment, _ = classifier.all_logits([tokens for _, tokens in asked])
    rows = wide_rows(*_apart(learned), names.hidden(reader, [one.text for one, _ in learned]))
    rng = np.random.default_rng(0)
    swapped = [text for one, _ in learned for text in names.swapped(one.text, SWAPS, rng)]
    pairs = [tokens.ids for tokens in reader.encode(swapped, [None] * len(swapped))]
    part = fit_wide(rows, wide_rows(*_apart(asked)), sentiment.astype(float), strangers, config, pairs)
    by_set = [_by_topic_set(texts) for texts in (train, dev)]
    both = [name for name in by_set[0] if name in by_set[1]]
    if not both:
        return part
    learned_topics, asked_topics = ([sets[name] for name in both] for sets in by_set)
    topics = fit_wide_topics(
        [topic_rows(*_apart(texts), names.hidden(reader, [one.text for one, _ in texts])) for texts in learned_topics],
        [topic_rows(*_apart(texts)) for texts in asked_topics],
        [classifier.all_logits([tokens for _, tokens in texts])[1] for texts in asked_topics],
        limits,
        strangers,
        config,
    )
    return replace(part, topics=topics)


def _by_topic_set(texts: Texts) -> dict[str, Texts]:
    """The texts that have exactly one of the topics which their set was asked about, by set."""
    found: dict[str, Texts] = defaultdict(list)
    for one in texts:
        if one[0].exclusive:
            found[one[0].source].append(one)
    return dict(found)


def _apart(texts: Texts) -> tuple[list[Example], list[list[int]]]:
    return [one for one, _ in texts], [tokens.ids for _, tokens in texts]
