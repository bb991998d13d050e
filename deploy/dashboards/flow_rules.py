"""When the way of documents is not as it should be."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.limits import COMMIT_S, DEAD_SHARE, LAG_RECORDS
from deploy.dashboards.rules import Rule
from deploy.role_names import ROLES

__all__ = ["FLOW_RULES"]

_NEEDED: Final = ("scorer", "windows", "alerts", "scheduler")
_OUT: Final = "yuqing_records_out_total"
_FAILED_POLLS: Final = 'yuqing_source_fetches_total{outcome!~"new|unchanged"}'
_GOOD_POLLS: Final = 'yuqing_source_fetches_total{outcome=~"new|unchanged"}'

FLOW_RULES: Final = (
    Rule(
        "YuqingRoleDown",
        f'up{{job=~"{"|".join(ROLES)}"}} == 0',
        "2m",
        "page",
        "{{ $labels.job }} on {{ $labels.instance }} does not answer",
        "Nothing is lost while it is away: the log keeps what arrives. Look at its last log lines.",
    ),
    Rule(
        "YuqingNoWorker",
        " or ".join(f'absent(up{{job="{role}"}})' for role in _NEEDED),
        "2m",
        "page",
        "No {{ $labels.job }} runs at all",
        "Start one: yuqing up --role {{ $labels.job }}",
    ),
    Rule(
        "YuqingRoleRestarts",
        "changes(process_start_time_seconds[30m]) > 3",
        "",
        "ticket",
        "{{ $labels.job }} on {{ $labels.instance }} began anew {{ $value }} times within half an hour",
        "Its last log line before each restart says why it ended; look at its memory, too.",
    ),
    Rule(
        "YuqingFallingBehind",
        f"sum by (stage) (yuqing_lag_records) > {LAG_RECORDS} and sum by (stage) (deriv(yuqing_lag_records[10m])) > 0",
        "10m",
        "page",
        "The stage {{ $labels.stage }} is {{ $value }} records behind and loses ground",
        "Start more scorers, up to one per partition; alerts come late until it has caught up.",
    ),
    Rule(
        "YuqingSlowToCount",
        f"histogram_quantile(0.95, sum by (le) (rate(yuqing_arrival_to_commit_seconds_bucket[10m]))) > {COMMIT_S}",
        "10m",
        "ticket",
        "95 % of documents take up to {{ $value | humanizeDuration }} from arrival to a trend row",
        "Compare yuqing_stage_seconds by stage: the slowest one is the cause.",
    ),
    Rule(
        "YuqingTimeStands",
        'sum(increase(yuqing_ingested_total{outcome="fresh"}[30m])) > 100'
        " and on () max(changes(yuqing_final_until_seconds[30m])) == 0",
        "10m",
        "page",
        "Documents are booked, but event time has not become final for half an hour",
        "Alerts wait for it. A partition that brings old news only, or a scheduler that is stuck, holds it back.",
    ),
    Rule(
        "YuqingManyDeadLetters",
        f'sum(rate({_OUT}{{reason!~"scored|retracted"}}[15m])) > {DEAD_SHARE} * sum(rate({_OUT}[15m]))',
        "15m",
        "ticket",
        "{{ $value }} records a second cannot be read",
        "yuqing dead-letters list tells the reasons; a crawler has probably changed its format.",
    ),
    Rule(
        "YuqingRecordsLost",
        "max by (topic) (yuqing_lost_records) > 0",
        "",
        "page",
        "{{ $value }} records of {{ $labels.topic }} left the broker before they were counted",
        "yuqing losses list names the offsets. Lengthen the topic's retention; acknowledge what is lost.",
    ),
    Rule(
        "YuqingSilence",
        'sum(rate(yuqing_records_in_total{stage="scorer"}[30m])) == 0',
        "30m",
        "ticket",
        "No record has arrived for half an hour",
        "Look at the sources: a stream of news is never silent that long.",
    ),
    Rule(
        "YuqingFeedFails",
        f"sum by (source) (rate({_FAILED_POLLS}[1h])) > 0 unless sum by (source) (rate({_GOOD_POLLS}[1h])) > 0",
        "1h",
        "ticket",
        "No poll of {{ $labels.source }} has succeeded for an hour",
        "yuqing_source_fetches_total tells the reason by its label outcome; the log has the address.",
    ),
)
