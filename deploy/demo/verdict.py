"""Whether the demonstration showed what it promises: the books against the truth, the alert, the audit."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.demo.books import Books
from deploy.demo.items import Truth

__all__ = ["differences"]


def differences(
    truth: Truth,
    books: Books,
    *,
    crisis_entity: str,
    alerted: Sequence[str],
    refused_webhooks: int,
    audit: Sequence[str],
) -> list[str]:
    """What is wrong, one sentence each; empty when all of it truly happened.

    `alerted` are the entities of the alerts that arrived with a valid signature, `refused_webhooks` counts calls
    whose signature was not valid, and `audit` is what the audit found.
    """
    pairs = (
        ("documents", truth.documents, books.documents),
        ("records counted as stored", truth.documents, books.counted.stored),
        ("records counted as the same item again", truth.repeated, books.counted.repeated),
        ("records counted as dead", truth.dead_letters, books.counted.dead),
        ("documents that name the failing bank", truth.crisis_documents, books.crisis_documents),
        *(
            (f"dead letters for {reason}", truth.dead.get(reason, 0), books.dead.get(reason, 0))
            for reason in sorted({*truth.dead, *books.dead})
        ),
    )
    wrong = [f"{what}: {found}, the stream holds {expected}" for what, expected, found in pairs if found != expected]
    if not books.trend_rows:
        wrong.append("the view trends is empty")
    if crisis_entity not in alerted:
        wrong.append(f"no alert about {crisis_entity} arrived with a valid signature")
    if refused_webhooks:
        wrong.append(f"{refused_webhooks} webhook calls had no valid signature")
    return wrong + [f"audit: {difference}" for difference in audit]
