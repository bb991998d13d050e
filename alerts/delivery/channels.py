"""Channels: DingTalk, Feishu, WeCom, Slack, Teams, mail and the like, by one URL each, through apprise."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from alerts.delivery.endpoints import EVENTS, USUAL_EVENTS
from alerts.delivery.outbox import Claimed
from alerts.errors import UnreachableError, WrongSettingError

if TYPE_CHECKING:
    from alerts.delivery.messages import Language

__all__ = ["SCHEMES", "Channel", "ChannelSender"]

SCHEMES: Final = (
    "dingtalk", "feishu", "lark", "wecombot", "slack", "workflows", "mailto", "mailtos", "discord", "tgram",
)  # fmt: skip
"""What a channel may be; workflows is Microsoft Teams. Of the hundred more of apprise some act on this machine."""

_HTML: Final = ("mailto", "mailtos")
_AT_ONCE: Final = 16


@dataclass(frozen=True)
class Channel:
    """One place where people read. `url` is apprise's, and secret: it holds tokens.

    Raises WrongSettingError for a kind that is not in SCHEMES, a URL that apprise cannot read, or an unknown event.
    """

    name: str
    url: str = field(repr=False)
    language: Language = "en"
    events: tuple[str, ...] = USUAL_EVENTS
    ordered: bool = False

    def __post_init__(self) -> None:
        import apprise  # where there is no channel, nobody waits for its hundred plugins

        scheme = urlsplit(self.url).scheme
        if scheme not in SCHEMES:
            raise WrongSettingError(f"url of channel {self.name}", f"{scheme}://…", f"choose of {', '.join(SCHEMES)}")
        if not isinstance(apprise.Apprise.instantiate(self.url, suppress_exceptions=True), apprise.NotifyBase):
            fix = f"see the form of {scheme}:// in apprise's documentation"
            raise WrongSettingError(f"url of channel {self.name}", f"{scheme}://(hidden)", fix)
        unknown = set(self.events) - set(EVENTS)
        if unknown:
            raise WrongSettingError(f"events of channel {self.name}", sorted(unknown), f"choose of {', '.join(EVENTS)}")

    def wants(self, event_type: str) -> bool:
        """Whether it is told of such events."""
        return event_type in self.events


class ChannelSender:
    """Sends to channels in threads of its own: apprise waits where we do not."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="channel")

    async def post(self, channel: Channel, claimed: Claimed) -> None:
        """Returns when the channel has taken it; raises UnreachableError otherwise, and apprise logs why.

        apprise gives a connection 4 s and an answer 4 s, so that no thread is lost to a host that hangs.
        """
        taken = await asyncio.get_running_loop().run_in_executor(self._threads, _notify, channel, claimed)
        if not taken:
            raise UnreachableError(f"channel {channel.name} did not take it; the log of apprise says why")

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown()


def _notify(channel: Channel, claimed: Claimed) -> bool:
    import apprise

    from alerts.delivery.messages import message, parsed

    told = message(parsed(claimed.body), channel.language)
    html = urlsplit(channel.url).scheme in _HTML
    notifier = apprise.Apprise()
    if not notifier.add(channel.url):
        return False
    sent = notifier.notify(
        title=told.title,
        body=told.html if html else told.text,
        body_format=apprise.NotifyFormat.HTML if html else apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    )
    return bool(sent)
