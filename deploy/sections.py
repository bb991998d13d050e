"""The sections of `yuqing.toml`, each with its defaults and bounds. What a setting means: `yuqing.example.toml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, model_validator

from deploy.risk_topics import GRAVE, RiskTopics
from deploy.rule_settings import Rule
from deploy.section import Section

__all__ = [
    "Alerts",
    "Channel",
    "Console",
    "Database",
    "Digest",
    "Drift",
    "Inhibit",
    "Intake",
    "Kafka",
    "Limits",
    "Logs",
    "Markets",
    "Metrics",
    "Model",
    "Redis",
    "Retention",
    "Rule",
    "Webhook",
    "Windows",
]

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Event = Literal[
    "alert.opened",
    "alert.escalated",
    "alert.reminded",
    "alert.acknowledged",
    "alert.reopened",
    "alert.resolved",
    "digest.daily",
    "digest.weekly",
]
_USUAL_EVENTS: tuple[Event, ...] = (
    "alert.opened",
    "alert.escalated",
    "alert.reminded",
    "alert.reopened",
    "alert.resolved",
    "digest.daily",
    "digest.weekly",
)
Minutes = Annotated[int, Field(ge=1)]


class Kafka(Section):
    """Where the log is. An empty `bootstrap` means the embedded broker."""

    bootstrap: str = ""
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$")
    partitions: Positive = 4
    replication: Positive = 1
    group: str = Field(default="yuqing", min_length=1)


class Database(Section):
    """Where PostgreSQL is. An empty `url` means the embedded one."""

    _secrets = ("url",)
    url: SecretStr = SecretStr("")
    url_file: Path | None = None
    pool: Positive = 4


class Redis(Section):
    """Where the cache is. An empty `url` means the embedded one."""

    _secrets = ("url",)
    url: SecretStr = SecretStr("")
    url_file: Path | None = None
    prefix: str = "yuqing:"


class Model(Section):
    """Which model scores, what runs it, and how its batches are cut; a token_budget of 0 is the engine's own."""

    folder: Path | None = None
    models: Path | None = None
    engine: Literal["auto", "onnx", "torch", "cuda"] = "auto"
    threads: int = Field(default=0, ge=0)
    token_budget: int = Field(default=0, ge=0)
    deadline_ms: float = Field(default=25, gt=0)

    @model_validator(mode="after")
    def _one_place(self) -> Model:
        if self.folder and self.models:
            raise ValueError("both folder and models are set: keep one of them")
        return self


class Limits(Section):
    """Bounds on one crawled record; beyond them it is cut with a flag, or becomes a dead letter."""

    record_bytes: Positive = 16 * 1024 * 1024
    json_bytes: Positive = 32 * 1024 * 1024
    raw_chars: Positive = 1_000_000
    title_chars: Positive = 1_000
    body_chars: Positive = 100_000
    oldest: date = date(2000, 1, 1)
    future_hours: float = Field(default=24, ge=0)


class Intake(Section):
    """What a document is read with: the watch lists, the bounds, and how long a story is remembered.

    `processes` is how many read beside the scorer's own; 0 for none, left out for as many as the model leaves cores.
    """

    watchlists: tuple[Path, ...] = ()
    default_watchlist: bool = True
    story_days: float = Field(default=3, gt=0)
    processes: int | None = Field(default=None, ge=0)
    limits: Limits = Limits()


class Windows(Section):
    """How documents are counted."""

    batch_size: Positive = 2000
    allowed_lateness_s: float = Field(default=3600, ge=0)
    idle_after_s: Seconds = 60
    hot_hours: float = Field(default=48, gt=0)


class Inhibit(Section):
    """While an alert that matches `source` is on, those that match `target` are held."""

    source: tuple[str, ...] = Field(min_length=1)
    target: tuple[str, ...] = Field(min_length=1)
    equal: tuple[str, ...] = ()


