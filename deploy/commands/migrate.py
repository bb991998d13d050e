"""`yuqing migrate`."""

from __future__ import annotations

from deploy.services import open_services
from deploy.settings import Settings

__all__ = ["migrate_database"]


def migrate_database(settings: Settings) -> int:
    """Brings the database to the newest schema and says from where to where. Raises StorageError."""
    from storage.connection import connect
    from storage.schema import migrate, revision

    with open_services(settings) as services:
        engine = connect(services.database_url, pool_size=1)
        before = revision(engine)
        after = migrate(engine)
        engine.dispose()
    print(f"The schema is at revision {after}" + (" already." if before == after else f", from {before or 'nothing'}."))
    return 0
