"""Names by all documents that have any, not by bad news alone. Older programs use the new index as they did the old."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the SQL file next to this one."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    driver.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
