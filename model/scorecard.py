"""What is measured of a model when it is made, and written into its manifest."""

import logging
from pathlib import Path
from typing import Any

import msgspec

from model.answers import about_entities
from model.artefact import CHECKPOINT, DRIFT, Manifest, sha256, write_manifest
from model.behaviour import run, suite, summarise
from model.classifier import Classifier
from model.datasets import Sets, document_rows
from model.drift_profile import make_profile, unseen_texts, write_profile
from model.evaluation import Report, evaluate

log = logging.getLogger(__name__)


def complete(folder: Path, sets: Sets, manifest: Manifest, *, measure: bool = True) -> Manifest:
    """Give a folder whose weights are ready its drift profile and its measurements, and write its manifest.

    Args:
        folder: with its manifest written.
        sets: what `read_sets` made of the data.
        manifest: of the folder; measurements in it are of the encoders before, see `accuracies`.
        measure: whether it is measured at all.
    """
    write_profile(make_profile(Classifier.load(folder), unseen_texts(sets)), folder / DRIFT)
    manifest = msgspec.structs.replace(manifest, files=manifest.files | {DRIFT: sha256(folder / DRIFT)})
    write_manifest(folder, manifest)
    if measure:
        metrics = accuracies(folder, sets, earlier=manifest.metrics)
        manifest = msgspec.structs.replace(manifest, metrics=metrics, behaviour=pass_rates(folder))
        write_manifest(folder, manifest)
    return manifest


def accuracies(folder: Path, sets: Sets, *, earlier: dict[str, Any] | None = None) -> dict[str, Any]:
    """Measure on the test parts, by set: the int8 model; under `encoder`, its encoders without the n-grams beside them;
    under `fp32`, the networks that these were made from, without n-grams either.

    Args:
        folder: a finished folder.
        sets: what `read_sets` made of the data.
        earlier: what was measured of the same encoders; `fp32` is taken from it where the folder holds no networks.
    """
    classifier = Classifier.load(folder, engine="onnx")
    has_networks = all((folder / name / CHECKPOINT).is_file() for name in classifier.manifest.encoders)
    has_wide = any(part.wide for part in classifier.manifest.encoders.values())
    encoder = Classifier.load(folder, engine="onnx", wide=False) if has_wide else None
    reference = Classifier.load(folder, engine="torch", wide=False) if has_networks else None
    found = {}
    for name, (task, rows) in sets.items():
        for suffix, chosen in (("", document_rows(rows["test"])), (".toward", rows["test"])):
            if suffix and not about_entities(chosen, task):
                continue
            report = evaluate(classifier, chosen, task)
            log.info("%s%s: accuracy %.4f, macro-F1 %.4f", name, suffix, report.accuracy, report.macro_f1)
            figures: dict[str, Any] = {"rows": report.rows} | _figures(report)
            if encoder is not None:
                figures["encoder"] = _figures(evaluate(encoder, chosen, task))
            if reference is not None:
                figures["fp32"] = _figures(evaluate(reference, chosen, task))
            elif known := (earlier or {}).get(name + suffix, {}).get("fp32"):
                figures["fp32"] = known
            found[name + suffix] = figures
    return found


def _figures(report: Report) -> dict[str, float | None]:
    error = report.calibration_error
    return {
        "accuracy": round(report.accuracy, 4),
        "macro_f1": round(report.macro_f1, 4),
        "calibration_error": None if error is None else round(error, 4),
    }


def pass_rates(folder: Path) -> dict[str, dict[str, float]]:
    """Put the behavioural suite to a model: the share of passed cases by capability, `all` and by language."""
    found = summarise("", run(Classifier.load(folder), suite()))
    return {
        name: {
            "all": round(one.rate, 4),
            **{language: round(part.rate, 4) for language, part in one.by_language.items()},
        }
        for name, one in found.capabilities.items()
    }
