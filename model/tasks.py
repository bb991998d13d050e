"""Which words the public data sets use for their labels, and what those words teach or ask of the model.

A data set annotates only some of the labels. Its task says which, so that a tweet without the label `covid`, which no
annotator of tweets was asked about, teaches nothing on `covid`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from model.errors import DataError
from model.labels import SENTIMENTS

Kind = Literal["sentiment", "topic", "topics"]


@dataclass(frozen=True, slots=True)
class Task:
    """How one vocabulary of labels maps to ours.

    `kind` 'sentiment': each label maps to the sentiments it allows, out of `considered`. 'topic': each text has
    exactly one of `labels`' topics. 'topics': any number; a label that maps to () is known and ignored.
    """

    name: str
    kind: Kind
    labels: Mapping[str, tuple[str, ...]]
    considered: tuple[str, ...] = SENTIMENTS

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic ids that this task annotates, each once, in the order of its labels."""
        return tuple(dict.fromkeys(name for names in self.labels.values() for name in names))


def _task(name: str, kind: Kind, labels: dict[str, str], considered: tuple[str, ...] = SENTIMENTS) -> Task:
    return Task(name, kind, MappingProxyType({word: tuple(ids.split()) for word, ids in labels.items()}), considered)


SENTIMENT: Final = _task("sentiment", "sentiment", {name: name for name in SENTIMENTS})
POLARITY: Final = _task(
    "polarity", "sentiment", {"negative": "negative", "positive": "positive"}, ("negative", "positive")
)
NEGATIVE: Final = _task("negative", "sentiment", {"negative": "negative", "other": "neutral positive"})
TWITTER_TOPIC: Final = _task(
    "twitter_topic",
    "topic",
    {
        "analyst update": "analyst_update",
        "central banks": "central_banks",
        "company and product news": "company_news",
        "treasuries and corporate debt": "debt_markets",
        "dividend": "dividend",
        "earnings": "earnings",
        "energy and oil": "energy",
        "financials": "financials",
        "currencies": "currencies",
        "general news and opinion": "general_news",
        "metals and materials": "metals",
        "ipo": "ipo",
        "legal and regulation": "legal_regulation",
        "m&a and investments": "mergers_investments",
        "macro": "macro",
        "markets": "markets",
        "politics": "politics",
        "personnel change": "personnel",
        "stock commentary": "stock_commentary",
        "stock movement": "stock_movement",
    },
)
RISK_EVENT: Final = _task(
    "risk_event",
    "topic",
    {
        "信批违规": "risk_disclosure_violation",
        "实控人股东变更": "risk_ownership_change",
        "交易违规": "risk_trading_violation",
        "不能履职": "risk_unable_to_serve",
        "重组失败": "risk_restructuring_failure",
        "评级调整": "risk_rating_change",
        "业绩下滑": "risk_earnings_decline",
        "涉嫌非法集资": "risk_illegal_fundraising",
        "财务造假": "risk_accounting_fraud",
        "资金账户风险": "risk_funds_accounts",
        "涉嫌传销": "risk_pyramid_scheme",
        "涉嫌违法": "risk_suspected_crime",
        "涉嫌欺诈": "risk_suspected_fraud",
        "资产负面": "risk_bad_assets",
        "高管负面": "risk_bad_executives",
        "投诉维权": "risk_complaints",
        "产品违规": "risk_product_violation",
        "歇业停业": "risk_closure",
        "提现困难": "risk_withdrawal_trouble",
        "失联跑路": "risk_vanished",
        "公司股市异常": "risk_abnormal_trading",
        "其他": "risk_other",
    },
)
# Regions (中国, 外国) are known and ignored: which country a text is about is the business of entity linking.
NEWSFLASH_TOPICS: Final = _task(
    "newsflash_topics",
    "topics",
    {
        "中国": "",
        "外国": "",
        "公司": "company_news",
        "企业": "company_news",
        "公司、": "company_news",
        "中国公司": "company_news",
        "新冠": "covid",
        "经济": "macro",
        "经济新冠": "macro covid",
        "行业": "industry",
        "大盘": "markets",
        "中国大盘": "markets",
        "外国大盘": "markets",
        "政策": "policy",
        "正政策": "policy",
        "国际": "international",
        "外国际": "international",
        "政治": "politics",
        "外国政治": "politics",
        "期货": "futures",
        "能源": "energy",
        "债券": "debt_markets",
        "外国债券": "debt_markets",
        "房地产": "real_estate",
        "虚拟货币": "crypto",
        "虚拟火币": "crypto",
        "外汇": "currencies",
        "汇率": "currencies",
    },
)
TASKS: Final = (POLARITY, SENTIMENT, NEGATIVE, TWITTER_TOPIC, RISK_EVENT, NEWSFLASH_TOPICS)
_MOST: Final = 0.95  # of all labels must be known: newsflash labels hold typing slips


def task_of(labels: Iterable[str]) -> Task:
    """Find the task that a file's labels belong to; the first of `TASKS` that knows nearly all of them.

    Raises:
        DataError: there is no label, or no task knows them.
    """
    counts = Counter(labels)
    total = sum(counts.values())
    for task in TASKS:
        if total and sum(count for label, count in counts.items() if label in task.labels) >= _MOST * total:
            # One class alone does not tell two classes from three; three are the safer reading.
            if task is POLARITY and len(counts) == 1:
                continue
            return task
    some = ", ".join(repr(label) for label, _ in counts.most_common(3)) or "none at all"
    raise DataError(f"no task knows these labels: {some}. Known: " + ", ".join(task.name for task in TASKS))
