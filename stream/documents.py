"""The wire: what crawlers put on `documents.raw`, and the codec of both topics."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

from storage.records import Mention, Origin, Retraction, ScoredDocument

__all__ = [
    "Mention",
    "Origin",
    "RawDocument",
    "Retraction",
    "ScoredDocument",
    "decode_scored",
    "document_id",
    "encode",
    "named_id",
]


class RawDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One crawled item as JSON on `documents.raw`.

    Only `source` and one of `title` and `body` are required. Times are RFC 3339 (a missing zone means UTC);
    `published_at` may be any text here, since crawlers send all sorts: intake reads or replaces it.

    With `revised_at` it is a later version of the document with the same source and guid (or url), and takes its place.
    With `retracted` it takes that document down, and needs no text; `retracts` does so by the document's id alone.
    """

    source: str
    url: str = ""
    guid: str = ""
    title: str = ""
    body: str = ""
    published_at: str = ""
    fetched_at: datetime | None = None
    language: str = ""
    revised_at: str = ""
    """When the source made this version. Without it the first record of a document counts, and later ones repeat it."""
    retracted: bool = False
    retracts: str = ""
    """The id of the document to take down, for those who know it and not its guid."""

    @property
    def takes_down(self) -> bool:
        return self.retracted or bool(self.retracts)


class _Tagged(msgspec.Struct):
    type: str


_encoder = msgspec.json.Encoder()
_scored = msgspec.json.Decoder(ScoredDocument)
_retraction = msgspec.json.Decoder(Retraction)
_tag = msgspec.json.Decoder(_Tagged)


def encode(document: RawDocument | ScoredDocument | Retraction) -> bytes:
    """JSON for the wire, UTF-8."""
    return _encoder.encode(document)


def decode_scored(value: bytes) -> ScoredDocument | Retraction:
    """Reads a record of `documents.scored`; raises msgspec.ValidationError where it is not one."""
    try:
        return _scored.decode(value)
    except msgspec.ValidationError:
        if not _is_retraction(value):
            raise
        return _retraction.decode(value)


def _is_retraction(value: bytes) -> bool:
    """Whether a record says itself that it is a takedown: msgspec takes a lone struct without its tag, too."""
    try:
        return _tag.decode(value).type == Retraction.__struct_config__.tag
    except msgspec.ValidationError:
        return False


def named_id(text: str) -> UUID | None:
    """A document id as people write it; None where it is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def document_id(document: RawDocument) -> UUID:
    """A stable id of what identifies the item at its source: guid or url, else its normalised text.

    The same item crawled twice has the same id; the same text elsewhere has another. A takedown by id has that id.
    """
    named = named_id(document.retracts) if document.retracts else None
    if named is not None:
        return named
    identity = document.guid.strip() or document.url.strip()
    if not identity:
        plain = unicodedata.normalize("NFKC", f"{document.title}\n{document.body}").casefold()
        identity = "text:" + " ".join(plain.split())
    digest = blake2b(f"{document.source.strip()}\0{identity}".encode("utf-8", "surrogatepass"), digest_size=16)
    return UUID(bytes=digest.digest())
