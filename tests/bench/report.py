"""A run of the benches as a Markdown page: the machine, the figures beside what they must reach, and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["markdown"]

_FIGURES: Sequence[tuple[str, str, str]] = (
    ("token_efficiency", "real tokens by padded ones, in the pipeline", "at least 0.93"),
    ("engine_vs_arrival_order", "our engine by ONNX Runtime in fp32, 32 texts as they arrive", "at least 3"),
    ("engine_vs_limit", "our engine by the same one on sorted, prepared arrays", "at least 0.85"),
    ("pipeline_vs_engine", "records to rows, by the bare engine", "at least 0.55, aim 0.70"),
    ("pipeline_vs_straight_110m", "records to rows, by the straight way with 110M parameters", "at least 8, aim 15"),
    ("pipeline_vs_straight_own", "records to rows, by the straight way with our network", "at least 2.5, aim 4"),
    ("row_latency_ms.p50", "turn to visible row, ms, at 30 % of capacity", "at most 300, aim 150"),
    ("row_latency_ms.p95", "", ""),
    ("row_latency_ms.p99", "", "at most 1000, aim 500"),
    ("webhook_latency_ms.p50", "turn to webhook, ms, of a document that raises an alarm", ""),
    ("webhook_latency_ms.p95", "", ""),
    ("webhook_latency_ms.p99", "", "at most 1500"),
    ("windows_docs_per_s", "scored records to committed rows, one worker", "at least 5000"),
    ("windows_vs_faust_table", "the same, by Faust's own tumbling-window table", "at least 2"),
    ("peak_rss_mb", "peak memory of our processes together, MB", ""),
    ("peak_rss_mb_with_services", "with Kafka, PostgreSQL and Redis, MB", ""),
)


def markdown(result: Mapping[str, Any]) -> str:
    """The page. Figures that a run does not have are left out."""
    parts = [
        "# Benches\n",
        _machine(result),
        _table(("figure", "what", "value", "must"), _figures(result)),
        *_rates(result),
    ]
    if "failed" in result:
        parts.append("Failed: " + "; ".join(f"{name} ({why})" for name, why in result["failed"].items()) + "\n")
    return "\n".join(parts)


def _machine(result: Mapping[str, Any]) -> str:
    about = result["machine"]
    features = f" ({', '.join(about['cpu_features'])})" if about["cpu_features"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    short = " A short run: it shows that the benches work, not how quick anything is." if result["short"] else ""
    return (
        f"{about['cpu']}{features}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}. Load average at the start: {about['load_average']}. {result['at']}.{short}\n\n"
        f"{versions}.\n"
    )


def _figures(result: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for path, what, must in _FIGURES:
        name, _, part = path.partition(".")
        found = result.get(name)
        value = found.get(part) if part and isinstance(found, Mapping) else found
        if value is not None:
            yield f"`{path}`", what, _number(value), must


def _rates(result: Mapping[str, Any]) -> Iterator[str]:
    """What the ratios are made of, a table for each measurement that ran."""
    if "engine" in result:
        yield f"## Engine\n\n{result['engine']['texts']}.\n"
        rates = result["engine"]["sentences_per_s"]
        yield _table(("contestant", "sentences/s"), ((name, _number(rate)) for name, rate in rates.items()))
        yield _table(
            ("engine", "batches", "sentences/s", "token efficiency", "texts a batch"),
            (
                (
                    row["engine"],
                    row["policy"],
                    _number(row["sentences_per_s"]),
                    str(row["token_efficiency"]),
                    str(row["texts_a_batch"]),
                )
                for row in result["engine"]["table"]
            ),
        )
    if "pipeline" in result:
        yield f"## Pipeline\n\n{result['pipeline']['texts']}.\n"
        rounds = result["pipeline"]["docs_per_s"]
        yield _table(
            ("contestant", "documents/s, by round"),
            ((name, ", ".join(map(_number, rates))) for name, rates in rounds.items()),
        )
        last = result["pipeline"]["runs"][-1]["cpu_us_per_document"]
        peaks = result["peak_rss_mb_by_process"]
        yield _table(
            ("process", "CPU, us a document", "peak, MB"),
            ((name, _number(spent), _number(peaks.get(name, 0))) for name, spent in last.items()),
        )
    if "latency" in result:
        about = result["latency"]
        yield (
            f"## Open loop\n\n{result['latency_texts']}, {about['documents_per_s']} a second; "
            f"{result['row_latency_ms']['count']} rows and {result['webhook_latency_ms']['count']} webhooks counted, "
            f"{about['rows_not_seen']} and {about['webhooks_not_seen']} did not come.\n"
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"
