"""The wire: what crawlers put on `documents.raw`, and the codec of both topics."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

from storage.records import Mention, Origin, ScoredDocument

__all__ = ["Mention", "Origin", "RawDocument", "ScoredDocument", "decode_scored", "document_id", "encode"]


class RawDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One crawled item as JSON on `documents.raw`.

    Only `source` and one of `title` and `body` are required. Times are RFC 3339 (a missing zone means UTC);
    `published_at` may be any text here, since crawlers send all sorts: intake reads or replaces it.
    """

    source: str
    url: str = ""
    guid: str = ""
    title: str = ""
    body: str = ""
    published_at: str = ""
    fetched_at: datetime | None = None
    language: str = ""


_encoder = msgspec.json.Encoder()
_scored = msgspec.json.Decoder(ScoredDocument)


def encode(document: RawDocument | ScoredDocument) -> bytes:
    """JSON for the wire, UTF-8."""
    return _encoder.encode(document)


def decode_scored(value: bytes) -> ScoredDocument:
    """Reads a record of `documents.scored`; raises msgspec.ValidationError where it is not one."""
    return _scored.decode(value)


def document_id(document: RawDocument) -> UUID:
    """A stable id of what identifies the item at its source: guid or url, else its normalised text.

    The same item crawled twice has the same id; the same text elsewhere has another.
    """
    identity = document.guid.strip() or document.url.strip()
    if not identity:
        plain = unicodedata.normalize("NFKC", f"{document.title}\n{document.body}").casefold()
        identity = "text:" + " ".join(plain.split())
    digest = blake2b(f"{document.source.strip()}\0{identity}".encode("utf-8", "surrogatepass"), digest_size=16)
    return UUID(bytes=digest.digest())
