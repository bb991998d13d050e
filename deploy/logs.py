"""How every process logs: one line an event on stderr, for eyes or for a collector, and never a password."""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["configure_logs"]

_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")
# They log each request, each rebalance and each job at INFO, which is DEBUG to an operator.
_CHATTY = ("apscheduler", "httpx", "httpcore", "faust", "aiokafka", "mode", "scrapy", "asyncio", "alembic", "urllib3")


def configure_logs(
    *,
    format: Literal["auto", "text", "json"] = "auto",
    level: str = "info",
    role: str = "",
    stream: TextIO | None = None,
) -> None:
    """Sends structlog and the standard library's logging to `stream` (stderr), the role in every line.

    'auto' is text on a terminal and JSON lines elsewhere. Passwords inside URLs are masked, and nothing that somebody
    else wrote passes for a line of its own or moves the cursor.
    """
    target = stream or sys.stderr
    as_json = format == "json" or (format == "auto" and not target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_role(role),
        structlog.processors.StackInfoRenderer(),
    ]
    rendering: list[Processor] = (
        [structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [_one_line, structlog.dev.ConsoleRenderer(colors=target.isatty())]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_passwords,
                *rendering,
            ],
        )
    )
    handler.addFilter(_is_news)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Leaves out what Faust says about its inner life, which it does in the name of our own modules."""
    return record.levelno > logging.INFO or not (isinstance(record.msg, str) and record.msg.startswith("[^"))


def _with_role(role: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if role:
            event.setdefault("role", role)
        return event

    return add


def _without_passwords(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _PASSWORD.sub(r"\1***@", value)
    return event


def _one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """JSON escapes control characters by itself. A trace keeps its lines, indented as no event is."""
    for key, value in event.items():
        if isinstance(value, str):
            trace = key == "exception"
            event[key] = "\n".join(f"    {_visible(line)}" for line in value.split("\n")) if trace else _visible(value)
    return event


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
