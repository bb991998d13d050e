"""The one taxonomy of answers: three sentiments, and topics that a document may have several of.

Twitter topics and Chinese newsflash topics that mean the same thing share a label; the Chinese risk events keep
their own, with the prefix `risk_`. Ids are stable: they are stored in trends and named in rules, so a label may be
added, but never renamed. Where a data set's own words land is written in `model/tasks.py`.
"""

from dataclasses import dataclass
from typing import Final, Literal

Sentiment = Literal["negative", "neutral", "positive"]
SENTIMENTS: Final[tuple[Sentiment, ...]] = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class Label:
    """One topic: its id, and its name for readers of English and of Chinese.

    `shown` is false for a label that exists to be learned, not to be reported: "none of the risk events".
    """

    id: str
    en: str
    zh: str
    shown: bool = True


TOPICS: Final[tuple[Label, ...]] = (
    Label("analyst_update", "Analyst update", "分析师评级"),
    Label("central_banks", "Central banks", "央行"),
    Label("company_news", "Company and product news", "公司动态"),
    Label("debt_markets", "Treasuries and corporate debt", "债券"),
    Label("dividend", "Dividend", "分红"),
    Label("earnings", "Earnings", "财报"),
    Label("energy", "Energy and oil", "能源"),
    Label("financials", "Financial figures", "财务数据"),
    Label("currencies", "Currencies", "外汇"),
    Label("general_news", "General news and opinion", "综合新闻与评论"),
    Label("metals", "Gold, metals and materials", "金属与材料"),
    Label("ipo", "Initial public offering", "首次公开募股"),
    Label("legal_regulation", "Legal and regulation", "法律与监管"),
    Label("mergers_investments", "Mergers, acquisitions and investments", "并购与投资"),
    Label("macro", "Macroeconomy", "宏观经济"),
    Label("markets", "Markets", "大盘"),
    Label("politics", "Politics", "政治"),
    Label("personnel", "Personnel change", "人事变动"),
    Label("stock_commentary", "Stock commentary", "个股评论"),
    Label("stock_movement", "Stock movement", "股价异动"),
    Label("covid", "Covid-19", "新冠疫情"),
    Label("industry", "Industry", "行业"),
    Label("policy", "Government policy", "政策"),
    Label("international", "International affairs", "国际"),
    Label("futures", "Futures", "期货"),
    Label("real_estate", "Real estate", "房地产"),
    Label("crypto", "Crypto-currencies", "虚拟货币"),
    Label("risk_disclosure_violation", "Disclosure violation", "信批违规"),
    Label("risk_ownership_change", "Change of shareholder or controller", "实控人股东变更"),
    Label("risk_trading_violation", "Trading violation", "交易违规"),
    Label("risk_unable_to_serve", "Executive unable to serve", "不能履职"),
    Label("risk_restructuring_failure", "Failed restructuring", "重组失败"),
    Label("risk_rating_change", "Rating change", "评级调整"),
    Label("risk_earnings_decline", "Decline of results", "业绩下滑"),
    Label("risk_illegal_fundraising", "Suspected illegal fundraising", "涉嫌非法集资"),
    Label("risk_accounting_fraud", "Accounting fraud", "财务造假"),
    Label("risk_funds_accounts", "Risk to funds or accounts", "资金账户风险"),
    Label("risk_pyramid_scheme", "Suspected pyramid scheme", "涉嫌传销"),
    Label("risk_suspected_crime", "Suspected breach of law", "涉嫌违法"),
    Label("risk_suspected_fraud", "Suspected fraud", "涉嫌欺诈"),
    Label("risk_bad_assets", "Bad news on assets", "资产负面"),
    Label("risk_bad_executives", "Bad news on executives", "高管负面"),
    Label("risk_complaints", "Complaints and consumer rights", "投诉维权"),
    Label("risk_product_violation", "Product violation", "产品违规"),
    Label("risk_closure", "Closure of business", "歇业停业"),
    Label("risk_withdrawal_trouble", "Trouble withdrawing money", "提现困难"),
    Label("risk_vanished", "Out of contact or absconded", "失联跑路"),
    Label("risk_abnormal_trading", "Abnormal share trading", "公司股市异常"),
    Label("risk_other", "None of the risk events", "其他", shown=False),
)

TOPIC_IDS: Final[tuple[str, ...]] = tuple(label.id for label in TOPICS)
TOPIC_INDEX: Final[dict[str, int]] = {label.id: place for place, label in enumerate(TOPICS)}
RISK_IDS: Final[tuple[str, ...]] = tuple(name for name in TOPIC_IDS if name.startswith("risk_"))


def topic(topic_id: str) -> Label:
    """Return the label of this id.

    Raises:
        KeyError: no topic has this id.
    """
    return TOPICS[TOPIC_INDEX[topic_id]]
