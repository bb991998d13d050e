"""From where on something is wrong: lines in the dashboards, and what the rules fire at."""

from __future__ import annotations

from typing import Final

__all__ = [
    "COMMIT_S",
    "DEAD_SHARE",
    "DELIVERY_S",
    "LAG_RECORDS",
    "OLDEST_DELIVERY_S",
    "OVER_PROMISE",
    "REFUSED_TOKENS",
    "SERVER_ERRORS",
]

LAG_RECORDS: Final = 20_000
"""A minute of what two cores score, and more."""

COMMIT_S: Final = 10
"""From arrival to commit, 95 of 100 documents."""

DEAD_SHARE: Final = 0.05
"""Of all records, those that died."""

OLDEST_DELIVERY_S: Final = 300
"""A receiver that was away for a moment has its message by then."""

DELIVERY_S: Final = 2
"""From the writing of a delivery to its acceptance, as promised."""

OVER_PROMISE: Final = 10
"""Alerts a day for each false alarm promised: true ones come on top, but not so many every day."""

SERVER_ERRORS: Final = 0.05
"""Of all requests, those that we could not answer."""

REFUSED_TOKENS: Final = 50
"""In ten minutes, over all addresses: each may try ten a minute."""