class Alerts(Section):
    """When a surge of bad news is one."""

    false_alarms_per_day: float = Field(default=1, gt=0)
    horizons_min: tuple[Minutes, ...] = Field(default=(60, 360, 1440, 4320, 10080), min_length=1)
    min_stories: Positive = 3
    volume_surge: bool = True
    unlisted_surge: bool = True
    unlisted_volume: bool = True
    first_bad_news: bool = True
    risk_event: bool = True
    risk_topics: RiskTopics = GRAVE
    market_surge: bool = True
    share_shift: bool = False
    mean_shift: bool = False
    explain: bool = True
    guard_min: Minutes = 1440
    history_days: Positive = 21
    half_life_days: float = Field(default=14, gt=0)
    quiet_min: Minutes = 4320
    poll_s: Seconds = 1
    remind_after_min: int = Field(default=60, ge=0)
    most_reminders: int = Field(default=3, ge=0)
    flap_openings: int = Field(default=3, ge=0)
    flap_days: float = Field(default=14, gt=0)
    market_quiets_members: bool = True
    one_alert_a_company: bool = False
    inhibit: tuple[Inhibit, ...] = ()
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _rules_have_names_of_their_own(self) -> Alerts:
        names = [rule.name for rule in self.rules]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are named {', '.join(doubled)}: give each its own name")
        return self


class Webhook(Section):
    """An endpoint that gets alerts, signed after Standard Webhooks, with two secrets while one is changed."""

    _secrets = ("secret", "old_secret")
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    url: str = Field(pattern=r"^https?://")
    secret: SecretStr = Field(min_length=1)
    secret_file: Path | None = None
    old_secret: SecretStr = SecretStr("")
    old_secret_file: Path | None = None
    allow_private: bool = False
    ordered: bool = False
    form: Literal["standard", "alertmanager", "alertmanager_api"] = "standard"
    events: tuple[Event, ...] = _USUAL_EVENTS


class Channel(Section):
    """Where people read alerts: DingTalk, Feishu, WeCom, Slack, Teams, mail, by apprise's URL."""

    _secrets = ("url",)
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    url: SecretStr = Field(min_length=1)
    url_file: Path | None = None
    language: Literal["en", "zh"] = "en"
    ordered: bool = False
    events: tuple[Event, ...] = _USUAL_EVENTS


class Digest(Section):
    """The digests: the hour (UTC), who gets the daily and who the weekly one; `weekday` is when that is sent."""

    hour: int = Field(default=7, ge=0, le=23)
    webhooks: tuple[str, ...] = ()
    weekly: tuple[str, ...] = ()
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"


class Drift(Section):
    """The daily look for drift: `watch` compares with the profile beside the weights, a `profile` with that one.

    Off by default: the weights' profile is of labelled sets, from which a news feed differs from the first day on.
    `hour` is UTC; `sample` documents are looked at.
    """

    watch: bool = False
    profile: Path | None = None
    hour: int = Field(default=5, ge=0, le=23)
    sample: Positive = 1000
    false_alarms: float = Field(default=0.01, gt=0, lt=1)


class Console(Section):
    """Where the HTTP API and the console answer, and how much one client may ask."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65_535)
    https: bool = False
    proxies: tuple[IPvAnyNetwork, ...] = ()
    requests_per_minute: Positive = 600
    statement_timeout_s: Seconds = 5
    pool: Positive = 4


class Retention(Section):
    """How many days of documents are kept; 0 keeps them for ever. Trends are always kept.

    With `erased_count`, what an erased document had added to the sums stays.
    """

    days: int = Field(default=0, ge=0)
    erased_count: bool = True


class Markets(Section):
    """Which markets' sessions trends can be added up by: codes of ISO 10383, as `exchange_calendars` has them."""

    calendars: tuple[str, ...] = ("XNYS", "XSHG", "XHKG", "XLON")


class Metrics(Section):
    """Where each role serves Prometheus: port_base plus the place of the role in the flow; 0 is off."""

    host: str = "127.0.0.1"
    port_base: int = Field(default=0, ge=0, le=65_500)


class Logs(Section):
    """How logs look: text for a terminal, JSON lines for a collector; auto decides by where stderr goes."""

    format: Literal["auto", "text", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
