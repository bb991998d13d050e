"""`yuqing documents retract|erase`: takes a document out of the sums, or its text out of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.options import AsJson, Config, State, read_settings
from deploy.output import emit

if TYPE_CHECKING:
    from storage.erasure import Found

__all__ = ["app"]

app = typer.Typer(help="Take down single documents, or erase their text.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="ID|URL", help="The document's id, or its address.")]
Wait = Annotated[
    bool | None,
    typer.Option(help="Return only when the sums have changed; the default where somebody reads the log."),
]


@app.command()
def retract(
    named: Named, wait: Wait = None, as_json: AsJson = False, config: Config = None, state: State = None
) -> int:
    """Take a document out of the sums, exactly as it went in. Exit code 1 when nobody booked it in time.

    A later version from its source counts again. Alarms that were raised stay. A second time changes nothing.
    """
    from deploy.document_desk import open_desk

    with open_desk(read_settings(config, state), wait=wait) as desk:
        found = desk.find(named)
        counts = desk.take_out(found)
    result = {"document_id": str(found.document_id), "source": found.source, "counts": counts}
    emit(result, as_json, lambda told: f"Document {told['document_id']} ({told['source']}): {_WORDS[told['counts']]}")
    return 1 if counts == "pending" and desk.wait else 0


@app.command()
def erase(
    named: Named,
    uncount: Annotated[
        bool | None,
        typer.Option("--uncount/--keep-counts", help="Take it out of the sums too; the default is in the settings."),
    ] = None,
    wait: Wait = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Erase a document's text for good: from documents, index, dead letters, alerts and deliveries.

    No later version of it is stored. What cannot be reached is listed. A second time finds nothing to erase.
    """
    from deploy.document_desk import open_desk

    with open_desk(read_settings(config, state), wait=wait) as desk:
        found = desk.find(named)
        erased = desk.erase(found)
        keep = desk.settings.retention.erased_count if uncount is None else not uncount
        counts = "kept" if keep and found.withdrawn_at is None else desk.take_out(found)
    result = {
        "document_id": str(found.document_id),
        "source": found.source,
        "erased": erased.rows,
        "counts": counts,
        "out_of_reach": _out_of_reach(found, erased.sent),
    }
    emit(result, as_json, _worded)
    return 1 if counts == "pending" and desk.wait else 0


def _out_of_reach(found: Found, sent: int) -> list[str]:
    raw = [
        f"{origin.topic}/{origin.partition} offset {origin.offset} and its copy in documents.scored, "
        "until Kafka's retention of these topics passes them"
        for origin in found.origins
    ]
    deliveries = [f"{sent} deliveries that were made with it"] if sent else []
    return [
        *raw,
        *deliveries,
        "other crawls of it in the log, backups of the database, files that were replayed, and its source",
    ]


_WORDS = {
    "kept": "what it added to the sums stays.",
    "taken out": "taken out of the sums.",
    "out before": "it was out of the sums before.",
    "pending": "its takedown is in the log, and counts once `yuqing up` has booked it.",
}


def _worded(told: dict[str, Any]) -> str:
    gone = [f"{count:,} {name.replace('_', ' ')}" for name, count in told["erased"].items() if count]
    lines = [
        f"Document {told['document_id']} ({told['source']}): {_WORDS[told['counts']]}",
        f"Text erased from {', '.join(gone)}." if gone else "No text of it was left.",
        "Not in reach:",
    ]
    return "\n".join([*lines, *(f"- {line}" for line in told["out_of_reach"])])
