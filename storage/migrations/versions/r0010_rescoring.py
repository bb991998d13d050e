"""Past documents scored by another model, and which version the views show. Older programs run on it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the SQL files next to this one, in order."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    for part in ("tables", "views", "as_of"):
        driver.execute(Path(__file__).with_name(f"r0010_rescoring_{part}.sql").read_text("utf-8"))
