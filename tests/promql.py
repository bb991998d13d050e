"""Which metrics and labels a PromQL expression asks for, and which there are."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser
from prometheus_client import REGISTRY

ROOT = Path(__file__).parents[1]
ROOMS = ("model", "storage", "stream", "alerts", "deploy")

SCRAPED = frozenset({"job", "instance"})
"""Labels that Prometheus puts on whatever it reads."""

OF_PROMETHEUS = {"up": SCRAPED, "ALERTS": SCRAPED | {"alertname", "alertstate", "severity"}}


@dataclass(frozen=True)
class Asked:
    """One metric in an expression, with the labels that it is chosen, gathered or matched by."""

    metric: str
    labels: frozenset[str]


def asked(expression: str) -> list[Asked]:
    """Every metric of an expression. Raises ValueError where it is no PromQL."""
    return list(_within(promql_parser.parse(expression), frozenset()))


def _within(node: object, wanted: frozenset[str]) -> Iterator[Asked]:
    if isinstance(node, promql_parser.MatrixSelector):
        node = node.vector_selector
    if isinstance(node, promql_parser.VectorSelector):
        yield Asked(node.name, wanted | {matcher.name for matcher in node.matchers.matchers})
        return
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        wanted = frozenset(node.modifier.labels)  # what is asked for further out is among these, or a fault of its own
    if isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None and node.modifier.matching is not None:
        wanted = wanted | frozenset(node.modifier.matching.labels)
    for name in ("lhs", "rhs", "expr"):
        if getattr(node, name, None) is not None:
            yield from _within(getattr(node, name), wanted)
    for argument in getattr(node, "args", None) or ():
        yield from _within(argument, wanted)


def filled(expression: str) -> str:
    """A dashboard's expression as Prometheus gets it."""
    expression = expression.replace("$__rate_interval", "1m").replace("$__range", "1h")
    return re.sub(r"\$(job|instance)\b", ".*", expression)


def registered() -> dict[str, frozenset[str]]:
    """The labels of every sample of every role, by its name: from the registry, once every module of ours that has
    metrics is imported."""
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            if "prometheus_client" in file.read_text(encoding="utf-8"):
                importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    found: dict[str, frozenset[str]] = {}
    for collector, names in REGISTRY._collector_to_names.items():
        labels = SCRAPED | frozenset(getattr(collector, "_labelnames", ()))
        found |= {name: labels | ({"le"} if name.endswith("_bucket") else set()) for name in names}
    return found
