"""What a webhook carries is a promise: the published schema is the code's, and version 1 stays version 1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from alerts.answers.grouping import News
from alerts.answers.standing import Standing
from alerts.answers.transition_rows import Taken
from alerts.answers.transitions import step
from alerts.delivery import example_payloads as examples
from alerts.delivery.payload import AlertPayload, DigestData, DigestPayload, about
from alerts.delivery.schema_files import rendered, write
from alerts.detection.detectors import Finding
from alerts.detection.evidence import Document, Evidence, Peak, as_json, from_json, web_address
from alerts.detection.lifecycle import opened

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
EXAMPLES = SCHEMAS.parent / "examples"
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

FINDING = Finding(
    bucket=28_583_280,
    horizon_min=60,
    observed=5,
    observed_documents=9,
    expected=0.02,
    p_value=1e-9,
    severity="warning",
    since=28_583_240,
)

EVIDENCE = Evidence(
    peak=Peak(bucket=FINDING.bucket, since=FINDING.since, observed_documents=9, severity="warning"),
    since=NOON,
    baseline_per_day=0.48,
    documents=(
        Document(
            document_id=UUID(int=1),
            title="<script>alert(1)</script> 某公司违约",
            url="https://example.org/1",
            source="example.org",
            published_at=NOON,
            score=-0.97,
            novelty="new",
        ),
    ),
)


STANDING = Standing(
    episode=opened("acme", "negative_surge", FINDING),
    evidence=EVIDENCE,
    status="firing",
    name="Acme Ltd",
    groups=("banks",),
    topics=("default",),
    held_by="",
    told_at=None,
    told_severity="",
    acknowledged_by="",
    snoozed_until=None,
    reminders=0,
)


def alert_payload() -> AlertPayload:
    taken = Taken(STANDING.alert_id, step(None, "open", "engine"), 1, "engine", "warning: five stories")
    return about("alert.opened", [News(taken, STANDING)], NOON)


def on_the_wire(payload: msgspec.Struct) -> Any:
    return json.loads(msgspec.json.encode(payload))


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(rendered()))
def test_the_published_schema_is_that_of_the_code(name: str) -> None:
    written = (SCHEMAS / name).read_text(encoding="utf-8")
    assert written == rendered()[name], "run: python -m alerts.delivery.schema_files docs/schemas"


def test_the_files_can_be_written_anew(tmp_path: Path) -> None:
    write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == rendered()


def test_an_alert_keeps_to_the_schema_and_the_schema_refuses_another() -> None:
    plain = on_the_wire(alert_payload())
    schema("alert-v1.json").validate(plain)
    del plain["data"]["severity"]
    with pytest.raises(ValidationError, match="severity"):
        schema("alert-v1.json").validate(plain)


def test_a_digest_keeps_to_the_schema() -> None:
    data = DigestData(day="2024-05-06", documents=3, negative=1, alerts=(), companies=())
    schema("digest-v1.json").validate(
        on_the_wire(DigestPayload(type="digest.daily", version=1, timestamp=NOON, data=data))
    )


def test_version_one_has_these_fields_and_loses_none() -> None:
    plain = on_the_wire(alert_payload())
    assert set(plain) >= {"type", "version", "timestamp", "data"}
    assert set(plain["data"]) >= {
        "alert_id",
        "company",
        "detector",
        "status",
        "severity",
        "first_bucket",
        "last_bucket",
        "horizon_s",
        "observed",
        "observed_documents",
        "expected",
        "baseline_per_day",
        "p_value",
        "since",
        "documents",
    }
    assert plain["version"] == 1


def test_untrusted_text_travels_as_it_is() -> None:
    assert on_the_wire(alert_payload())["data"]["documents"][0]["title"].startswith("<script>")


def test_evidence_survives_the_database_column() -> None:
    assert from_json(json.loads(json.dumps(as_json(EVIDENCE)))) == EVIDENCE


@pytest.mark.parametrize("url", ["https://example.org/a?b=1", "http://例子.cn/"])
def test_web_addresses_are_kept(url: str) -> None:
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:text/html,x", "//example.org", "http://[", "https://x/" + "a" * 3000]
)
def test_a_reader_is_sent_nowhere_else(url: str) -> None:
    assert web_address(url) == ""


@pytest.mark.parametrize("name", sorted(examples.rendered()))
def test_the_examples_are_those_of_the_code_and_keep_to_their_schemas(name: str) -> None:
    written = (EXAMPLES / name).read_text(encoding="utf-8")
    assert written == examples.rendered()[name], "run: python -m alerts.delivery.example_payloads docs/examples"
    if (SCHEMAS / name).exists():
        schema(name).validate(json.loads(written))


def test_every_schema_has_an_example() -> None:
    assert set(rendered()) <= set(examples.rendered())
