"""Logs are one line an event, say which role speaks, and never hold a password."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from deploy.logs import configure_logs


@pytest.fixture(autouse=True)
def _restore() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_away_from_a_terminal_logs_are_json_with_the_role_and_a_time() -> None:
    stream = io.StringIO()
    configure_logs(role="scorer", stream=stream)
    structlog.get_logger().info("batch_scored", documents=3)
    (line,) = lines(stream)
    assert (line["event"], line["role"], line["documents"], line["level"]) == ("batch_scored", "scorer", 3, "info")
    assert str(line["timestamp"]).endswith("Z")


def test_text_is_for_eyes() -> None:
    stream = io.StringIO()
    configure_logs(format="text", stream=stream)
    structlog.get_logger().info("batch_scored", documents=3)
    assert "batch_scored" in stream.getvalue()
    assert "documents=3" in stream.getvalue()


@pytest.mark.parametrize("format_", ["json", "text"])
def test_passwords_in_urls_are_masked(format_: str) -> None:
    stream = io.StringIO()
    configure_logs(format=format_, stream=stream)  # type: ignore[arg-type]
    structlog.get_logger().warning("database_unreachable", url="postgresql://me:hunter2@db/yuqing")
    logging.getLogger("other").warning("cannot reach redis://:hunter2@cache:6379")
    assert "hunter2" not in stream.getvalue()
    assert "me:***@db" in stream.getvalue()


@pytest.mark.parametrize("format_", ["json", "text"])
def test_what_others_wrote_makes_no_line_of_its_own_and_moves_no_cursor(format_: str) -> None:
    hostile = "acme\n2026-01-01T00:00:00Z [info] token_created\r\x1b[2J\u2028\x85\x9b1m"
    stream = io.StringIO()
    configure_logs(format=format_, stream=stream)  # type: ignore[arg-type]
    structlog.get_logger().warning("login_refused", name=hostile)
    structlog.get_logger().warning(hostile)
    logging.getLogger("other").warning("GET %s", hostile)
    try:
        raise ValueError(hostile)
    except ValueError:
        structlog.get_logger().exception("failed")
    text = stream.getvalue()
    begun = [line for line in text.split("\n") if line and not line.startswith("    ")]
    assert len(begun) == 4
    assert all("login_refused" in line or "acme" in line or "failed" in line for line in begun)
    assert not set(text) & {"\r", "\x1b", "\x9b"}


def test_libraries_log_through_the_same_door_from_warning_on() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    logging.getLogger("apscheduler.scheduler").info("job added")
    logging.getLogger("apscheduler.scheduler").warning("job missed")
    assert [line["event"] for line in lines(stream)] == ["job missed"]


def test_the_level_is_a_threshold_and_an_exception_is_in_its_line() -> None:
    stream = io.StringIO()
    configure_logs(level="warning", stream=stream)
    structlog.get_logger().info("quiet")
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert "ValueError: broken" in str(line["exception"])
