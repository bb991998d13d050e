"""The way of documents: is it keeping up, how quick is it, what falls by the wayside."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.frame import Dashboard
from deploy.dashboards.limits import COMMIT_S, DEAD_SHARE, LAG_RECORDS
from deploy.dashboards.panels import Row, figure, lines

__all__ = ["PIPELINE"]

_OUT: Final = "yuqing_records_out_total"
_DEAD: Final = 'reason!~"scored|retracted"'
_ARRIVAL: Final = "sum by (le) (rate(yuqing_arrival_to_commit_seconds_bucket{$scope}[$__rate_interval]))"

_NOW: Final = Row(
    "Now",
    (
        figure(
            "Lag",
            "Records that the broker has and that are not booked yet, both stages together.",
            "short",
            "sum(yuqing_lag_records{$scope})",
            warn=LAG_RECORDS / 4,
            wrong=LAG_RECORDS,
        ),
        figure(
            "Arrival to commit, 95 %",
            "How old a document is when its trend row can be read.",
            "s",
            f"histogram_quantile(0.95, {_ARRIVAL})",
            warn=1,
            wrong=COMMIT_S,
        ),
        figure(
            "Final until",
            "How far behind the clock event time is final. It stands still where no news comes, and in a replay of the "
            "past it is as large as the past is old.",
            "s",
            "time() - max(yuqing_final_until_seconds{$scope} > 0)",
        ),
        figure(
            "Dead letters, open",
            "Records that could not be read and that nobody has replayed or dropped.",
            "short",
            "sum(yuqing_dead_letters{$scope}) or vector(0)",
            warn=1,
        ),
        figure(
            "Lost records",
            "Records that left the broker without an outcome, not acknowledged yet: yuqing losses list.",
            "short",
            "sum(max by (topic) (yuqing_lost_records{$scope})) or vector(0)",
            wrong=1,
        ),
        figure(
            "Roles that answer",
            "Processes whose metrics can be read.",
            "short",
            "count(yuqing_build_info{$scope})",
        ),
    ),
)

_FLOW: Final = Row(
    "Flow",
    (
        lines(
            "Records read",
            "By each stage from each topic. Scorer and windows should be alike.",
            "cps",
            (
                "sum by (stage, topic) (rate(yuqing_records_in_total{$scope}[$__rate_interval]))",
                "{{stage}} from {{topic}}",
            ),
        ),
        lines(
            "Lag by stage",
            "Records still to be done. One that grows for minutes needs more workers, up to one for each partition.",
            "short",
            ("sum by (stage, topic) (yuqing_lag_records{$scope})", "{{stage}}, {{topic}}"),
            wrong=LAG_RECORDS,
        ),
        lines(
            "Outcomes booked",
            "What became of records in PostgreSQL. redelivered is the same record again, repeated the same document.",
            "cps",
            ("sum by (outcome) (rate(yuqing_ingested_total{$scope}[$__rate_interval]))", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Documents by source",
            "What the broker acknowledged to each source.",
            "cps",
            ("sum by (source) (rate(yuqing_source_documents_total{$scope}[$__rate_interval]))", "{{source}}"),
        ),
    ),
)

_SPEED: Final = Row(
    "Speed",
    (
        lines(
            "From arrival to commit",
            "From a document's arrival in Kafka to its commit in PostgreSQL.",
            "s",
            *((f"histogram_quantile({share / 100}, {_ARRIVAL})", f"{share} %") for share in (50, 95, 99)),
            wrong=COMMIT_S,
        ),
        lines(
            "Time of one batch, by part",
            "Median time that a batch spends in each part of the work: the slowest one limits the flow.",
            "s",
            (
                "histogram_quantile(0.5, sum by (le, stage) "
                "(rate(yuqing_stage_seconds_bucket{$scope}[$__rate_interval])))",
                "{{stage}}",
            ),
        ),
        lines(
            "Wait for a batch",
            "From reading a document to the forward pass of its batch: model.deadline_ms, where there is room.",
            "s",
            *(
                (
                    f"histogram_quantile({share / 100}, "
                    "sum by (le) (rate(yuqing_queue_wait_seconds_bucket{$scope}[$__rate_interval])))",
                    f"{share} %",
                )
                for share in (50, 95)
            ),
        ),
        lines(
            "Batch size",
            "Mean number of texts in a forward pass (scorer), and of documents in a transaction (windows).",
            "short",
            (
                "sum by (stage) (rate(yuqing_batch_documents_sum{$scope}[$__rate_interval])) "
                "/ sum by (stage) (rate(yuqing_batch_documents_count{$scope}[$__rate_interval]))",
                "{{stage}}",
            ),
        ),
        lines(
            "Token efficiency",
            "Tokens of text by tokens computed: what is missing to 100 % is padding.",
            "percentunit",
            (
                'sum(rate(yuqing_batch_tokens_total{kind="real", $scope}[$__rate_interval])) '
                '/ sum(rate(yuqing_batch_tokens_total{kind="padded", $scope}[$__rate_interval]))',
                "efficiency",
            ),
            most=1,
        ),
        lines(
            "Paused topics",
            "1 while a topic is not read because enough of it is in work: full use, not a fault.",
            "short",
            ("max by (stage, topic) (yuqing_paused{$scope})", "{{stage}}, {{topic}}"),
            most=1,
        ),
    ),
)

_WAYSIDE: Final = Row(
    "By the wayside",
    (
        lines(
            "Records that died, by reason",
            "What could not be read, each second. yuqing dead-letters list shows examples.",
            "cps",
            (f"sum by (reason) (rate({_OUT}{{{_DEAD}, $scope}}[$__rate_interval]))", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Share that died",
            "Of all records that the scorer put out. A jump is a crawler that changed its format.",
            "percentunit",
            (
                f"sum(rate({_OUT}{{{_DEAD}, $scope}}[$__rate_interval])) "
                f"/ sum(rate({_OUT}{{$scope}}[$__rate_interval]))",
                "dead",
            ),
            wrong=DEAD_SHARE,
        ),
        lines(
            "Losses",
            "Records that retention took before they were counted, and how often windows went back for skipped ones.",
            "short",
            ("max by (topic) (yuqing_lost_records{$scope})", "lost, {{topic}}"),
            ("sum by (topic) (increase(yuqing_noted_losses_total{$scope}[$__rate_interval]))", "noted, {{topic}}"),
            ("sum by (topic) (increase(yuqing_reread_total{$scope}[$__rate_interval]))", "read again, {{topic}}"),
        ),
        lines(
            "Refused and failed at the sources",
            "Pushed requests that were refused, by status, and polls of feeds that failed, by reason.",
            "cps",
            (
                "sum by (source, status) (rate(yuqing_source_refused_total{$scope}[$__rate_interval]))",
                "{{source}} refused {{status}}",
            ),
            (
                'sum by (source, outcome) (rate(yuqing_source_fetches_total{outcome!~"new|unchanged", $scope}'
                "[$__rate_interval]))",
                "{{source}} {{outcome}}",
            ),
        ),
    ),
)

PIPELINE: Final = Dashboard(
    "yuqing-pipeline",
    "Yuqing: pipeline",
    "From sources to committed trend rows: lag, throughput, how far time is final, batches, dead letters, losses.",
    (_NOW, _FLOW, _SPEED, _WAYSIDE),
)
