"""Alerts and their deliveries: what fired against what was promised, and whether it arrived; and who asks the API."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.frame import Dashboard
from deploy.dashboards.limits import DELIVERY_S, OLDEST_DELIVERY_S, SERVER_ERRORS
from deploy.dashboards.panels import Row, figure, lines

__all__ = ["ALARMS"]

_OPENED: Final = 'sum(increase(yuqing_alert_events_total{event="alert.opened", $scope}[1d]))'
_PROMISED: Final = "max(yuqing_false_alarms_promised_per_day{$scope})"
_REQUESTS: Final = "yuqing_http_requests_total"

_NOW: Final = Row(
    "Now",
    (
        figure(
            "Alerts that are on",
            "Alerts that are not resolved, told or not.",
            "short",
            "max(yuqing_alerts_active{$scope})",
        ),
        figure("Opened in a day", "Alerts told of in the last 24 hours.", "short", f"{_OPENED} or vector(0)"),
        figure(
            "Outbox",
            "Deliveries that are neither taken nor given up; those that quiet hours hold back are among them.",
            "short",
            "max(yuqing_deliveries_pending{$scope})",
        ),
        figure(
            "Oldest delivery",
            "For how long the oldest delivery that is due, or was tried before, has waited.",
            "s",
            "max(yuqing_oldest_delivery_seconds{$scope})",
            warn=OLDEST_DELIVERY_S / 5,
            wrong=OLDEST_DELIVERY_S,
        ),
        figure(
            "Dead deliveries",
            "Given up, but kept: yuqing webhooks dead lists them, yuqing webhooks replay sends them again.",
            "short",
            "max(yuqing_dead_deliveries{$scope})",
            warn=1,
        ),
        figure(
            "Endpoints not called",
            "Endpoints that rest after failures, or are disabled since they answered 410.",
            "short",
            "count(max by (endpoint) (yuqing_endpoint_stopped{$scope})) or vector(0)",
            warn=1,
        ),
    ),
)

_EXPLAINED: Final = lines(
    "Time to explain an alert",
    "How long the model took to say which words made the first document of an alert negative.",
    "s",
    *(
        (
            f"histogram_quantile({share / 100}, "
            "sum by (le) (rate(yuqing_alert_explaining_seconds_bucket{$scope}[$__rate_interval])))",
            f"{share} %",
        )
        for share in (50, 95)
    ),
)

_FIRED: Final = Row(
    "What fires",
    (
        lines(
            "Opened against promised",
            "Alerts of 24 hours beside the false alarms that alerts.false_alarms_per_day allows. True alarms come on "
            "top of the promise: a bad day is above it, a month should not be.",
            "short",
            (f"{_OPENED} or vector(0)", "opened"),
            (_PROMISED, "false alarms promised"),
        ),
        lines(
            "Events by severity",
            "What the outside was told of, each minute.",
            "cpm",
            (
                "sum by (event, severity) (rate(yuqing_alert_events_total{$scope}[$__rate_interval])) * 60",
                "{{event}} {{severity}}",
            ),
            stacked=True,
        ),
        lines(
            "Buckets judged",
            "Changed buckets that the engine took, and how many are on its list. Those of the last alerts.guard_min "
            "minutes stay on it.",
            "short",
            ("sum(rate(yuqing_alert_buckets_judged_total{$scope}[$__rate_interval]))", "judged a second"),
            ("max(yuqing_changed_buckets{$scope})", "on the list"),
        ),
        lines(
            "Time of one judgement",
            "One transaction of the alert engine; only one engine of all judges at a time.",
            "s",
            *(
                (
                    f"histogram_quantile({share / 100}, "
                    "sum by (le) (rate(yuqing_alert_judging_seconds_bucket{$scope}[$__rate_interval])))",
                    f"{share} %",
                )
                for share in (50, 95)
            ),
        ),
        _EXPLAINED,
    ),
)

_DELIVERED: Final = Row(
    "Deliveries",
    (
        lines(
            "From writing to acceptance",
            "How long deliveries that were taken had waited, quiet hours included.",
            "s",
            *(
                (
                    f"histogram_quantile({share / 100}, "
                    "sum by (le) (rate(yuqing_delivery_seconds_bucket{$scope}[$__rate_interval])))",
                    f"{share} %",
                )
                for share in (50, 99)
            ),
            warn=DELIVERY_S,
        ),
        lines(
            "Attempts by outcome",
            "postponed is tried again, ever more seldom, for 24 hours; dead is given up.",
            "cps",
            ("sum by (outcome) (rate(yuqing_delivery_attempts_total{$scope}[$__rate_interval]))", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Outbox",
            "Deliveries that wait, and the age of the oldest that is due or was tried.",
            "short",
            ("max(yuqing_deliveries_pending{$scope})", "waiting"),
            ("max(yuqing_dead_deliveries{$scope})", "dead"),
        ),
        lines(
            "Age of the oldest delivery",
            "It grows also while no deliverer runs.",
            "s",
            ("max(yuqing_oldest_delivery_seconds{$scope})", "oldest"),
            wrong=OLDEST_DELIVERY_S,
        ),
        lines(
            "Endpoints not called",
            "resting: its circuit breaker is open. disabled: it answered 410, until yuqing webhooks enable.",
            "short",
            ("max by (endpoint, why) (yuqing_endpoint_stopped{$scope})", "{{endpoint}} {{why}}"),
            most=1,
        ),
    ),
)

_ASKED: Final = Row(
    "API and console",
    (
        lines(
            "Requests by status",
            "401 are tokens that were refused, 429 callers that ask too often.",
            "reqps",
            (f"sum by (status) (rate({_REQUESTS}{{$scope}}[$__rate_interval]))", "{{status}}"),
            stacked=True,
        ),
        lines(
            "Share that failed",
            "Of all requests, those answered with 5xx.",
            "percentunit",
            (
                f'sum(rate({_REQUESTS}{{status=~"5..", $scope}}[$__rate_interval])) '
                f"/ sum(rate({_REQUESTS}{{$scope}}[$__rate_interval]))",
                "failed",
            ),
            wrong=SERVER_ERRORS,
        ),
        lines(
            "Slowest routes, 95 %",
            "The five routes that take longest.",
            "s",
            (
                "topk(5, histogram_quantile(0.95, "
                "sum by (le, route) (rate(yuqing_http_seconds_bucket{$scope}[$__rate_interval]))))",
                "{{route}}",
            ),
        ),
        lines(
            "Who watches",
            "Open pages and programs that wait for live alerts.",
            "short",
            ("sum(yuqing_live_watchers{$scope})", "watching"),
        ),
    ),
)

ALARMS: Final = Dashboard(
    "yuqing-alerts",
    "Yuqing: alerts and deliveries",
    "What fired against what was promised, whether it arrived, which endpoints are not called, who asks the API.",
    (_NOW, _FIRED, _DELIVERED, _ASKED),
)
