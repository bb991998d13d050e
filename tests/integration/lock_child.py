"""A process that is in the middle of an alert engine's transaction: `lock_child.py DATABASE_URL`."""

from __future__ import annotations

import sys

from sqlalchemy import func, select

from alerts.engine import LOCK
from deploy.alert_parts import FAILOVER_S
from storage.connection import connect

if __name__ == "__main__":
    with connect(sys.argv[1], idle_transaction_s=FAILOVER_S).begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        print("locked", flush=True)
        sys.stdin.read()
