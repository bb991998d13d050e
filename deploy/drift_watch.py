"""The daily look for drift: yesterday's documents beside the profile of the model, as metrics and a line in the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine

from deploy.metrics import DRIFT_DETECTED, DRIFT_DOCUMENTS, DRIFT_EFFECT, DRIFT_P_VALUE
from deploy.settings import Settings

if TYPE_CHECKING:
    from model.drift_checks import LanguageDrift
    from model.routing import Language

__all__ = ["look_for_drift"]

_log = structlog.get_logger()

_SPAN = timedelta(days=1)


def look_for_drift(settings: Settings, engine: Engine, now: datetime) -> Mapping[Language, LanguageDrift]:
    """Compares a sample of what arrived in the day before `now` with a profile, where the settings ask for it.

    The sample is scored again, which bounds the cost whatever the traffic. Sets the metrics `yuqing_drift_*` and logs
    a warning for each language that has drifted. Raises ArtefactError where the profile is absent, or is that of
    another model.
    """
    from deploy.weights import weights_folder
    from model.artefact import DRIFT
    from model.classifier import Classifier
    from model.drift import Limits
    from model.drift_checks import compare
    from model.drift_profile import observe, read_profile
    from storage.recent_documents import sample_arrived
    from stream.intake import joined

    given = settings.drift
    if given.profile is None and not given.watch:
        return {}
    folder = weights_folder(settings)
    classifier = Classifier.load(folder, engine=settings.model.engine, threads=1)
    profile = read_profile(given.profile or folder / DRIFT, classifier.version)
    with engine.connect() as connection:
        stored = sample_arrived(connection, now - _SPAN, now, most=given.sample)
    live = observe(classifier, [joined(one.title, one.body) for one in stored], profile)
    found = compare(profile, live, Limits(false_alarms=given.false_alarms))
    _publish(found)
    return found


def _publish(found: Mapping[Language, LanguageDrift]) -> None:
    for gauge in (DRIFT_EFFECT, DRIFT_P_VALUE, DRIFT_DETECTED, DRIFT_DOCUMENTS):
        gauge.clear()  # a language that no longer comes, or comes too seldom, must not keep its last figures
    for language, drift in found.items():
        DRIFT_DOCUMENTS.labels(language).set(drift.documents)
        if not drift.checks:
            continue
        DRIFT_DETECTED.labels(language).set(drift.drifted)
        for check in drift.checks:
            DRIFT_EFFECT.labels(language, check.what).set(check.effect)
            DRIFT_P_VALUE.labels(language, check.what).set(check.p_value)
        if drift.drifted:
            effects = {check.what: round(check.effect, 3) for check in drift.checks if check.drifted}
            _log.warning("drift_detected", language=language, documents=drift.documents, **effects)
    _log.info("drift_looked_for", documents={language: one.documents for language, one in found.items()})
