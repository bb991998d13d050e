"""What people read of an event: a title, a text and an HTML page, in English or Chinese, from the webhook's payload.

Text from the web is escaped in HTML, and in text it is only text: nobody interprets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerts.delivery.detector_words import detector_words
from alerts.delivery.payload import AlertData, AlertPayload, DigestAlert, DigestData, DigestPayload, PingPayload
from storage.records import ANY_ENTITY

__all__ = ["Language", "Message", "message", "parsed"]

Language = Literal["en", "zh"]
Payload = AlertPayload | DigestPayload | PingPayload

_COLOURS: Final = {"watch": "#888", "warning": "#e69500", "critical": "#c00"}
_WORDS: Final[dict[Language, dict[str, Any]]] = {
    "en": {
        "verbs": {
            "alert.opened": "New",
            "alert.escalated": "Worse",
            "alert.reminded": "Still unanswered",
            "alert.acknowledged": "Acknowledged",
            "alert.reopened": "Reopened",
            "alert.resolved": "Over",
        },
        "severities": {name: name for name in _COLOURS},
        "statuses": {},
        "title": "[{severity}] {name}: {counted}{more}",
        "market": "the whole market",
        "space": " ",
        "previous": "The last one before was on {at}.",
        "no_previous": "None is known before.",
        "rule_title": "[{severity}] {name}: rule {rule}{more}",
        "measures": {
            "negative_stories": "{seen:g} negative stories (at least {bound:g})",
            "stories": "{seen:g} stories (at least {bound:g})",
            "negative_documents": "{seen:g} negative documents (at least {bound:g})",
            "documents": "{seen:g} documents (at least {bound:g})",
            "negative_share": "{seen:.0%} of them negative (at least {bound:.0%})",
            "mean_score": "mean score {seen:+.2f} (at most {bound:+.2f})",
        },
        "more": " and {count} more",
        "daily": "Bad news of {day}",
        "weekly": "Bad news of the week from {day}",
        "test": "Yuqing test",
        "test_text": "This endpoint hears Yuqing.",
        "also": "Also",
        "telling": "Telling words: ",
        "unlisted": "Not on the watch list. Watch it from the alert's page in the console, or by this line of a file:",
        "comma": ", ",
        "stories": "{n} stories",
        "aside": " ({words})",
        "hour": " h",
        "alert_heads": ("Company", "Severity", "Stories", "Expected", "Status"),
        "company_heads": ("Company", "Negative stories", "Documents", "Mean score"),
    },
    "zh": {
        "verbs": {
            "alert.opened": "新警报",
            "alert.escalated": "升级",
            "alert.reminded": "仍未处理",
            "alert.acknowledged": "已确认",
            "alert.reopened": "重新打开",
            "alert.resolved": "已结束",
        },
        "severities": {"watch": "关注", "warning": "警告", "critical": "严重"},
        "statuses": {
            "pending": "待定",
            "firing": "进行中",
            "acknowledged": "已确认",
            "snoozed": "已推迟",
            "resolved": "已结束",
            "reopened": "重新打开",
        },
        "title": "【{severity}】{name}：{counted}{more}",
        "market": "全市场",
        "space": "",
        "previous": "上一次在 {at}。",
        "no_previous": "此前没有记录。",
        "rule_title": "【{severity}】{name}：规则 {rule}{more}",
        "measures": {
            "negative_stories": "{seen:g} 条负面新闻（至少 {bound:g} 条）",
            "stories": "{seen:g} 条新闻（至少 {bound:g} 条）",
            "negative_documents": "{seen:g} 篇负面文章（至少 {bound:g} 篇）",
            "documents": "{seen:g} 篇文章（至少 {bound:g} 篇）",
            "negative_share": "负面占 {seen:.0%}（至少 {bound:.0%}）",
            "mean_score": "平均分 {seen:+.2f}（至多 {bound:+.2f}）",
        },
        "more": "等 {count} 家公司",
        "daily": "{day} 负面新闻日报",
        "weekly": "{day} 起一周负面新闻周报",
        "test": "舆情测试",
        "test_text": "此通道可以收到舆情消息。",
        "also": "同时涉及：",
        "telling": "关键词：",
        "unlisted": "不在关注名单中。如需关注，可在控制台的预警页面加入名单，或在名单文件中加入一行：",
        "comma": "、",
        "stories": "{n} 条",
        "aside": "（{words}）",
        "hour": " 小时",
        "alert_heads": ("公司", "级别", "条数", "预期", "状态"),
        "company_heads": ("公司", "负面条数", "文章", "平均分"),
    },
}


@dataclass(frozen=True)
class Message:
    """One event in words. `html` is a page of its own."""

    title: str
    text: str
    html: str


def parsed(body: str) -> Payload:
    """The payload of a delivery's body. Raises msgspec.ValidationError for anything else."""
    kind = msgspec.json.decode(body)["type"]
    if kind.startswith("digest."):
        return msgspec.json.decode(body, type=DigestPayload)
    if kind == "webhook.test":
        return msgspec.json.decode(body, type=PingPayload)
    return msgspec.json.decode(body, type=AlertPayload)


