"""Crawled text to plain text: markup, characters nobody sees, and the phrases that sites hang on every item.

Flags it may set: `html_removed`, `control_removed`, `invisible_removed`, `boilerplate_removed`.
"""

from __future__ import annotations

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser

from stream.boilerplate import without_boilerplate

__all__ = ["one_line", "plain_text"]

# A tag, and not the two signs of "a<b and c>d": its attributes, if any, have values.
_TAG = re.compile(r"<(?:/?[a-zA-Z][\w:-]{0,30}(?:\s*/?>|\s[^<>]{0,300}=)|!--|!\[CDATA\[|!doctype\s)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
"""References beyond all characters: of 5,000 digits, html.unescape raises an error."""
_UNSEEN = "script,style,noscript,template,svg,iframe,object,form,button,head,nav,figcaption,audio,video"
_BLOCKS = "p,br,div,li,ul,ol,tr,td,th,h1,h2,h3,h4,h5,h6,blockquote,section,article,figure,hr,pre,header,footer"
_MOST_TAGS = 1_000
"""Nesting costs a standard parser the square of its depth (200,000 blocks took it 150 s): beyond this, tags are cut
by pattern alone, which is linear. Feed items have a hundred at most."""
_UNSEEN_PATTERN = re.compile(r"<(/?)(script|style|template|svg)\b[^<>]{0,2000}>", re.IGNORECASE)
_TAG_PATTERN = re.compile(r"<[/!]?[a-zA-Z\[-][^<>]{0,2000}>")
_MAX_PASSES = 2  # feeds escape markup once too often; more is somebody's example of HTML

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Zero-width, soft hyphen, fillers, bidirectional marks and overrides, variation selectors, tags.
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# Full-width Latin, digits and the signs of numbers become ASCII. Full-width ，。！？：；（） stay:
# in Chinese they are the ordinary punctuation, and the model has learnt them.
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a％＄＋－．／＆＃＠＝＿￥￡]")
# Ligatures, letters and digits in fancy dress (bold, script, circled): what spam hides its words in.
_FANCY = re.compile("[\ufb00-\ufb06\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f110-\U0001f169\u2460-\u2473\u2100-\u214f]")


def plain_text(text: str) -> tuple[str, set[str]]:
    """The text a reader would see, on one line, and flags for what was taken away.

    White space is collapsed. Idempotent on its own output, except that text about HTML loses one more layer.
    """
    flags: set[str] = set()
    text = _without_markup(text, flags)
    if not text.isascii() or not text.isprintable():
        text = _visible(text, flags)
    text, removed = without_boilerplate(text)
    if removed:
        flags.add("boilerplate_removed")
    return " ".join(text.split()), flags


def one_line(text: str) -> str:
    """A name or an address with nothing in it that nobody sees; markup, if any, stays text."""
    return " ".join(_visible(text, set()).split())


def _without_markup(text: str, flags: set[str]) -> str:
    for _ in range(_MAX_PASSES):
        if "<" in text and _TAG.search(text):
            text = _parsed(text) if text.count("<") <= _MOST_TAGS else _cut_by_pattern(text)
        elif "&" in text and _ENTITY.search(text):
            text = _unescaped(text)
        else:
            break
        flags.add("html_removed")
    return text


def _parsed(text: str) -> str:
    """The visible text of a fragment: a line for each block, inline elements run together."""
    tree = LexborHTMLParser(text.replace("<![CDATA[", "").replace("]]>", ""))
    for node in tree.css(_UNSEEN):
        if node.tag != "head":
            node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    return tree.body.text() if tree.body else ""


def _cut_by_pattern(text: str) -> str:
    """As `_parsed`, by one pass over the tags: coarser (every tag ends a line), but linear."""
    seen: list[str] = []
    start, unseen = 0, ""
    for tag in _UNSEEN_PATTERN.finditer(text):
        closing, name = tag[1], tag[2].lower()
        if not unseen and not closing:
            seen.append(text[start : tag.start()])
            unseen = name
        elif closing and name == unseen:
            start, unseen = tag.end(), ""
    if not unseen:
        seen.append(text[start:])
    return _unescaped(_TAG_PATTERN.sub("\n", "\n".join(seen)))


def _unescaped(text: str) -> str:
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text))


def _visible(text: str, flags: set[str]) -> str:
    """Without characters that nobody sees, letters in their ordinary dress, composed (NFC)."""
    text, controls = _CONTROL.subn("", text)
    text, invisible = _INVISIBLE.subn("", text)
    if controls:
        flags.add("control_removed")
    if invisible:
        flags.add("invisible_removed")
    text = _WIDE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = _FANCY.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return unicodedata.normalize("NFC", text)
