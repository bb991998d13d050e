"""Days as markets and people live them. Adds a table and functions and takes nothing away: older programs run on it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the SQL file next to this one."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    driver.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
