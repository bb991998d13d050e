"""Phrases that sites and feeds hang on every item: they say nothing about the news, and they blur novelty."""

from __future__ import annotations

import re

__all__ = ["without_boilerplate"]

_TAIL_CHARS = 400
"""Tails are looked for in so many last characters only: cheap, and no phrase inside an article is cut."""

# English calls to action count as sentences of their own only: "how to sign up for", "copyright infringement" are news.
_TAILS = re.compile(
    r"""(?:
      \s+The\ post\s.{1,250}?\s(?:first\ )?appeared\s(?:first\ )?on\s.{1,80}
    | (?:(?<=[.!?…:;)\]>»|”"’'])\s*|\n\s*)(?:
        (?:Read|READ|Find\ out|See|Learn)\ (?i:more)(?:\s(?:at|on|here|about|from)\b[^.!?]{0,80})?\s*[.:>»→…]*
      | (?:Continue|Keep)\ (?i:reading)\b[^.!?]{0,80}[.:>»→…]*
      | (?:Click|Tap)\ here\ (?:to|for)\s[^.!?]{1,100}[.:…]?
      | (?:Sign\ up|Sign\ Up|Subscribe)\s(?:to|for|here|now|today)\b[^!?]{0,160}[.!…]?
      | Follow\ (?:us|@\w+)\b[^!?]{0,100}[.!…]?
      | Share\ this(?:\s\w+)?(?:\s(?:on|with|via)\b[^.!?]{0,80})?[:.…]?
      | (?:©|Copyright\s(?:©|\d{4}))[^!?]{0,120}
      | [^.!?\n]{0,80}All\ [Rr]ights\ [Rr]eserved\.?
      )
    | \s*[\[(](?:…|\.\.\.|\+\d+\ chars)[\])]
    | \s*(?:点击|點擊)(?:查看|阅读|閱讀|进入|這裡|这里)[^。！？]{0,30}[。！>»…]*
    | \s*(?:阅读|查看|閱讀)(?:全文|原文|更多)[^。！？]{0,10}[。！>»…]*
    | \s*(?:更多精彩|更多资讯|欢迎关注|欢迎下载|扫码|长按|关注公众号|敬请关注)[^。！？]{0,60}[。！…]?
    | \s*[（(【\[]?(?:(?:责任编辑|責任編輯|编辑|责编|文章来源|来源|稿源)[:：/]|本文来自)
      [^。！？]{1,40}[）)】\]]?
    )\s*$""",
    re.VERBOSE,
)
_HINTS = (
    "appeared", "more", "reading", "here", "sign up", "subscribe", "follow", "share this", "…", "...", " chars",
    "rights", "©", "copyright", "点击", "點擊", "阅读", "閱讀", "查看", "精彩", "资讯", "关注", "扫码", "欢迎",
    "本文来自", "长按", "编辑", "編輯", "责编", "来源", "稿源",
)  # fmt: skip
"""No tail is without one of these: asking for them first costs a hundredth of the pattern."""
_HEADS = re.compile(r"^\s*(?:原标题|原題|原文标题)\s*[:：]\s*")
_NOTHING = re.compile(
    r"\s*(?:n/?a|none|null|no (?:description|summary|content)(?: available)?\.?|comments|-+)\s*", re.I
)
_LINES = re.compile(
    r"(?:advertisements?|sponsored|read more|share|tweet|subscribe|sign up|log in|related(?: articles| stories)?"
    r"|(?:share|follow)(?: this)?(?: \w+)? (?:on|via) \w+|comments?"
    r"|(?:广告|分享|收藏|打印|微信|微博|举报|相关阅读|延伸阅读|返回顶部)[:：]?)",
    re.IGNORECASE,
)
_TRACKING = re.compile(r"([?&])(?:utm_\w+|fbclid|gclid|mc_[ce]id|spm|ref(?:_src)?|cmpid|ns_\w+)=[^\s&#\"'<>]*&?")


def without_boilerplate(text: str) -> tuple[str, bool]:
    """The text less its boilerplate, and whether there was any. Lines matter: keep them until here."""
    if _NOTHING.fullmatch(text[:60]) and len(text) <= 60:
        return "", bool(text.strip())
    kept = text
    if "\n" in kept:
        kept = "\n".join(line for line in kept.split("\n") if not _LINES.fullmatch(line.strip()[:60]))
    kept = _HEADS.sub("", kept)
    for _ in range(4):  # several hang one behind the other
        end = kept[-_TAIL_CHARS:].lower()
        if not any(hint in end for hint in _HINTS):
            break
        tail = _TAILS.search(kept, max(0, len(kept) - _TAIL_CHARS))
        if tail is None or not kept[: tail.start()].strip():
            break
        kept = kept[: tail.start()]
    if "://" in kept:
        kept = _TRACKING.sub(lambda match: match[1] if match[0].endswith("&") else "", kept)
    return kept, len(kept) != len(text)
