"""The market by the hour, kept by a trigger, so that programs of any version keep it. Takes nothing away."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the SQL file next to this one."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    driver.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
