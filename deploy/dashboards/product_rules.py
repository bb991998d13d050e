"""When the model, the alerts, the deliveries or what they stand on are not as they should be."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.limits import OLDEST_DELIVERY_S, OVER_PROMISE, REFUSED_TOKENS, SERVER_ERRORS
from deploy.dashboards.rules import Rule

__all__ = ["ALERT_RULES", "MODEL_RULES", "STORE_RULES"]

_REQUESTS: Final = "yuqing_http_requests_total"

MODEL_RULES: Final = (
    Rule(
        "YuqingGpuLost",
        'yuqing_engine_events_total{kind="device_lost"} > 0',
        "",
        "ticket",
        "{{ $labels.instance }} lost its GPU and scores on the CPU",
        "No document is lost. See the log for engine_device_lost and nvidia-smi; restart the scorer afterwards.",
    ),
    Rule(
        "YuqingDrift",
        "max by (language) (yuqing_drift_detected) > 0",
        "",
        "ticket",
        "What arrives in {{ $labels.language }} is no longer what the model was measured on",
        "yuqing_drift_effect tells which check; yuqing label queue chooses texts to label for the next model.",
    ),
)

ALERT_RULES: Final = (
    Rule(
        "YuqingNothingJudged",
        "sum(rate(yuqing_alert_judging_seconds_count[5m])) == 0",
        "5m",
        "page",
        "The alert engine is there, but has judged nothing for five minutes",
        "It looks every second, also when there is nothing: it is stuck, or waits for the database (YuqingWaiting).",
    ),
    Rule(
        "YuqingDeliveriesLate",
        f"max(yuqing_oldest_delivery_seconds) > {OLDEST_DELIVERY_S}",
        "5m",
        "page",
        "The oldest message to an analyst has waited for {{ $value | humanizeDuration }}",
        "yuqing webhooks list says which endpoint has it, and why; attempts go on for 24 hours.",
    ),
    Rule(
        "YuqingDeliveriesDead",
        "max(delta(yuqing_dead_deliveries[1h])) > 0",
        "",
        "ticket",
        "Messages to analysts were given up within the last hour",
        "yuqing webhooks dead lists them with the reason; yuqing webhooks replay sends them again.",
    ),
    Rule(
        "YuqingEndpointStopped",
        "max by (endpoint, why) (yuqing_endpoint_stopped) > 0",
        "15m",
        "ticket",
        "{{ $labels.endpoint }} is not called: {{ $labels.why }}",
        "resting: it failed again and again and is tried ever more seldom. disabled: it answered 410, and stays so"
        " until yuqing webhooks enable.",
    ),
    Rule(
        "YuqingManyAlerts",
        'sum(increase(yuqing_alert_events_total{event="alert.opened"}[1d]))'
        f" > {OVER_PROMISE} * max(yuqing_false_alarms_promised_per_day)",
        "1h",
        "ticket",
        "Alerts of the last day are many times the false alarms that were promised",
        "A crisis, or a source that sends the same in other words. Mark false alarms as such: they are counted.",
    ),
    Rule(
        "YuqingAnswersFail",
        f'sum(rate({_REQUESTS}{{status=~"5.."}}[10m])) > {SERVER_ERRORS} * sum(rate({_REQUESTS}[10m]))',
        "10m",
        "ticket",
        "{{ $value | humanize }} requests a second to API or console end in an error of ours",
        "The log of the console role has each one; 503 are queries beyond console.statement_timeout_s.",
    ),
    Rule(
        "YuqingTokensGuessed",
        f'sum(increase({_REQUESTS}{{status=~"401|429"}}[10m])) > {REFUSED_TOKENS}',
        "",
        "ticket",
        "Many requests of the last ten minutes came without a valid token, or too often",
        "Somebody tries tokens, or a program has an expired one: yuqing tokens list shows what is in use until when.",
    ),
)

STORE_RULES: Final = (
    Rule(
        "YuqingWaiting",
        "max by (job, service, reason) (yuqing_waiting) > 0",
        "2m",
        "page",
        "{{ $labels.job }} waits for the {{ $labels.service }}: {{ $labels.reason }}",
        "Nothing is lost: the log keeps what arrives. docs/operations.md says what to do for each reason.",
    ),
    Rule(
        "YuqingChoreFails",
        'sum by (chore) (increase(yuqing_chores_total{outcome="failed"}[2h])) > 0'
        ' unless sum by (chore) (increase(yuqing_chores_total{outcome="done"}[2h])) > 0',
        "",
        "ticket",
        "The chore {{ $labels.chore }} has failed, and has not succeeded since",
        "chore_failed in the log of the scheduler says why. Each chore is harmless to repeat and comes round again.",
    ),
)
