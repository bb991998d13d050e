"""Alembic scripts. They are frozen once released: a change of the tables is a new revision."""
