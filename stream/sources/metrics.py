"""What sources count. `source` is the name from the settings, so that the number of series stays small."""

from __future__ import annotations

from prometheus_client import Counter

__all__ = ["DOCUMENTS", "FETCHES", "REFUSED"]

DOCUMENTS = Counter("yuqing_source_documents", "Documents that the broker acknowledged.", ["source"])
FETCHES = Counter(
    "yuqing_source_fetches", "Polls of feeds, by outcome: new, unchanged or why it failed.", ["source", "outcome"]
)
REFUSED = Counter("yuqing_source_refused", "Pushed requests that were refused, by status.", ["source", "status"])
