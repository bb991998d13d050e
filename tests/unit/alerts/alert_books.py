"""The books in memory: counts, changed buckets and episodes, with the rules of the engine around the real judging."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from alerts.detection.baselines import Baseline
from alerts.detection.detectors import Detector, NegativeSurge
from alerts.detection.first_bad_news import FirstBadNews
from alerts.detection.judging import judge
from alerts.detection.lifecycle import Change, Episode, resolved
from alerts.detection.mean_shift import MeanShift
from alerts.detection.risk_event import RiskEvent
from alerts.detection.series import Series
from alerts.detection.share_shift import ShareShift
from alerts.detection.thresholds import Budget
from alerts.detection.tone_past import TonePast
from alerts.detection.tones import TonedSeries
from alerts.detection.work import Job

LATENESS_MIN = 60
QUIET = timedelta(minutes=300)
_QUICK = Baseline(history_days=3, half_life_days=1, awake_documents=5)


def quick_detector() -> NegativeSurge:
    """A detector that lives in hours rather than weeks, so that a property test sees many of its days."""
    return NegativeSurge(Budget(5, 5), _QUICK, horizons_min=(30, 180), guard_min=120)


def quick_detectors() -> tuple[Detector, ...]:
    """That, and the others that look at bad news, as quick."""
    first = FirstBadNews(Budget(2, 5), replace(_QUICK, memory_days=4), horizons_min=(60, 240), guard_min=120)
    risk = RiskEvent(0.5, 5, ("fraud", "default"), replace(_QUICK, memory_days=4), horizons_min=(240,), guard_min=120)
    share = ShareShift(Budget(9, 1), TonePast(days=3), horizons_min=(240, 600), min_stories=2)
    mean = MeanShift(Budget(9, 1), TonePast(days=3), horizons_min=(240, 600), least=2)
    return quick_detector(), first, risk, share, mean


@dataclass(frozen=True)
class Told:
    """A document as the windows stage counts it, negative unless it says otherwise."""

    minute: int
    entity: str
    story: bool = True
    topics: tuple[str, ...] = ()
    bad: bool = True
    """A harmless document is told of as well, with a story of its own."""


class AlertBooks:
    """Takes documents and judges when told; `changes` keeps every change that the engine would have written."""

    def __init__(self, detector: Detector, quiet: timedelta = QUIET) -> None:
        self._quiet = quiet
        self.changes: list[Change] = []
        self._detector = detector
        self._stories: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._documents: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._all: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
        self._pending: set[Job] = set()
        self._episodes: dict[UUID, Episode] = {}
        self._newest = 0

    def take(self, documents: Iterable[Told]) -> None:
        """One transaction of ingest."""
        for document in documents:
            for entity in (document.entity, "*"):
                bad, score = document.bad, -800_000 if document.bad else 50_000
                all_of_it = self._all[entity][document.minute]
                for place, amount in enumerate((document.story, 1, bad and document.story, score)):
                    all_of_it[place] += amount
                for topic in ("*", *document.topics) if bad else ():
                    self._documents[entity, topic][document.minute] += 1
                    self._stories[entity, topic][document.minute] += document.story
                self._pending.add((document.minute, entity))
            self._newest = max(self._newest, document.minute)

    def judge(self, jobs_at_once: int = 1000) -> None:
        """One round of the engine."""
        complete = self._newest - LATENESS_MIN
        ready = sorted(job for job in self._pending if job[0] <= complete + self._detector.guard_min)
        for start in range(0, len(ready), jobs_at_once):
            jobs = ready[start : start + jobs_at_once]
            self._pending -= set(jobs)
            verdict = judge(self._detector, jobs, complete=complete, quiet=self._quiet, counts=self, known=self._known)
            self._write(verdict.changes)
            self._pending |= verdict.later
        quiet_min = int(self._quiet.total_seconds() // 60)
        active = [each for each in self._episodes.values() if each.active]
        self._write([Change(each, resolved(each)) for each in active if each.over(complete, quiet_min)])

    def outcome(self) -> set[tuple[str, int, int, str, float]]:
        """Every episode: whom, first and last bucket, severity, and the least probable p-value."""
        return {
            (each.entity_id, each.first, each.last, each.severity, each.peak.p_value)
            for each in self._episodes.values()
        }

    def series(self, entity: str, topics: Sequence[str] = ()) -> Series:
        """All that is known of one entity."""
        return self.entities([entity], 0, 1 << 40, topics).get(entity, Series.of(()))

    def entities(
        self, entities: Sequence[str], since: int, until: int, topics: Sequence[str] = ()
    ) -> dict[str, Series]:
        found = {}
        for entity in entities:
            keys = [(entity, topic) for topic in topics or ("*",) if (entity, topic) in self._documents]
            minutes = {minute for key in keys for minute in self._documents[key] if since <= minute <= until}
            rows = [
                (minute, *(max(kept[key][minute] for key in keys) for kept in (self._stories, self._documents)))
                for minute in minutes
            ]
            if rows:
                found[entity] = Series.of(rows)
        return found

    def volumes(self, entities: Sequence[str], since: int, until: int) -> dict[str, Series]:
        toned = self.tones(entities, since, until)
        return {entity: Series(each.buckets, each.stories, each.documents) for entity, each in toned.items()}

    def tones(self, entities: Sequence[str], since: int, until: int) -> dict[str, TonedSeries]:
        found = {}
        for entity in entities:
            rows = [(minute, *counts) for minute, counts in self._all[entity].items() if since <= minute <= until]
            if rows:
                found[entity] = TonedSeries.told(rows)  # type: ignore[arg-type]
        return found

    def market(self, since: int, until: int, topics: Sequence[str] = ()) -> Series:
        stories: Counter[int] = Counter()
        documents: Counter[int] = Counter()
        for minute, (_, count, _, _) in self._all["*"].items():
            if since - since % 60 <= minute <= until - until % 60 + 59:
                hour = minute - minute % 60 + 59
                stories[hour] += sum(self._stories["*", topic][minute] for topic in topics or ("*",))
                documents[hour] += count
        return Series.of((hour, stories[hour], count) for hour, count in documents.items())

    def _known(self, entities: Sequence[str], since: int, until: int) -> dict[str, list[Episode]]:
        known: dict[str, list[Episode]] = defaultdict(list)
        for each in self._episodes.values():
            if each.entity_id in entities and (each.active or (each.last >= since and each.first <= until)):
                known[each.entity_id].append(each)
        return known

    def _write(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._episodes[change.after.alert_id] = change.after
            active = [
                each for each in self._episodes.values() if each.active and each.entity_id == change.after.entity_id
            ]
            assert len(active) <= 1, "two alerts of one entity are active"
            self.changes.append(change)
