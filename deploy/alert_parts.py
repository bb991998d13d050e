"""The alert role's parts, built from settings: detectors, endpoints, engine, deliverer, explainer, digest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deploy.metrics import FALSE_ALARMS_PROMISED
from deploy.services import Services
from deploy.settings import Settings
from deploy.threads import Part

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alerts.answers.holding import Holding
    from alerts.delivery.channels import Channel
    from alerts.delivery.endpoints import Endpoint
    from alerts.detection.detectors import Detector
    from alerts.engine import Timing
    from alerts.explaining import Explain
    from alerts.timers import Timers

__all__ = [
    "FAILOVER_S",
    "alert_parts",
    "detectors_of",
    "endpoints_of",
    "explaining_parts",
    "holding_of",
    "send_digest",
    "send_weekly_digest",
    "timers_of",
    "timing_of",
]

Clock = Callable[[], datetime]

_GIVING_WAY = 10
"""How nice the thread is that asks for words."""

FAILOVER_S = 3.0
"""An engine that is stopped in the middle of its transaction holds the lock of engines so long; then another goes on.
One that reckons for longer than that between two statements has a heartbeat."""


@contextmanager
def alert_parts(settings: Settings, services: Services, entities: int, clock: Clock) -> Iterator[Mapping[str, Part]]:
    """The engine and the deliverer over a watch list of `entities` companies.

    Raises WrongSettingError for settings that do not go together.
    """
    from alerts.delivery.deliveries import Deliverer
    from alerts.engine import AlertEngine
    from storage.connection import connect

    FALSE_ALARMS_PROMISED.set(settings.alerts.false_alarms_per_day)
    endpoints = endpoints_of(settings)
    engine = connect(services.database_url, pool_size=settings.database.pool, idle_transaction_s=FAILOVER_S)
    alert_engine = AlertEngine(
        engine,
        detectors_of(settings, entities),
        endpoints,
        clock=clock,
        timing=timing_of(settings),
        poll_s=settings.alerts.poll_s,
        holding=holding_of(settings),
        rules=[rule.judge() for rule in settings.alerts.rules],
    )
    parts: dict[str, Part] = {"alert-engine": alert_engine.run}
    if endpoints:
        parts["deliverer"] = Deliverer(engine, endpoints, clock).run
    try:
        yield parts
    finally:
        engine.dispose()


@contextmanager
def explaining_parts(settings: Settings, services: Services, clock: Clock) -> Iterator[Mapping[str, Part]]:
    """What asks the model for the words behind alerts. Not in the engine's process: it would wait for the interpreter.

    Its thread, and those that its model starts, give way to whoever else wants the processor.
    """
    from alerts.explaining import Explaining
    from storage.connection import connect

    if not settings.alerts.explain:
        yield {}
        return
    engine = connect(services.database_url, pool_size=1)
    try:
        yield {"explaining": Explaining(engine, partial(_words_of_model, settings), clock).run}
    finally:
        engine.dispose()


def _words_of_model(settings: Settings) -> Explain:
    from deploy.alert_words import WordsOfModel
    from deploy.weights import weights_folder

    with suppress(OSError):  # elsewhere than on Linux a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GIVING_WAY)
    return WordsOfModel(weights_folder(settings))


def detectors_of(settings: Settings, entities: int) -> Sequence[Detector]:
    """The detectors in force. They share the budget."""
    from alerts.detection import (
        first_bad_news,
        market_surge,
        risk_event,
        share_shift,
        unlisted_surge,
        unlisted_volume,
        volume_alarm,
    )
    from alerts.detection.baselines import Baseline
    from alerts.detection.detectors import NegativeSurge
    from alerts.detection.first_bad_news import FirstBadNews
    from alerts.detection.market_surge import MarketSurge
    from alerts.detection.mean_shift import MeanShift
    from alerts.detection.risk_event import RiskEvent
    from alerts.detection.share_shift import ShareShift
    from alerts.detection.thresholds import Budget
    from alerts.detection.unlisted_surge import UnlistedSurge
    from alerts.detection.unlisted_volume import UnlistedVolume
    from alerts.detection.volume_alarm import VolumeAlarm

    given, listed = settings.alerts, max(entities, 1)
    shares = 1 + volume_alarm.SHARE * given.volume_surge + first_bad_news.SHARE * given.first_bad_news
    shares += risk_event.SHARE * given.risk_event + market_surge.SHARE * given.market_surge
    shares += unlisted_surge.SHARE * given.unlisted_surge + unlisted_volume.SHARE * given.unlisted_volume
    shares += share_shift.SHARE * (given.share_shift + given.mean_shift)
    part = given.false_alarms_per_day / shares
    budget = Budget(part, listed)
    negative = NegativeSurge(
        budget,
        Baseline(history_days=given.history_days, half_life_days=given.half_life_days),
        horizons_min=given.horizons_min,
        guard_min=given.guard_min,
        min_stories=given.min_stories,
    )
    unlisted = UnlistedSurge(
        unlisted_surge.SHARE * part,
        replace(negative.baseline, memory_days=given.history_days),
        horizons_min=given.horizons_min,
        guard_min=given.guard_min,
        min_stories=given.min_stories,
    )
    first = FirstBadNews(Budget(first_bad_news.SHARE * part, listed), guard_min=given.guard_min)
    risk = RiskEvent(risk_event.SHARE * part, listed, given.risk_topics, guard_min=given.guard_min)
    tone = Budget(share_shift.SHARE * part, listed)
    optional = (
        (given.first_bad_news, first),
        (given.risk_event, risk),
        (given.market_surge, MarketSurge(Budget(market_surge.SHARE * part, 1))),
        (given.share_shift, ShareShift(tone)),
        (given.mean_shift, MeanShift(tone)),
        (given.volume_surge, VolumeAlarm(Budget(volume_alarm.SHARE * part, listed))),
        (given.unlisted_surge, unlisted),
        (given.unlisted_volume, UnlistedVolume(unlisted_volume.SHARE * part)),
    )
    return (negative, *(detector for wanted, detector in optional if wanted))


def endpoints_of(settings: Settings) -> Sequence[Endpoint | Channel]:
    """The webhooks and channels. Raises WrongSettingError for one that cannot be called or signed."""
    from alerts.delivery.channels import Channel
    from alerts.delivery.endpoints import Endpoint

    webhooks = [
        Endpoint(
            name=one.name,
            url=one.url,
            secret=one.secret.get_secret_value(),
            allow_private=one.allow_private,
            events=one.events,
            old_secret=one.old_secret.get_secret_value(),
            ordered=one.ordered,
            form=one.form,
        )
        for one in settings.webhooks
    ]
    channels = [
        Channel(one.name, one.url.get_secret_value(), one.language, one.events, one.ordered)
        for one in settings.channels
    ]
    return (*webhooks, *channels)


def holding_of(settings: Settings) -> Holding:
    """Which alerts are not told of at once. Raises MatcherError for an inhibition that cannot be read."""
    from alerts.answers.holding import MARKET_QUIETS_MEMBERS, Flapping, Holding, Inhibition
    from alerts.answers.matchers import parse

    given = settings.alerts
    rules = [
        Inhibition(tuple(map(parse, one.source)), tuple(map(parse, one.target)), one.equal) for one in given.inhibit
    ]
    if given.market_quiets_members:
        rules.append(MARKET_QUIETS_MEMBERS)
    flapping = Flapping(given.flap_openings, timedelta(days=given.flap_days))
    return Holding(tuple(rules), flapping, given.one_alert_a_company)


def timers_of(settings: Settings, engine: Engine, clock: Clock) -> Timers:
    """What happens to alerts when its time has come."""
    from alerts.timers import Timers

    after = settings.alerts.remind_after_min
    return Timers(
        engine,
        endpoints_of(settings),
        clock,
        remind_after=timedelta(minutes=after) if after else None,
        most_reminders=settings.alerts.most_reminders,
        holding=holding_of(settings),
    )


def timing_of(settings: Settings) -> Timing:
    """How the engine deals with event time."""
    from alerts.engine import Timing

    return Timing(
        allowed_lateness=timedelta(seconds=settings.windows.allowed_lateness_s),
        idle_after=timedelta(seconds=settings.windows.idle_after_s),
        quiet=timedelta(minutes=settings.alerts.quiet_min),
    )


def send_digest(settings: Settings, engine: Engine, clock: Clock) -> None:
    """Queues the digest of yesterday (UTC) for the endpoints that [digest] names; once, however often it is called."""
    from alerts.delivery.digests import write_digest

    at = clock()
    with engine.begin() as connection:
        write_digest(connection, at.date() - timedelta(days=1), settings.digest.webhooks, at)


def send_weekly_digest(settings: Settings, engine: Engine, clock: Clock) -> None:
    """The same of the seven days up to yesterday."""
    from alerts.delivery.digests import WEEK, write_digest

    at = clock()
    with engine.begin() as connection:
        write_digest(connection, at.date() - timedelta(days=WEEK), settings.digest.weekly, at, WEEK)
