"""Explaining: which words made the most telling document of an alert negative, added to its evidence afterwards.

    1  alerts that are not resolved and whose first document is negative and nobody has explained; gravest and newest
       first
    2  the document as it is stored now, and how it names the company
    3  the words, asked of whoever knows the model: that takes up to a second, and no transaction is open meanwhile
    4  into the evidence, if it still begins with that document, and the document still has that text

What if we die here? Before 4 nothing has happened, and the alert is found again. Nobody waits for this: the alert has
been decided and told. What is told of it later carries the words. After each alert it rests (`alerts/rests.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
import structlog
from sqlalchemy import Connection, Engine, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import DateTime

from alerts import metrics
from alerts.bell import ALERTS, Bell
from alerts.detection.words import Word
from alerts.patience import Patience
from alerts.rests import rest_s

__all__ = ["Explain", "Explaining"]

_log = structlog.get_logger()

_NO_TEXT: Final = "none"
_AT_ONCE: Final = 20
_LOOK_BACK: Final = timedelta(minutes=10)
"""An alert may become visible so long after the time that its row carries."""


class Explain(Protocol):
    """Knows the model, which this room does not."""

    @property
    def version(self) -> str:
        """The model's version; never empty."""

    def __call__(self, title: str, body: str, toward: str | None) -> Sequence[Word]:
        """What made the document negative, heaviest first: toward the company of that name, None as a whole."""


class Explaining:
    """Any number may run: two that explain the same alert write the same. `run` in a thread of its own.

    `make` gives the explainer, at the first alert that needs one. Where it fails, that is logged and alerts go without
    words; so does a document on which the explainer fails.
    """

    def __init__(
        self, engine: Engine, make: Callable[[], Explain], clock: Callable[[], datetime], *, poll_s: float = 5.0
    ) -> None:
        self._engine = engine
        self._make = make
        self._clock = clock
        self._poll_s = poll_s
        self._explain: Explain | None = None
        self._absent = False
        self._since: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set, woken by whatever happens to alerts; ends early where there is no explainer."""
        patience = Patience("explaining", stop)
        with Bell(self._engine, ALERTS, self._poll_s) as bell:
            while not (stop.is_set() or self._absent):
                bell.listen()
                patience.run(lambda: self.once(stop))
                bell.wait(stop)

    def once(self, stop: threading.Event | None = None) -> int:
        """Explains all that waits, or until `stop` is set; returns how many alerts were looked at."""
        looked_at = 0
        while True:
            now = self._clock()
            with self._engine.connect() as connection:
                waiting = connection.execute(_WAITING, {"since": self._since, "most": _AT_ONCE}).all()
            if not waiting:
                self._since = now - _LOOK_BACK
                return looked_at
            explain = self._explainer()
            if explain is None:
                return looked_at
            for alert in waiting:
                if stop is not None and stop.is_set():
                    return looked_at
                began = self._clock()
                self._one(explain, alert)
                looked_at += 1
                if stop is not None:
                    stop.wait(rest_s(self._clock() - began, times=4))

    def _explainer(self) -> Explain | None:
        if self._explain is None and not self._absent:
            try:
                self._explain = self._make()
            except Exception as failure:
                self._absent = True
                _log.error("no_explainer", error=f"{type(failure).__name__}: {failure}".splitlines()[0])
        return self._explain

    def _one(self, explain: Explain, alert: Row[Any]) -> None:
        with self._engine.connect() as connection:
            document = connection.execute(_DOCUMENT, alert._asdict()).one_or_none()
        if document is None or not (document.title or document.body):
            told: dict[str, Any] = {"words": [], "explained_by": _NO_TEXT}
            document_is = {"title": "", "body": "", "gone": True}
        else:
            words = self._words(explain, document)
            told = {"words": msgspec.to_builtins(words), "explained_by": explain.version}
            document_is = {"title": document.title, "body": document.body, "gone": False}
        with self._engine.begin() as connection:
            _write(connection, alert._asdict() | document_is | {"told": told})

    def _words(self, explain: Explain, document: Row[Any]) -> Sequence[Word]:
        toward = document.surface if document.companies > 1 else None
        try:
            with metrics.explaining_seconds.time():
                return explain(document.title, document.body, toward)
        except Exception as failure:
            _log.error("not_explained", error=f"{type(failure).__name__}: {failure}".splitlines()[0])
            return ()


def _write(connection: Connection, given: dict[str, Any]) -> None:
    """The lock comes first, in a statement of its own: the second sees what an erasure or the engine did before it."""
    connection.execute(_LOCK, given)
    connection.execute(_WRITE, given)


_WAITING = text(
    """
    SELECT alert_id, entity_id, evidence #>> '{documents,0,document_id}' AS document_id,
           (evidence #>> '{documents,0,published_at}')::timestamptz AS published_at
    FROM alerts
    WHERE status <> 'resolved' AND (cast(:since AS timestamptz) IS NULL OR updated_at >= :since)
      AND (evidence #>> '{documents,0,score}')::double precision < 0
      AND coalesce(evidence #>> '{documents,0,explained_by}', '') = ''
    ORDER BY severity = 'critical' DESC, severity = 'warning' DESC, first_bucket DESC, alert_id
    LIMIT :most
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)))

# Of a document about one company the sentiment is the whole text's: only beside others is it asked about by name.
_DOCUMENT = text(
    """
    SELECT d.title, d.body, m.surface,
           (SELECT count(*) FROM mentions o
            WHERE o.document_id = d.document_id AND o.published_at = d.published_at) AS companies
    FROM documents d
    LEFT JOIN mentions m ON m.entity_id = :entity_id AND m.document_id = d.document_id
                        AND m.published_at = d.published_at
    WHERE d.document_id = cast(:document_id AS uuid) AND d.published_at = :published_at
    """
)

_LOCK = text("SELECT FROM alerts WHERE alert_id = :alert_id FOR UPDATE")

_WRITE = text(
    """
    UPDATE alerts SET evidence = jsonb_set(evidence, '{documents,0}', (evidence #> '{documents,0}') || :told)
    WHERE alert_id = :alert_id AND evidence #>> '{documents,0,document_id}' = :document_id
      AND :gone <> EXISTS (SELECT FROM documents d
                           WHERE d.document_id = cast(:document_id AS uuid) AND d.published_at = :published_at
                             AND (d.title <> '' OR d.body <> '') AND (:gone OR (d.title, d.body) = (:title, :body)))
    """
).bindparams(bindparam("told", type_=JSONB))
