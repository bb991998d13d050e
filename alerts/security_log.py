"""What happens at the door, for the log: who came in, who was refused, and why; never with a secret.

Collectors find these lines by `security`, which no other line has. What a request says of itself stands in them as
text: the log escapes it.
"""

from __future__ import annotations

from typing import Final, Literal

import structlog

__all__ = ["SecurityEvent", "note"]

SecurityEvent = Literal[
    "login", "logout", "token_used", "token_created", "token_revoked",
    "login_refused", "token_refused", "scope_refused", "form_refused", "request_invalid", "limit_reached",
]  # fmt: skip

_REFUSALS: Final = frozenset(
    {"login_refused", "token_refused", "scope_refused", "form_refused", "request_invalid", "limit_reached"}
)

_log = structlog.get_logger()


def note(event: SecurityEvent, **about: object) -> None:
    """Writes one line: a warning where somebody was refused. `about` is address, path, actor, the token's prefix."""
    tell = _log.warning if event in _REFUSALS else _log.info
    tell(event, security=True, **about)
