"""What each detector's finding counts and means, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["DetectorWords", "detector_words"]


@dataclass(frozen=True)
class DetectorWords:
    """`one` and `many` say how much was counted, {n} standing for the number; `meaning` is a sentence."""

    one: str
    many: str
    meaning: str
    before: bool = False
    """Whether it matters when the last one before was."""

    def counted(self, number: int) -> str:
        return (self.one if number == 1 else self.many).format(n=number)


_EN: Final[Mapping[str, DetectorWords]] = {
    "negative_surge": DetectorWords(
        "{n} negative story",
        "{n} negative stories",
        "More bad news than the company's own past makes credible.",
    ),
    "unlisted_surge": DetectorWords(
        "{n} negative story",
        "{n} negative stories",
        "More bad news than is credible about a name that is on no watch list.",
    ),
    "first_bad_news": DetectorWords(
        "first bad news, {n} negative story",
        "first bad news, {n} negative stories",
        "Bad news, borne out by a second story, about a company that had next to none for long.",
        before=True,
    ),
    "risk_event": DetectorWords(
        "{n} story of a grave risk",
        "{n} stories of a grave risk",
        "News of a grave risk, such as fraud or default, about a company that hardly ever has such news.",
        before=True,
    ),
    "market_surge": DetectorWords(
        "{n} negative story",
        "{n} negative stories",
        "Far more bad news of the whole market than at this hour of the week is usual. "
        "Alerts about its companies may be held meanwhile, but for critical ones and grave risks.",
    ),
    "share_shift": DetectorWords(
        "{n} negative story",
        "{n} negative stories",
        "More of what is said about the company is bad than its own past makes credible, however much is said.",
    ),
    "mean_shift": DetectorWords(
        "worse tone, {n} negative story",
        "worse tone, {n} negative stories",
        "What is said about the company is worse in tone than its own past makes credible.",
    ),
    "volume_surge": DetectorWords(
        "{n} story of any tone",
        "{n} stories of any tone",
        "Far more is said about the company than at this time of the week is usual, whatever its tone.",
    ),
    "unlisted_volume": DetectorWords(
        "{n} story of any tone",
        "{n} stories of any tone",
        "Far more is said about a name that is on no watch list than is usual of it, whatever its tone.",
    ),
}

_ZH: Final[Mapping[str, DetectorWords]] = {
    "negative_surge": DetectorWords("{n} 条负面新闻", "{n} 条负面新闻", "负面新闻远多于该公司自身历史所能解释的数量。"),
    "unlisted_surge": DetectorWords(
        "{n} 条负面新闻", "{n} 条负面新闻", "一个不在关注名单中的名称，负面新闻多得不寻常。"
    ),
    "first_bad_news": DetectorWords(
        "首现负面，共 {n} 条新闻",
        "首现负面，共 {n} 条新闻",
        "该公司长期几乎没有负面新闻，如今出现负面，并已有第二条新闻印证。",
        before=True,
    ),
    "risk_event": DetectorWords(
        "{n} 条重大风险新闻",
        "{n} 条重大风险新闻",
        "该公司极少出现此类重大风险新闻（如欺诈、违约），如今出现。",
        before=True,
    ),
    "market_surge": DetectorWords(
        "{n} 条负面新闻",
        "{n} 条负面新闻",
        "全市场负面新闻远多于每周此时的常态。期间可能暂不推送个别公司的警报，严重警报和重大风险除外。",
    ),
    "share_shift": DetectorWords(
        "{n} 条负面新闻", "{n} 条负面新闻", "不论报道多少，该公司的负面占比都远高于其自身历史。"
    ),
    "mean_shift": DetectorWords(
        "语气转差，{n} 条负面新闻", "语气转差，{n} 条负面新闻", "关于该公司的报道，语气远差于其自身历史。"
    ),
    "volume_surge": DetectorWords(
        "{n} 条新闻（不论褒贬）", "{n} 条新闻（不论褒贬）", "关于该公司的报道远多于每周此时的常态。"
    ),
    "unlisted_volume": DetectorWords(
        "{n} 条新闻（不论褒贬）",
        "{n} 条新闻（不论褒贬）",
        "一个不在关注名单中的名称，相关报道远多于其常态，不论褒贬。",
    ),
}

_WORDS: Final = {"en": _EN, "zh": _ZH}


def detector_words(detector: str, language: Literal["en", "zh"]) -> DetectorWords:
    """Those of a detector; what only an operator's rule means, its name must say."""
    plain = {"en": ("{n} document", "{n} documents", ""), "zh": ("{n} 篇文章", "{n} 篇文章", "")}
    return _WORDS[language].get(detector, DetectorWords(*plain[language]))
