"""Nothing lost, nothing doubled: broker offsets, ledger, documents, dead letters, trends and Redis add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection, Engine, text

from storage import audit_checks, rescoring_checks
from storage.audit_checks import FIRST, Offsets
from storage.hot_windows import HotWindows

__all__ = ["AuditReport", "Offsets", "audit", "in_flight"]

_log = structlog.get_logger()


@dataclass(frozen=True)
class AuditReport:
    """`figures` says how much there was; `differences` names, exactly and a line each, what does not add up."""

    figures: Mapping[str, int]
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences


def audit(
    engine: Engine,
    hot: HotWindows | None,
    raw_offsets: Offsets,
    read_offsets: Offsets | None = None,
    *,
    raw_offsets_now: Callable[[], Offsets] | None = None,
) -> AuditReport:
    """Compares everything with everything, in one snapshot of PostgreSQL; changes nothing.

    The offsets are the broker's, for each (topic, partition) the first and the next to come, taken before the call,
    `raw_offsets` of the topics that documents come in on, `read_offsets` of documents.scored and documents.dead:
    records that are still on their way then count as missing, so wait until `in_flight` is empty for them. Records that
    the broker has no longer and that have no outcome are lost, and named until somebody acknowledges it. Where the
    stream goes on meanwhile, `raw_offsets_now` asks the broker again, so that what arrived since is not taken for
    invented. Trends, and what re-scoring changes in them, are counted again for all minutes whose documents retention
    has kept. `hot` None leaves Redis out.
    """
    reader = engine.execution_options(isolation_level="REPEATABLE READ")
    with reader.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SET LOCAL work_mem = '128MB'"))
        figures = _figures(connection, raw_offsets)
        differences = [
            *audit_checks.missing_outcomes(connection, raw_offsets),
            *audit_checks.losses(connection, raw_offsets),
            *audit_checks.invented_outcomes(connection, raw_offsets_now() if raw_offsets_now else raw_offsets),
            *audit_checks.positions(connection, read_offsets or {}),
            *audit_checks.ledger_sums(connection),
            *audit_checks.documents(connection),
            *audit_checks.trend_sums(connection),
            *audit_checks.market_hours(connection),
            *rescoring_checks.documents(connection),
            *rescoring_checks.sums(connection),
        ]
    if hot is not None:
        mismatches = hot.mismatches(engine)
        figures["hot_mismatches"] = len(mismatches)
        differences += mismatches[:FIRST]
    _log.info("audited", differences=len(differences), **figures)
    return AuditReport(figures, differences)


def in_flight(engine: Engine, raw_offsets: Offsets, read_offsets: Offsets) -> list[str]:
    """What of these raw records has no outcome yet, and what of documents.scored and documents.dead is unread."""
    with engine.connect() as connection:
        return [
            *audit_checks.missing_outcomes(connection, raw_offsets),
            *audit_checks.positions(connection, read_offsets),
        ]


def _figures(connection: Connection, raw_offsets: Offsets) -> dict[str, int]:
    row = connection.execute(_FIGURES).mappings().one()
    on_broker = sum(end - begin for begin, end in raw_offsets.values())
    return {"raw_records": on_broker, **{name: int(value) for name, value in row.items()}}


_FIGURES = text(
    """
    SELECT (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM ledger, unnest(accounted) r) AS accounted,
           (SELECT coalesce(sum(stored), 0) FROM ledger) AS stored,
           (SELECT coalesce(sum(repeated), 0) FROM ledger) AS repeated,
           (SELECT coalesce(sum(dead), 0) FROM ledger) AS dead,
           (SELECT coalesce(sum(corrected), 0) FROM ledger) AS corrected,
           (SELECT coalesce(sum(retracted), 0) FROM ledger) AS retracted,
           (SELECT coalesce(sum(superseded), 0) FROM ledger) AS superseded,
           (SELECT coalesce(sum(next_offset - first_offset), 0) FROM lost_records
            WHERE acknowledged_at IS NOT NULL) AS losses_acknowledged,
           (SELECT count(*) FROM document_keys) AS document_ids,
           (SELECT count(*) FROM documents) AS documents,
           (SELECT documents_dropped FROM retention) AS documents_dropped,
           (SELECT count(*) FROM withdrawn_documents) AS withdrawn_documents,
           (SELECT count(*) FROM mentions) AS mentions,
           (SELECT count(*) FROM dead_letters) AS dead_letters,
           (SELECT count(*) FROM trend_counts) AS trend_rows,
           (SELECT count(*) FROM rescored_documents) AS rescored_documents
    """
)
