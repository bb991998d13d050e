"""From a template and values to a page. Everything is escaped; templates are ours, values are anybody's."""

from __future__ import annotations

from datetime import datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alerts.console.highlighting import explained, marked
from alerts.console.wording import Language, wording
from alerts.detection.evidence import web_address

__all__ = ["page"]


def page(template: str, language: Language, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page as an answer. `values` may hold text of the web: it is escaped wherever it stands."""
    told = partial(wording, language)
    text = _environment().get_template(template).render(t=told, language=language, **values)
    return HTMLResponse(text, status)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("alerts.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": _when, "number": _number, "score": _score, "safe_url": web_address}
    made.filters |= {"marked": marked, "explained": explained}
    made.globals |= {"query_string": _query}
    return made


def _when(at: datetime | None) -> Markup | str:
    """A time in UTC, for people and for machines."""
    if at is None:
        return "–"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M}")


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def _score(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _query(**values: object) -> str:
    """A query string without what is empty; begins with a question mark where anything is left."""
    kept = {name: value for name, value in values.items() if value not in ("", None)}
    return f"?{urlencode(kept)}" if kept else ""
