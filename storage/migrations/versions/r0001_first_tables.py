"""The first tables, the role that reads, the views it reads, and what each is for."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the three SQL files next to this one, in order."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    for part in ("tables", "views", "reader"):
        driver.execute(Path(__file__).with_name(f"r0001_{part}.sql").read_text("utf-8"))
