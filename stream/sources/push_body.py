"""Reading the body of a pushed request: no more of it than the limit allows, whatever its headers claim."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from stream.sources.errors import InflatedTooLargeError, InflateError, RequestRefusedError
from stream.sources.inflate import Inflater

__all__ = ["BodyLimits", "read_body"]


@dataclass(frozen=True)
class BodyLimits:
    """`sent_bytes` counts on the wire, `inflated_bytes` after gzip; `seconds` is for the whole body."""

    sent_bytes: int
    inflated_bytes: int
    seconds: float


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """The whole body, inflated where it is gzip.

    Raises RequestRefusedError: 413 as soon as it is too large, 415 for another encoding, 400 for damaged gzip or
    a client that went away, 408 when it comes too slowly.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise RequestRefusedError(
            415, "Unsupported content encoding", f"{encoding[:40]} is not read here; send gzip or none.",
            headers={"Accept-Encoding": "gzip"},
        )  # fmt: skip
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.sent_bytes:
        raise _too_large(f"{int(declared):,} bytes are announced", limits.sent_bytes)
    inflater = Inflater(limits.inflated_bytes) if encoding in ("gzip", "x-gzip") else None
    try:
        async with asyncio.timeout(limits.seconds):
            return await _collect(request, limits, inflater)
    except TimeoutError as error:
        detail = f"The body was not complete after {limits.seconds:g} s; send fewer documents at a time."
        raise RequestRefusedError(408, "Too slow", detail, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise RequestRefusedError(400, "Incomplete body", "The connection ended within the body.") from error
    except InflatedTooLargeError as error:
        raise _too_large("the gzip inflates to more", limits.inflated_bytes) from error
    except InflateError as error:
        raise RequestRefusedError(400, "Damaged gzip", f"{error}; compress it again, or send it plain.") from error


async def _collect(request: Request, limits: BodyLimits, inflater: Inflater | None) -> bytes:
    sent, body = 0, bytearray()
    async for chunk in request.stream():
        sent += len(chunk)
        if sent > limits.sent_bytes:  # the header may lie, and a chunked request has none
            raise _too_large("the body is longer", limits.sent_bytes)
        body += chunk if inflater is None else inflater.feed(chunk)
    if inflater is not None:
        inflater.finish()
    return bytes(body)


def _too_large(what: str, limit: int) -> RequestRefusedError:
    # The rest of the body is unread: the connection cannot be used again.
    return RequestRefusedError(
        413, "Too large", f"At most {limit:,} bytes are taken, but {what}; send the documents in several requests.",
        headers={"Connection": "close"},
    )  # fmt: skip
