"""What is measured of a model when it is made, and written into its manifest."""

import logging
from pathlib import Path
from typing import Any

from model.answers import about_entities
from model.behaviour import run, suite, summarise
from model.classifier import Classifier
from model.datasets import Sets, document_rows
from model.evaluation import evaluate

log = logging.getLogger(__name__)


def accuracies(folder: Path, sets: Sets) -> dict[str, Any]:
    """Measure on the test parts, by set: the int8 model and, under `fp32`, the networks that it was made from.

    Args:
        folder: a finished build folder, networks included.
        sets: what `read_sets` made of the data.
    """
    classifier, reference = Classifier.load(folder), Classifier.load(folder, engine="torch")
    found = {}
    for name, (task, rows) in sets.items():
        for suffix, chosen in (("", document_rows(rows["test"])), (".toward", rows["test"])):
            if suffix and not about_entities(chosen, task):
                continue
            report, plain = evaluate(classifier, chosen, task), evaluate(reference, chosen, task)
            log.info("%s%s: accuracy %.4f, macro-F1 %.4f", name, suffix, report.accuracy, report.macro_f1)
            found[name + suffix] = {
                "rows": report.rows,
                "accuracy": round(report.accuracy, 4),
                "macro_f1": round(report.macro_f1, 4),
                "calibration_error": report.calibration_error and round(report.calibration_error, 4),
                "fp32": {"accuracy": round(plain.accuracy, 4), "macro_f1": round(plain.macro_f1, 4)},
            }
    return found


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