def message(payload: Payload, language: Language) -> Message:
    """The event in words."""
    words = _WORDS[language]
    if isinstance(payload, PingPayload):
        return Message(words["test"], words["test_text"], f"<p>{words['test_text']}</p>")
    data = payload.data
    title = _alert_title(data, language) if isinstance(data, AlertData) else _digest_title(payload, data, words)
    kind = "alert" if isinstance(data, AlertData) else "digest"
    statuses = _Same(words["statuses"])
    about = {
        "p": payload,
        "d": data,
        "language": language,
        "words": words,
        "verbs": words["verbs"],
        "severities": words["severities"],
        "statuses": statuses,
        "colours": _COLOURS,
        "also": _also(data, language) if isinstance(data, AlertData) else [],
        "measured": _measured(data, words) if isinstance(data, AlertData) else [],
        "found": _found(data, language) if isinstance(data, AlertData) else {},
        "counted": lambda one: _counted(one, language),
        "hours": lambda seconds: f"{seconds / 3600:g}{words['hour']}",
        "number": lambda value: f"{value:.2g}",
        "p_value": lambda value: f"{value:.1e}",
        "minute": _minute,
    }
    text = _templates().get_template(f"{language}_{kind}.txt.j2").render(about).strip() + "\n"
    page = _templates().get_template(f"{kind}.html.j2")
    return Message(title, text, page.render(about | {"title": title, "first_line": text.splitlines()[0]}))


class _Same(dict[str, str]):
    """What it does not know is called by its own name."""

    def __missing__(self, name: str) -> str:
        return name


def _alert_title(data: AlertData, language: Language) -> str:
    words = _WORDS[language]
    others = len({each.company.entity_id for each in data.also} - {data.company.entity_id})
    more = words["more"].format(count=others + (language == "zh")) if others else ""
    severity = words["severities"][data.severity]
    form = words["rule_title"] if data.rule else words["title"]
    rule = data.rule.name if data.rule else ""
    name = words["market"] if data.company.entity_id == ANY_ENTITY else data.company.name
    counted = detector_words(data.detector, language).counted(data.observed)
    title: str = form.format(severity=severity, name=name, counted=counted, rule=rule, more=more)
    return title


def _also(data: AlertData, language: Language) -> list[str]:
    """The companies of the other alerts, with what was counted where another detector counted it."""
    told = []
    for each in data.also:
        words, counted = detector_words(each.detector, language), ""
        if words.meaning and each.detector != data.detector:
            counted = _WORDS[language]["aside"].format(words=words.counted(each.observed))
        told.append(each.company.name + counted)
    return told


def _found(data: AlertData, language: Language) -> dict[str, str]:
    """What was counted, and what that means."""
    words, told = _WORDS[language], detector_words(data.detector, language)
    before = words["previous"].format(at=_minute(data.previous)) if data.previous else words["no_previous"]
    meaning = told.meaning + (words["space"] + before if told.before else "")
    return {"counted": told.counted(data.observed), "meaning": meaning}


def _measured(data: AlertData, words: dict[str, Any]) -> list[str]:
    bounds = data.rule.bounds if data.rule else ()
    return [words["measures"][one.measure].format(seen=one.seen, bound=one.bound) for one in bounds]


def _counted(alert: DigestAlert, language: Language) -> str:
    """What an alert of a digest counted; of one whose detector is not known, or a rule, how many stories."""
    told = detector_words(alert.detector, language)
    return told.counted(alert.observed) if told.meaning else _WORDS[language]["stories"].format(n=alert.observed)


def _digest_title(payload: Payload, data: DigestData, words: dict[str, Any]) -> str:
    title: str = words["weekly" if payload.type == "digest.weekly" else "daily"].format(day=data.day)
    return title


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("alerts.delivery", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
