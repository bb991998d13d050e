"""Erases a document's text from alerts and from what was written to be sent about them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB

from alerts.engine import LOCK

__all__ = ["Erased", "erase"]


@dataclass(frozen=True)
class Erased:
    """How many rows lost the text. `sent` counts the deliveries that had gone out with it: nobody calls those back."""

    alerts: int
    deliveries: int
    sent: int


def erase(connection: Connection, document_id: UUID) -> Erased:
    """Empties title, url and words of the document wherever an alert or a delivery shows it; the caller commits.

    Call it when the document itself is erased and committed: the engine's lock sees to it that whoever has read the
    text before has written it by now. Numbers, source and time stay: they are why the alarm was raised.
    """
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    given = {"id": str(document_id), "shown": [{"document_id": str(document_id)}]}
    connection.execute(_LOCK_ALERTS, given)
    return Erased(
        alerts=connection.execute(_ALERTS, given).rowcount,
        deliveries=connection.execute(_DELIVERIES, given).rowcount,
        sent=connection.execute(_SENT, given).scalar_one(),
    )


_SHOWN = bindparam("shown", type_=JSONB)

_BLANKED = """
    (SELECT jsonb_agg(
         CASE WHEN one ->> 'document_id' = :id THEN one || '{{"title": "", "url": "", "words": []}}' ELSE one END
         ORDER BY place
     ) FROM jsonb_array_elements({documents}) WITH ORDINALITY AS shown (one, place))
"""

_HAS_TEXT = """
    EXISTS (SELECT FROM jsonb_array_elements({documents}) AS one
            WHERE one ->> 'document_id' = :id AND (one ->> 'title' <> '' OR one ->> 'url' <> ''
                                                  OR coalesce(one -> 'words', '[]') <> '[]'))
"""


def _blank(table: str, column: str, path: str) -> str:
    documents = f"{column} #> '{path}'"
    return f"""
    UPDATE {table} SET {column} = jsonb_set({column}, '{path}', {_BLANKED.format(documents=documents)})
    WHERE {documents} @> :shown AND {_HAS_TEXT.format(documents=documents)}
    """  # noqa: S608 - names of our own columns


# In the order of their ids, as everybody locks alerts.
_LOCK_ALERTS = text(
    "SELECT alert_id FROM alerts WHERE evidence -> 'documents' @> :shown ORDER BY alert_id FOR UPDATE"
).bindparams(_SHOWN)

_ALERTS = text(_blank("alerts", "evidence", "{documents}")).bindparams(_SHOWN)

_DELIVERIES = text(_blank("deliveries", "payload", "{data,documents}")).bindparams(_SHOWN)

_SENT = text(
    "SELECT count(*) FROM deliveries WHERE payload #> '{data,documents}' @> :shown AND state = 'delivered'"
).bindparams(_SHOWN)
