"""What goes in and which alarms come out, for each rule: one sample a minute, in promtool's notation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """`rule` over `series` at minute `at`: `fires` are the labels and the summary of what comes out, None: nothing."""

    rule: str
    what: str
    series: Mapping[str, str]
    at: int
    fires: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def _up(**roles: str) -> dict[str, str]:
    return {f'up{{job="{role}", instance="a:1"}}': values for role, values in roles.items()}


_LAG = 'yuqing_lag_records{stage="scorer", topic="documents.raw", partition="0", job="scorer", instance="a:1"}'
_OUT = 'yuqing_records_out_total{stage="scorer", job="scorer", instance="a:1", reason="%s"}'
_BUCKET = 'yuqing_arrival_to_commit_seconds_bucket{job="windows", instance="a:1", le="%s"}'
_FRESH = 'yuqing_ingested_total{outcome="fresh", job="windows", instance="a:1"}'
_FINAL = 'yuqing_final_until_seconds{job="scheduler", instance="a:1"}'
_LOST = 'yuqing_lost_records{topic="documents.raw", job="scheduler", instance="a:1"}'
_READ = 'yuqing_records_in_total{stage="scorer", topic="documents.raw", job="scorer", instance="a:1"}'
_POLLS = 'yuqing_source_fetches_total{source="%s", outcome="%s", job="source", instance="a:1"}'
_STARTED = 'process_start_time_seconds{job="windows", instance="a:1"}'
_ENGINE = 'yuqing_engine_events_total{kind="%s", job="scorer", instance="a:1"}'
_DRIFT = 'yuqing_drift_detected{language="zh", job="scheduler", instance="a:1"}'
_JUDGED = 'yuqing_alert_judging_seconds_count{job="alerts", instance="a:1"}'
_OLDEST = 'yuqing_oldest_delivery_seconds{job="scheduler", instance="a:1"}'
_DEAD = 'yuqing_dead_deliveries{job="scheduler", instance="a:1"}'
_STOPPED = 'yuqing_endpoint_stopped{endpoint="desk", why="resting", job="scheduler", instance="a:1"}'
_OPENED = 'yuqing_alert_events_total{event="alert.opened", severity="watch", job="alerts", instance="a:1"}'
_PROMISED = 'yuqing_false_alarms_promised_per_day{job="alerts", instance="a:1"}'
_HTTP = 'yuqing_http_requests_total{method="GET", route="/", status="%s", job="console", instance="a:1"}'
_WAITING = 'yuqing_waiting{service="database", reason="disk_full", job="windows", instance="a:1"}'
_CHORES = 'yuqing_chores_total{chore="retention", outcome="%s", job="scheduler", instance="a:1"}'

_FLOW = (
    Case(
        "YuqingRoleDown",
        "a role that has not answered for two minutes",
        _up(scorer="1x2 0x10"),
        6,
        "scorer on a:1 does not answer",
        {"job": "scorer", "instance": "a:1"},
    ),
    Case("YuqingRoleDown", "a role that did not answer once", _up(scorer="1x2 0 1x10"), 6),
    Case("YuqingRoleDown", "a neighbour that is none of ours", _up(node="0x10"), 6),
    Case(
        "YuqingNoWorker",
        "a role of which there is no process",
        _up(scorer="1x10", alerts="1x10", scheduler="1x10"),
        3,
        "No windows runs at all",
        {"job": "windows"},
    ),
    Case(
        "YuqingNoWorker",
        "an installation without source and console",
        _up(scorer="1x10", alerts="1x10", scheduler="1x10", windows="1x10"),
        3,
    ),
    Case(
        "YuqingRoleRestarts",
        "four new beginnings",
        {_STARTED: "10x3 100x3 200x3 300x3 400x20"},
        20,
        "windows on a:1 began anew 4 times within half an hour",
        {"job": "windows", "instance": "a:1"},
    ),
    Case("YuqingRoleRestarts", "an upgrade", {_STARTED: "10x3 100x20"}, 20),
    Case(
        "YuqingFallingBehind",
        "a backlog that grows",
        {_LAG: "0+1000x40"},
        32,
        "The stage scorer is 32000 records behind and loses ground",
        {"stage": "scorer"},
    ),
    Case("YuqingFallingBehind", "a large backlog that shrinks", {_LAG: "90000-1000x40"}, 32),
    Case("YuqingFallingBehind", "a small backlog that grows", {_LAG: "0+100x40"}, 32),
    Case(
        "YuqingSlowToCount",
        "documents that take half a minute",
        {_BUCKET % "10": "0x30", _BUCKET % "30": "0+60x30", _BUCKET % "+Inf": "0+60x30"},
        20,
        "95 % of documents take up to 29s from arrival to a trend row",
    ),
    Case(
        "YuqingSlowToCount",
        "a few that take long",
        {_BUCKET % "10": "0+59x30", _BUCKET % "30": "0+60x30", _BUCKET % "+Inf": "0+60x30"},
        20,
    ),
    Case(
        "YuqingTimeStands",
        "documents that make nothing final",
        {_FRESH: "0+10x60", _FINAL: "1000x60"},
        45,
        "Documents are booked, but event time has not become final for half an hour",
    ),
    Case("YuqingTimeStands", "time that goes on", {_FRESH: "0+10x60", _FINAL: "1000+60x60"}, 45),
    Case("YuqingTimeStands", "a quiet night", {_FRESH: "900x60", _FINAL: "1000x60"}, 45),
    Case(
        "YuqingManyDeadLetters",
        "every second record unreadable",
        {_OUT % "scored": "0+60x60", _OUT % "not_json": "0+60x60"},
        40,
        "1 records a second cannot be read",
    ),
    Case("YuqingManyDeadLetters", "one of fifty", {_OUT % "scored": "0+49x60", _OUT % "not_json": "0+1x60"}, 40),
    Case("YuqingManyDeadLetters", "many takedowns", {_OUT % "scored": "0+9x60", _OUT % "retracted": "0+9x60"}, 40),
    Case(
        "YuqingRecordsLost",
        "records that are gone, seen by two schedulers",
        {_LOST: "0x2 7x9", _LOST.replace("a:1", "b:1"): "0x2 7x9"},
        5,
        "7 records of documents.raw left the broker before they were counted",
        {"topic": "documents.raw"},
    ),
    Case("YuqingRecordsLost", "a loss that was acknowledged", {_LOST: "7x2 0x9"}, 5),
    Case(
        "YuqingSilence",
        "nothing read for an hour",
        {_READ: "500x90"},
        70,
        "No record has arrived for half an hour",
    ),
    Case("YuqingSilence", "a record every ten minutes", {_READ: "0x9 1x9 2x9 3x9 4x9 5x9 6x9 7x9"}, 70),
    Case(
        "YuqingFeedFails",
        "a feed that only fails, beside one that works",
        {_POLLS % ("a", "timeout"): "0+1x150", _POLLS % ("b", "unchanged"): "0+1x150"},
        90,
        "No poll of a has succeeded for an hour",
        {"source": "a"},
    ),
    Case(
        "YuqingFeedFails",
        "a feed that fails now and then",
        {_POLLS % ("a", "timeout"): "0+1x150", _POLLS % ("a", "unchanged"): "0+1x150"},
        90,
    ),
)

_PRODUCT = (
    Case(
        "YuqingGpuLost",
        "a device that was lost",
        {_ENGINE % "device_lost": "0x2 1x9"},
        5,
        "a:1 lost its GPU and scores on the CPU",
        {"kind": "device_lost", "job": "scorer", "instance": "a:1"},
    ),
    Case("YuqingGpuLost", "batches that were cut", {_ENGINE % "out_of_memory": "0+1x9"}, 5),
    Case(
        "YuqingDrift",
        "a language that drifts",
        {_DRIFT: "0x2 1x9"},
        5,
        "What arrives in zh is no longer what the model was measured on",
        {"language": "zh"},
    ),
    Case("YuqingDrift", "one that does not", {_DRIFT: "0x9"}, 5),
    Case(
        "YuqingNothingJudged",
        "an engine that stands",
        {_JUDGED: "800x30"},
        15,
        "The alert engine is there, but has judged nothing for five minutes",
    ),
    Case("YuqingNothingJudged", "an engine with nothing to do", {_JUDGED: "0+60x30"}, 15),
    Case(
        "YuqingNothingJudged",
        "one of two engines at work",
        {_JUDGED: "800x30", _JUDGED.replace("a:1", "b:1"): "0+60x30"},
        15,
    ),
    Case(
        "YuqingDeliveriesLate",
        "a message that nobody takes",
        {_OLDEST: "0+60x30"},
        15,
        "The oldest message to an analyst has waited for 15m 0s",
    ),
    Case("YuqingDeliveriesLate", "a receiver that was away for five minutes", {_OLDEST: "0+60x5 0x30"}, 15),
    Case(
        "YuqingDeliveriesDead",
        "two more than before",
        {_DEAD: "3x30 5x60"},
        40,
        "Messages to analysts were given up within the last hour",
    ),
    Case("YuqingDeliveriesDead", "those of last month", {_DEAD: "5x90"}, 40),
    Case("YuqingDeliveriesDead", "some that were replayed", {_DEAD: "5x30 3x60"}, 40),
    Case(
        "YuqingEndpointStopped",
        "a breaker that stays open",
        {_STOPPED: "1x30"},
        20,
        "desk is not called: resting",
        {"endpoint": "desk", "why": "resting"},
    ),
    Case("YuqingEndpointStopped", "a rest of two minutes", {_STOPPED: "1x2 stale _x30"}, 20),
    Case(
        "YuqingManyAlerts",
        "an alert a minute, one a day promised",
        {_OPENED: "0+1x180", _PROMISED: "1x180"},
        150,
        "Alerts of the last day are many times the false alarms that were promised",
    ),
    Case("YuqingManyAlerts", "five true ones", {_OPENED: "0x30 5x150", _PROMISED: "1x180"}, 150),
    Case("YuqingManyAlerts", "a larger budget", {_OPENED: "0+1x180", _PROMISED: "50x180"}, 150),
    Case(
        "YuqingAnswersFail",
        "every second answer a failure",
        {_HTTP % "200": "0+60x30", _HTTP % "500": "0+60x30"},
        25,
        "1 requests a second to API or console end in an error of ours",
    ),
    Case("YuqingAnswersFail", "callers that ask for what is not there", {_HTTP % "404": "0+60x30"}, 25),
    Case(
        "YuqingTokensGuessed",
        "ten wrong tokens a minute",
        {_HTTP % "200": "0+1x30", _HTTP % "401": "0+10x30"},
        15,
        "Many requests of the last ten minutes came without a valid token, or too often",
    ),
    Case("YuqingTokensGuessed", "somebody who mistyped", {_HTTP % "401": "0x5 3x20"}, 15),
    Case(
        "YuqingWaiting",
        "a full disk",
        {_WAITING: "0x2 1x9"},
        7,
        "windows waits for the database: disk_full",
        {"job": "windows", "service": "database", "reason": "disk_full"},
    ),
    Case("YuqingWaiting", "a server that began anew", {_WAITING: "0x2 1 0x9"}, 7),
    Case(
        "YuqingChoreFails",
        "a daily chore that failed",
        {_CHORES % "failed": "0x5 1x30", _CHORES % "done": "0x36"},
        10,
        "The chore retention has failed, and has not succeeded since",
        {"chore": "retention"},
    ),
    Case(
        "YuqingChoreFails",
        "one that succeeds now and then",
        {_CHORES % "failed": "0+1x30", _CHORES % "done": "0x5 1x30"},
        10,
    ),
    Case("YuqingChoreFails", "one that succeeds", {_CHORES % "failed": "0x30", _CHORES % "done": "0+1x30"}, 10),
)

CASES = _FLOW + _PRODUCT
