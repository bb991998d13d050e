"""What people read, in English and Chinese; what the web wrote stays text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import msgspec
import pytest
from test_payload_schema import NOON, alert_payload

from alerts.delivery.formats import body_in
from alerts.delivery.messages import message, parsed
from alerts.delivery.payload import (
    Company,
    DigestAlert,
    DigestCompany,
    DigestData,
    DigestPayload,
    GroupMember,
    PingData,
    PingPayload,
)
from alerts.detection.rule_seen import Bound, RuleSeen
from alerts.detection.words import Word

BANK = Company(entity_id="bank", name="某银行")
ALSO = GroupMember(
    alert_id=UUID(int=9),
    company=BANK,
    status="firing",
    severity="watch",
    first_bucket=NOON,
    last_bucket=NOON,
    observed=3,
    expected=0.1,
    p_value=1e-5,
)


def alert(**changes: Any) -> Any:
    payload = alert_payload()
    return msgspec.structs.replace(payload, data=msgspec.structs.replace(payload.data, **changes))


def digest(kind: Any = "digest.daily") -> DigestPayload:
    one = DigestAlert(
        alert_id=UUID(int=1), company=BANK, status="firing", severity="critical", first_bucket=NOON, last_bucket=NOON,
        observed=9, expected=0.2,
    )  # fmt: skip
    company = DigestCompany(company=BANK, documents=20, negative=12, negative_stories=9, score=-0.4)
    data = DigestData(day="2024-05-06", documents=100, negative=30, alerts=(one,), companies=(company,))
    return DigestPayload(type=kind, version=1, timestamp=NOON, data=data)


def test_an_alert_in_english() -> None:
    told = message(alert(also=(ALSO,)), "en")
    assert told.title == "[warning] Acme Ltd: 5 negative stories and 1 more"
    first = told.text.splitlines()[0]
    assert first == "New: 5 negative stories in 1 h, 0.02 expected (p 1.0e-09)."
    assert "Also 某银行" in told.text
    assert "\n  https://example.org/1\n" in told.text


def test_an_alert_in_chinese() -> None:
    told = message(alert(also=(ALSO,), actor="li", reason="在查"), "zh")
    assert told.title == "【警告】Acme Ltd：5 条负面新闻等 2 家公司"
    assert "1 小时内 5 条负面新闻" in told.text
    assert "状态：进行中，li：在查" in told.text


def test_a_surge_of_all_that_is_said_does_not_read_as_bad_news() -> None:
    english, chinese = (message(alert(detector="volume_surge"), language) for language in ("en", "zh"))
    assert english.title == "[warning] Acme Ltd: 5 stories of any tone"
    assert english.text.splitlines()[0] == "New: 5 stories of any tone in 1 h, 0.02 expected (p 1.0e-09)."
    assert chinese.title == "【警告】Acme Ltd：5 条新闻（不论褒贬）"


def test_another_alert_about_the_same_company_is_no_other_company_and_says_what_it_counts() -> None:
    of_volume = msgspec.structs.replace(ALSO, company=alert().data.company, detector="volume_surge", observed=9)
    english, chinese = (message(alert(also=(of_volume, ALSO)), language) for language in ("en", "zh"))
    assert english.title == "[warning] Acme Ltd: 5 negative stories and 1 more"
    assert chinese.title == "【警告】Acme Ltd：5 条负面新闻等 2 家公司"
    assert "Also Acme Ltd (9 stories of any tone), 某银行" in english.text
    assert "同时涉及：Acme Ltd（9 条新闻（不论褒贬））、某银行" in chinese.text
    assert message(alert(also=(of_volume,)), "en").title == "[warning] Acme Ltd: 5 negative stories"
    plain = json.loads(body_in("alertmanager", msgspec.json.encode(alert(also=(of_volume, ALSO))).decode(), "desk"))
    names = [each["labels"]["alertname"] for each in plain["alerts"]]
    assert names == ["negative_surge", "volume_surge", "negative_surge"]


def by_rule() -> Any:
    bounds = (
        Bound(measure="negative_stories", bound=3, seen=4),
        Bound(measure="negative_share", bound=0.5, seen=0.8),
        Bound(measure="mean_score", bound=-0.3, seen=-0.45),
    )
    rule = RuleSeen(name="违约-1", within_min=60, bounds=bounds, pattern="<b>(a|b)", words=("default", "违约"))
    return alert(rule=rule, detector="rule:违约-1", expected=0, p_value=1, also=(ALSO,))


def test_an_alert_of_a_rule_says_what_it_asked_for_and_claims_nothing_of_how_probable_it_is() -> None:
    told = message(by_rule(), "en")
    assert told.title == "[warning] Acme Ltd: rule 违约-1 and 1 more"
    assert told.text.splitlines()[0] == (
        "New: rule 违约-1, 4 negative stories (at least 3), 80% of them negative (at least 50%), "
        "mean score -0.45 (at most -0.30) in 1 h, pattern <b>(a|b), words default, 违约."
    )
    assert "expected" not in told.text
    assert "&lt;b&gt;(a|b)" in told.html


def test_an_alert_of_a_rule_in_chinese() -> None:
    told = message(by_rule(), "zh")
    assert told.title == "【警告】Acme Ltd：规则 违约-1等 2 家公司"
    assert told.text.splitlines()[0] == (
        "新警报：规则 违约-1，1 小时内 4 条负面新闻（至少 3 条），负面占 80%（至少 50%），"
        "平均分 -0.45（至多 -0.30），模式 <b>(a|b)，关键词 default、违约。"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["digest.daily", "digest.weekly"])
def test_a_digest_names_alerts_and_companies(language: Any, kind: str) -> None:
    told = message(digest(kind), language)
    assert "2024-05-06" in told.title
    assert told.text.count("某银行") == 2
    assert told.html.count("某银行") == 2


def test_a_digest_says_of_each_alert_what_it_counts() -> None:
    alerts = [msgspec.structs.replace(digest().data.alerts[0], detector=each) for each in ("volume_surge", "")]
    payload = digest()
    payload = msgspec.structs.replace(payload, data=msgspec.structs.replace(payload.data, alerts=tuple(alerts)))
    assert "- critical: 某银行, 9 stories of any tone, 0.2 expected, firing" in message(payload, "en").text
    assert "- critical: 某银行, 9 stories, 0.2 expected, firing" in message(payload, "en").text
    assert "- 严重：某银行，9 条新闻（不论褒贬），预期 0.2 条，进行中" in message(payload, "zh").text
    assert "9 stories of any tone" in message(payload, "en").html


def test_a_test_is_one_too() -> None:
    payload = PingPayload(type="webhook.test", version=1, timestamp=NOON, data=PingData(text="x"))
    assert "Yuqing" in message(payload, "en").title
    assert (
        body_in("alertmanager", msgspec.json.encode(payload).decode(), "desk") == msgspec.json.encode(payload).decode()
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_that_the_web_wrote_becomes_markup(language: Any) -> None:
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            tags.append(tag)

    Reader().feed(message(alert(actor="li", reason="<img src=x onerror=y>"), language).html)
    assert not {"script", "img"} & set(tags)
    assert "a" in tags


def test_every_payload_is_read_back_from_its_body() -> None:
    for payload in (alert(also=(ALSO,)), digest()):
        assert parsed(msgspec.json.encode(payload).decode()) == payload


@pytest.mark.parametrize(("language", "line"), [("en", "  Telling words: 违约"), ("zh", "  关键词：违约")])
def test_the_words_that_made_a_document_negative_are_said_once_they_are_known(language: Any, line: str) -> None:
    (document,) = alert().data.documents
    moved = Word(text="违约", place="title", start=29, end=31, weight=0.4)
    told = message(alert(documents=(msgspec.structs.replace(document, words=(moved,), explained_by="m"),)), language)

    assert line in told.text.splitlines()
    assert line.strip() in told.html
    assert line not in message(alert(), language).text


def test_as_alertmanager_sends_it() -> None:
    body = msgspec.json.encode(alert(also=(ALSO,))).decode()
    plain = json.loads(body_in("alertmanager", body, "desk"))
    assert (plain["version"], plain["status"], plain["receiver"]) == ("4", "firing", "desk")
    assert [each["labels"]["company"] for each in plain["alerts"]] == ["Acme Ltd", "某银行"]
    assert plain["commonLabels"] == {"alertname": "negative_surge"}
    assert plain["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    for key in ("groupKey", "truncatedAlerts", "groupLabels", "commonAnnotations", "externalURL"):
        assert key in plain
    assert set(plain["alerts"][0]) == {
        "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
    }  # fmt: skip


def test_what_is_over_ends_in_alertmanager_too() -> None:
    over = msgspec.json.encode(alert(status="resolved")).decode()
    plain = json.loads(body_in("alertmanager", over, "desk"))
    assert plain["status"] == "resolved"
    assert datetime.fromisoformat(plain["alerts"][0]["endsAt"]) == NOON.astimezone(UTC)
    posted = json.loads(body_in("alertmanager_api", over, "desk"))
    assert set(posted[0]) == {"labels", "annotations", "startsAt", "endsAt"}


def test_an_alert_that_is_on_has_no_end_for_alertmanagers_api() -> None:
    (posted,) = json.loads(body_in("alertmanager_api", msgspec.json.encode(alert()).decode(), "desk"))
    assert set(posted) == {"labels", "annotations", "startsAt"}
    assert all(isinstance(value, str) and value for value in posted["labels"].values())
