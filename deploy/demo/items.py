"""One record as a crawler would put it on `documents.raw`, with what must become of it; and the sums of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = ["Fate", "Item", "Truth"]

Fate = Literal["stored", "repeated", "dead"]


@dataclass(frozen=True, slots=True)
class Item:
    """`due` is when it reaches the crawler (aware UTC), which is the order of the stream; not when it was published.

    `reason` is the one for which a dead item is refused, else empty. `flags` are the mends that the item certainly
    needs. `crisis` says that the text names the failing bank.
    """

    due: datetime
    value: bytes
    fate: Fate
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    reason: str = ""
    flags: frozenset[str] = field(default=frozenset())
    crisis: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What the books must say after the stream, known before it starts. Only exact figures are here."""

    records: int
    documents: int
    repeated: int
    dead: dict[str, int]
    """Dead letters by reason."""
    crisis_documents: int
    """Distinct documents that name the failing bank."""

    @classmethod
    def of(cls, items: Iterable[Item]) -> Truth:
        """Counts fates; it knows nothing of how the pipeline decides."""
        items = list(items)
        fates = Counter(item.fate for item in items)
        return cls(
            records=len(items),
            documents=fates["stored"],
            repeated=fates["repeated"],
            dead=dict(sorted(Counter(item.reason for item in items if item.fate == "dead").items())),
            crisis_documents=sum(item.crisis and item.fate == "stored" for item in items),
        )

    @property
    def dead_letters(self) -> int:
        """All dead letters together."""
        return sum(self.dead.values())
