"""The page of one alert: why it fired, what happened to it, and what can be done."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import Field
from sqlalchemy import Connection

from alerts.api.wire import Parameters
from alerts.console.answers import ANSWERS
from alerts.console.charts import band_chart
from alerts.console.highlighting import excerpt, explained
from alerts.console.visit import RefusedPageError, TheVisit, Visit
from alerts.console.wording import wording
from alerts.detection.baselines import Baseline
from alerts.detection.evidence import Evidence, from_json
from alerts.detection.series import time_of
from alerts.detection.unlisted import is_unlisted, name_of
from alerts.detection.volumes import OF_VOLUME
from alerts.reading import alert_list, companies
from alerts.reading.alert_list import AlertSummary
from alerts.reading.expected_band import BandPoint, expected_band
from alerts.reading.similar_alerts import similar_alerts
from alerts.reading.telling import beginning_of
from alerts.reading.volume_band import volume_band

__all__ = ["router"]

router = APIRouter()


class DoneQuery(Parameters):
    """What was just done."""

    done: Annotated[str, Field(max_length=30, pattern="^[a-z_]*$")] = ""
    alert: UUID | None = None


@router.get("/alerts/{alert_id}")
def alert_page(visit: TheVisit, alert_id: UUID, query: Annotated[DoneQuery, Query()]) -> HTMLResponse:
    """All of it on one page."""
    with visit.parts.reading() as connection:
        alert = alert_list.find_alert(connection, alert_id)
        stored = alert_list.evidence_of(connection, alert_id)
        if alert is None or stored is None:
            raise RefusedPageError(404)
        evidence = from_json(stored)
        company = companies.find_company(connection, alert.entity_id)
        points = _band(connection, alert, evidence, visit.parts.baseline)
        history = alert_list.history(connection, alert_id)
        similar = similar_alerts(connection, alert_id)
        sent = alert_list.sent(connection, alert_id)
        body = beginning_of(connection, evidence.documents[0]) if evidence.documents else ""
        names = [alert.name, *(company.aliases if company else ()), *alert_list.surfaces(connection, alert_id)]
    if query.done not in ANSWERS:
        query = query.model_copy(update={"done": ""})
    hours = f"{alert.horizon_s / 3600:g}"
    of_volume = alert.detector in OF_VOLUME
    words = "chart_told_volume" if of_volume else "chart_told"
    told = wording(visit.language, words, hours=hours, **_extremes(points))
    chart = band_chart(points, told=told, first=alert.first_bucket, last=alert.last_bucket)
    return visit.page(
        "alert.html",
        alert=alert,
        evidence=evidence,
        of_volume=of_volume,
        chart=chart,
        points=[point for point in points if point.observed or point is points[-1]],
        history=history,
        similar=similar,
        sent=sent,
        names=names,
        listed=company is not None,
        unlisted=name_of(alert.entity_id) if is_unlisted(alert.entity_id) else "",
        passage=_passage(visit, evidence, body, names),
        query=query,
    )


def _band(connection: Connection, alert: AlertSummary, evidence: Evidence, baseline: Baseline) -> list[BandPoint]:
    """What the alert's detector had counted and expected."""
    first, last, peak = alert.first_bucket, alert.last_bucket, time_of(evidence.peak.bucket)
    if alert.detector in OF_VOLUME:
        return volume_band(connection, alert.entity_id, horizon_s=alert.horizon_s, first=first, last=last, peak=peak)
    return expected_band(
        connection, alert.entity_id, baseline, horizon_s=alert.horizon_s, first=first, last=last, peak=peak
    )


def _passage(visit: Visit, evidence: Evidence, body: str, names: list[str]) -> Markup:
    """Where the body of the first document has words that made it negative: the stretch with them."""
    words = [word for word in evidence.documents[0].words if word.place == "body"] if evidence.documents else []
    start, shown = excerpt(body, words)
    return explained(shown, words, names, wording(visit.language, "telling_mark", times="{times}"), start=start)


def _extremes(points: list[BandPoint]) -> dict[str, object]:
    return {
        "peak": max((point.observed for point in points), default=0),
        "high": f"{max((point.high for point in points), default=0):g}",
    }
