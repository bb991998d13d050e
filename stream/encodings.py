"""Bytes to text where the crawler did not send UTF-8: only an encoding that explains the bytes convincingly is used."""

from __future__ import annotations

import codecs
import re

from stream.errors import DeadReason, Unreadable

__all__ = ["as_text"]

_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# First bytes of the rows that hold everyday characters: punctuation and the frequent half of each national set.
# Text of another encoding, misread, falls mostly into the rare rows.
_EVERYDAY = {"gb18030": ((0xA1, 0xA3), (0xB0, 0xD7)), "big5": ((0xA1, 0xA3), (0xA4, 0xC6))}
_CONVINCING = 0.9
_SAMPLE_CHARS = 20_000

# What Western European prose needs beyond ASCII. Control codes and odd signs speak against Latin-1.
_WESTERN = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ€£§©®°±²³´·¹º¼½¾¿¡«»‘’‚“”„†•…‰‹›–—™\xa0]")


def as_text(raw: bytes) -> tuple[str, bool]:
    """The bytes as text, and whether they had to be mended (a byte order mark, another encoding).

    Raises Unreadable(not_utf8) where neither UTF-8, UTF-16, GB18030, Big5 nor Windows-1252 fits convincingly.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _mended(raw, error), True
    if text.startswith("\ufeff"):
        return text.lstrip("\ufeff"), True
    if "\0" in text[:64]:
        return _mended(raw, None), True
    return text, False


def _mended(raw: bytes, error: UnicodeDecodeError | None) -> str:
    for decoder in (_utf16, _chinese, _western):
        text = decoder(raw)
        if text is not None:
            return text
    at = f"byte {error.start}: {error.reason}" if error else "null bytes between the characters"
    raise Unreadable(DeadReason.NOT_UTF8, f"{at}; no other encoding fits: send UTF-8")


def _utf16(raw: bytes) -> str | None:
    """UTF-16, by its mark or by the null halves of JSON's own ASCII."""
    for mark, name in _UTF16:
        if raw.startswith(mark):
            return _strict(raw[len(mark) :], name)
    head = raw.lstrip(b" \r\n\t")[:4]
    if head[:1] == b"{" and head[1:2] == b"\0" and len(raw) % 2 == 0:
        return _strict(raw, "utf-16-le")
    if head[:1] == b"\0" and head[1:2] == b"{" and len(raw) % 2 == 0:
        return _strict(raw, "utf-16-be")
    return None


def _chinese(raw: bytes) -> str | None:
    """The Chinese encoding in which most characters are everyday ones, if there is one."""
    best, best_share = None, _CONVINCING
    for name, rows in _EVERYDAY.items():
        text = _strict(raw, name)
        if text is None:
            continue
        wide = [c for c in text[:_SAMPLE_CHARS] if c > "\x7f"]
        firsts = [c.encode(name)[0] for c in wide]
        everyday = sum(any(low <= first <= high for low, high in rows) for first in firsts)
        share = everyday / len(wide) if len(wide) >= 4 else 0.0
        if share > best_share:
            best, best_share = text, share
    return best


def _western(raw: bytes) -> str | None:
    """Windows-1252 (Latin-1 with typographic quotes), if accented letters are sprinkled over ASCII prose."""
    text = _strict(raw, "cp1252")
    if text is None or "\0" in text:
        return None
    high = [c for c in text if c > "\x7f"]
    sprinkled = len(high) <= 0.2 * len(text)
    return text if sprinkled and all(_WESTERN.match(c) for c in high) else None


def _strict(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None
