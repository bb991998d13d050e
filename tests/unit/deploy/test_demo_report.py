"""The figures of a run: how they are compared with the truth, summed up and shown."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from deploy.demo.books import Books, Counted, TrendLine
from deploy.demo.items import Truth
from deploy.demo.progress import Board, Tally
from deploy.demo.report import FiredAlert, Percentiles, Report, percentiles, show
from deploy.demo.verdict import differences

MINUTE = datetime(2026, 5, 6, 13, 40, tzinfo=UTC)
TRUTH = Truth(records=120, documents=100, repeated=15, dead={"no_text": 2, "not_json": 3}, crisis_documents=30)
BOOKS = Books(
    counted=Counted(stored=100, repeated=15, dead=5),
    documents=100,
    dead={"no_text": 2, "not_json": 3},
    trend_rows=900,
    crisis_documents=30,
    engines=("small-1",),
)
REPORT = Report(
    documents=100,
    scored=115,
    dead_letters=5,
    trend_rows=900,
    alerts=(FiredAlert("DEMO:HRBL", MINUTE, "critical", 12, 0.4),),
    row_ms=Percentiles(120.0, 300.0, 410.5),
    webhook_ms=None,
    live_per_second=28.0,
    seconds=21.25,
    engine="small-1",
    versions={"kafka": "4.3.1", "postgresql": "18.6", "redis": "6.2.14"},
    repeated=15,
    dead={"no_text": 2, "not_json": 3},
    stream={"records": 120},
    trends=(TrendLine(MINUTE, 5, 3, 4, -0.71, 2, "provisional"),),
    problems=(),
)


def judged(books: Books = BOOKS, **changed: object) -> list[str]:
    seen = {"crisis_entity": "DEMO:HRBL", "alerted": ["DEMO:HRBL"], "refused_webhooks": 0, "audit": []}
    return differences(TRUTH, books, **{**seen, **changed})  # type: ignore[arg-type]


def test_a_run_that_counted_everything_and_alerted_is_in_order() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("books", "said"),
    [
        (replace(BOOKS, documents=99), "documents: 99, the stream holds 100"),
        (replace(BOOKS, counted=Counted(101, 15, 5)), "records counted as stored: 101, the stream holds 100"),
        (
            replace(BOOKS, counted=Counted(100, 14, 5)),
            "records counted as the same item again: 14, the stream holds 15",
        ),
        (replace(BOOKS, counted=Counted(100, 15, 6)), "records counted as dead: 6, the stream holds 5"),
        (replace(BOOKS, crisis_documents=29), "documents that name the failing bank: 29, the stream holds 30"),
        (replace(BOOKS, dead={"not_json": 3}), "dead letters for no_text: 0, the stream holds 2"),
        (
            replace(BOOKS, dead={**BOOKS.dead, "unscorable": 1}),
            "dead letters for unscorable: 1, the stream holds 0",
        ),
        (replace(BOOKS, trend_rows=0), "the view trends is empty"),
    ],
)
def test_one_record_more_or_less_is_a_difference(books: Books, said: str) -> None:
    assert judged(books) == [said]


def test_alert_signature_and_audit_count_as_well() -> None:
    assert judged(alerted=["DE:SAP"]) == ["no alert about DEMO:HRBL arrived with a valid signature"]
    assert judged(refused_webhooks=1) == ["1 webhook calls had no valid signature"]
    assert judged(audit=["trends of x differ"]) == ["audit: trends of x differ"]


def test_the_json_object_has_the_promised_names() -> None:
    told = json.loads(json.dumps(REPORT.as_json()))
    assert told["documents"] == 100
    assert told["scored"] == 115
    assert told["dead_letters"] == 5
    assert told["trend_rows"] == 900
    assert told["alerts"] == [
        {
            "entity": "DEMO:HRBL",
            "bucket": "2026-05-06T13:40:00+00:00",
            "severity": "critical",
            "observed": 12,
            "expected": 0.4,
        }
    ]
    assert told["latency_ms"] == {"row": {"p50": 120.0, "p95": 300.0, "p99": 410.5}, "webhook": None}
    assert told["seconds"] == 21.25
    assert told["engine"] == "small-1"
    assert set(told["versions"]) == {"kafka", "postgresql", "redis"}
    assert told["problems"] == []


def test_percentiles_of_many_one_and_no_values() -> None:
    assert percentiles([float(value) for value in range(101)]) == Percentiles(50.0, 95.0, 99.0)
    assert percentiles([7.25]) == Percentiles(7.2, 7.2, 7.2)
    assert percentiles([]) is None


def shown(report: Report) -> str:
    out = io.StringIO()
    show(report, Console(file=out, width=110))
    return out.getvalue()


def test_a_person_sees_trends_latencies_counts_and_the_verdict() -> None:
    page = shown(REPORT)
    for expected in (
        "live at 28 a second",
        "05-06 13:40",
        "-0.71",
        "provisional",
        "120",
        "410",
        "no_text 2, not_json 3",
        "kafka 4.3.1",
    ):
        assert expected in page
    assert "All 120 records accounted for in 21 s." in page


def test_what_is_wrong_is_shown_instead_of_the_verdict() -> None:
    page = shown(replace(REPORT, problems=("documents: 99, the stream holds 100",)))
    assert "documents: 99, the stream holds 100" in page
    assert "accounted for" not in page


def test_names_from_the_stream_are_not_markup() -> None:
    assert "[bold]evil[/bold]" in shown(replace(REPORT, problems=("[bold]evil[/bold]",)))


def test_the_board_prints_a_plain_line_now_and_then_where_there_is_no_terminal() -> None:
    out, now = io.StringIO(), [0.0]
    with Board(Console(file=out, width=200), 120, seconds=lambda: now[0]) as board:
        board.phase("history")
        for second in (1.0, 5.0, 6.0, 11.0):
            now[0] = second
            board.show(Tally(read=100, scored=40, counted=int(second), dead=2, alerts=0))
    assert out.getvalue().splitlines() == [
        "history",
        "history: read 100  scored 40  counted 5  dead 2  alerts 0 of 120",
        "history: read 100  scored 40  counted 11  dead 2  alerts 0 of 120",
    ]


def test_the_board_is_a_live_line_on_a_terminal() -> None:
    out = io.StringIO()
    with Board(Console(file=out, width=120, force_terminal=True), 120) as board:
        board.phase("crisis, live")
        board.show(Tally(read=120, scored=110, counted=100, dead=5, alerts=1))
    assert "counted 100  dead 5  alerts 1" in out.getvalue()
