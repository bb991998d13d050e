"""N-grams fitted beside the encoders of a weights folder, whatever made it; no encoder is changed."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from model.artefact import WIDE, Manifest, read_manifest, reader_files, sha256, version_of, write_manifest
from model.classifier import Classifier, Tokens
from model.corpus import part_examples
from model.datasets import Example, Sets
from model.errors import ConfigError
from model.network import NETWORK
from model.scorecard import complete
from model.splits import Part
from model.techniques import WideConfig
from model.wide_fit import fit_wide
from model.wide_rows import wide_rows
from model.written import written_examples

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

    Their tables learn from train parts, their place beside the encoder from dev parts; test parts choose nothing. An
    encoder without labelled texts in both parts stays alone.

    Raises:
        ArtefactError: the folder holds no weights.
    """
    classifier = Classifier.load(folder, wide=False)
    manifest = classifier.manifest
    (train, train_tokens), (dev, dev_tokens) = (_whole_texts(classifier, sets, part) for part in ("train", "dev"))
    sentiment, _ = classifier.all_logits(dev_tokens)
    parts = dict(manifest.encoders)
    strangers = classifier.encode([one.text for one in written_examples(copies=config.written, seed=0)])
    for name, part in manifest.encoders.items():
        learned, asked = (
            [place for place, tokens in enumerate(every) if tokens.encoder == name]
            for every in (train_tokens, dev_tokens)
        )
        if not learned or not asked:
            log.info("%s: no labelled texts to fit n-grams on", name)
            continue
        fitted = fit_wide(
            wide_rows([train[place] for place in learned], [train_tokens[place].ids for place in learned]),
            wide_rows([dev[place] for place in asked], [dev_tokens[place].ids for place in asked]),
            sentiment[asked].astype(float),
            [tokens.ids for tokens in strangers if tokens.encoder == name],
            config,
        )
        fitted.save(folder / name / WIDE)
        parts[name] = msgspec.structs.replace(part, wide=True)
    files = {name: sha256(folder / name) for name in reader_files(parts)}
    manifest = msgspec.structs.replace(manifest, encoders=parts, files=files, model_version=version_of(files))
    write_manifest(folder, manifest)
    return manifest


def _whole_texts(classifier: Classifier, sets: Sets, part: Part) -> tuple[Sequence[Example], Sequence[Tokens]]:
    chosen = [one for one in part_examples(sets, part, toward=False) if one.allowed]
    return chosen, classifier.encode([one.text for one in chosen])
