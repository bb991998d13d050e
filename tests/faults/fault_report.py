"""What a run found, as the JSON that `build/faults.json` holds, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from book_copy import BookCopy
from comparison import deliveries_of, told_apart_otherwise
from fault_run import Struck
from installation_under_test import InstallationUnderTest

__all__ = ["report", "summary"]

_FIRST = 10
_TRENDS = ("trends_recounted", "trends_as_of", "trends_again")


def report(
    *,
    seed: int,
    struck: Sequence[Struck],
    disturbed: InstallationUnderTest,
    found: Mapping[str, list[str]],
    undisturbed: BookCopy,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """`found` has a list of differences by what was compared; of each the first ten are kept."""
    books = BookCopy.of(disturbed.engine)
    return {
        "seed": seed,
        "passed": not any(found.values()),
        "brokers": len(disturbed.stack.brokers),
        "brokers_lost": sorted(disturbed.stack.gone),
        "faults": len(struck),
        "faults_by_kind": dict(sorted(Counter(one.fault.kind for one in struck).items())),
        "documents": len(books.documents),
        "records_booked": disturbed.accounted(),
        "trend_rows": len(books.trends),
        "alerts": len(books.alerts),
        "audit_clean": not found["audit"],
        "trends_equal": not any(found[name] for name in _TRENDS),
        "alerts_equal": not found["alerts"],
        "deliveries": deliveries_of(disturbed.receiver) | {"complete": not found["deliveries"]},
        "differences": {name: len(lines) for name, lines in found.items()},
        "first_differences": {name: lines[:_FIRST] for name, lines in found.items() if lines},
        "against_undisturbed_run": told_apart_otherwise(books, undisturbed),
        "starts": {name: one.starts for name, one in sorted(disturbed.workers.workers.items())},
        "crashes": list(disturbed.workers.crashes),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "struck": [one.told() for one in struck],
    }


def summary(told: Mapping[str, Any]) -> str:
    """A few lines for whoever waited; all faults and the seed where something differs."""
    lines = [
        f"seed {told['seed']}: {told['faults']} faults over {told['documents']} documents, "
        f"{told['alerts']} alerts, {told['deliveries']['requests']} webhook requests",
        f"audit clean: {told['audit_clean']}, trends equal: {told['trends_equal']}, "
        f"alerts equal: {told['alerts_equal']}, deliveries complete: {told['deliveries']['complete']}",
    ]
    if not told["passed"]:
        lines += [f"  {name}: {line}" for name, each in told["first_differences"].items() for line in each]
        lines += [f"The faults of seed {told['seed']}:", *(f"  {one}" for one in told["struck"])]
    return "\n".join(lines)
