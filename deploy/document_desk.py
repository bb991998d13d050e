"""What an operator does to single documents: found by id or address, taken out of the sums, erased."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from deploy.errors import UsageError
from deploy.services import Services, open_services, topics_of
from deploy.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.erasure import Found

__all__ = ["Desk", "Erased", "open_desk"]

_BOOKED_S = 30.0


@dataclass(frozen=True)
class Erased:
    """How many rows of what lost the text, and how many deliveries had gone out with it before."""

    rows: dict[str, int]
    sent: int


@dataclass(frozen=True)
class Desk:
    """The services, and whether to wait until the windows stage has booked what was asked for."""

    settings: Settings
    services: Services
    engine: Engine
    wait: bool

    def find(self, named: str) -> Found:
        """The document of an id or an address. Raises UsageError where it is none, or several."""
        from stream.documents import named_id

        return self._known(named_id(named) or self._at(named))

    def take_out(self, found: Found) -> str:
        """Publishes the takedown of a document that counts: "taken out" once it is booked, "pending" until then.

        "out before" where nothing of it counts. Raises PublishError.
        """
        from deploy.roles import now
        from stream.takedowns import take_down

        if found.withdrawn_at is not None:
            return "out before"
        at = now()
        take_down(
            self.services.kafka,
            topics_of(self.settings),
            found.document_id,
            source=found.source or "yuqing",
            revised_at=max(at, found.revised_at or at),
            now=at,
        )
        return "taken out" if self.wait and self._booked(found.document_id) else "pending"

    def erase(self, found: Found) -> Erased:
        """Erases the text wherever this installation holds it.

        1. Dead letters, while its address is known by which to find them.
        2. The document, its index and what analysts noted of it. From here on nobody reads the text any more.
        3. Alerts and deliveries, which may have copied it until then.
        A death in between leaves the rest to the next call.
        """
        import alerts.erasure
        import storage.erasure
        import stream.dead_letter_erasure
        from deploy.intake_parts import limits_of
        from deploy.roles import now

        limits = limits_of(self.settings)
        with self.engine.begin() as connection:
            letters = stream.dead_letter_erasure.erase(connection, found.document_id, found.url, limits=limits)
        with self.engine.begin() as connection:
            texts = storage.erasure.erase(connection, found.document_id, now=now())
        with self.engine.begin() as connection:
            shown = alerts.erasure.erase(connection, found.document_id)
        rows = {**asdict(texts), "dead_letters": letters, "alerts": shown.alerts, "deliveries": shown.deliveries}
        return Erased(rows, shown.sent)

    def _at(self, url: str) -> UUID:
        from storage import erasure

        if "://" not in url:
            fix = "an id looks like 6e3a2f5e-7f0c-4a53-9a0b-0d5c6f1f9a11, an address begins with http:// or https://"
            raise UsageError(f"{url!r} is neither the id nor the address of a document.", fix=fix)
        with self.engine.connect() as connection:
            ids = erasure.ids_at(connection, url)
        if not ids:
            fix = "what was taken down or erased has no address any more: name it by its id, as alert_documents has it"
            raise UsageError(f"no document that counts has the address {url}.", fix=fix)
        if len(ids) > 1:
            told = ", ".join(map(str, ids))
            raise UsageError(f"{len(ids)} documents have the address {url}: {told}.", fix="name one by its id")
        return ids[0]

    def _known(self, document_id: UUID) -> Found:
        from storage import erasure

        with self.engine.connect() as connection:
            found = erasure.find(connection, document_id)
        if found is None:
            fix = (
                "look it up in the table documents; one that is yet to come is taken down by a record that retracts it"
            )
            raise UsageError(f"there is no document {document_id}.", fix=fix)
        return found

    def _booked(self, document_id: UUID) -> bool:
        from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

        def withdrawn_at() -> datetime | None:
            return self._known(document_id).withdrawn_at

        absent = retry_if_result(lambda at: at is None)
        try:
            Retrying(retry=absent, stop=stop_after_delay(_BOOKED_S), wait=wait_fixed(0.2))(withdrawn_at)
        except RetryError:
            return False
        return True


@contextmanager
def open_desk(settings: Settings, *, wait: bool | None) -> Iterator[Desk]:
    """`wait` None means: where somebody reads the log, which roles of this machine or, with services set, others do."""
    from deploy.role_process import running_roles
    from storage.connection import connect

    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        try:
            somebody_reads = not settings.embedded or bool(running_roles(settings.state_folder))
            yield Desk(settings, services, engine, somebody_reads if wait is None else wait)
        finally:
            engine.dispose()
