"""`yuqing migrate`."""

from __future__ import annotations

from deploy.services import open_services
from deploy.settings import Settings

__all__ = ["migrate_database"]


def migrate_database(settings: Settings) -> int:
    """Brings the database to the newest schema and says from where to where. Raises StorageError.

    The sessions of the configured markets come with it.
    """
    from deploy.market_days import fill_market_sessions
    from deploy.roles import now
    from storage.connection import connect
    from storage.schema import migrate, revision

    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        before = revision(engine)
        after = migrate(engine)
        filled = fill_market_sessions(settings, engine, now().date())
        engine.dispose()
    print(f"The schema is at revision {after}" + (" already." if before == after else f", from {before or 'nothing'}."))
    for one in filled:
        print(f"{one.calendar}: sessions until {one.until} ({one.added:,} added, {one.removed:,} removed).")
    return 0
