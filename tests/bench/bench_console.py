"""How quick the console and the API are with many alerts stored: python tests/bench/bench_console.py --help

An embedded PostgreSQL gets 100,000 alerts, a fiftieth of them active, and 20,000 documents; then each page is asked
for over HTTP, and the inbox is opened in Chromium where the machine has one. Times are of the client, in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]


from bench_ingest import embedded, fresh_database, made, work  # noqa: E402
from browser import CHROMIUM, Visitor, chromium, served  # noqa: E402
from console_stage import ConsoleStage, stage_console, wall_clock  # noqa: E402

from storage.connection import connect  # noqa: E402
from storage.ingest import Ingest  # noqa: E402
from storage.schema import migrate  # noqa: E402
from storage.search_index import index_waiting  # noqa: E402

_ALERTS = text(
    """
    INSERT INTO alerts (alert_id, entity_id, detector, status, severity, first_bucket, last_bucket, horizon_s, observed,
                        expected, p_value, evidence, opened_at, updated_at, resolved_at, episode)
    SELECT gen_random_uuid(), 'company-' || n, 'negative_surge',
           CASE WHEN n % 50 = 0 THEN 'firing' ELSE 'resolved' END,
           (ARRAY['watch', 'warning', 'critical'])[1 + n % 3], at, at + interval '1 hour', 3600, 9, 0.7, 1e-9,
           (SELECT evidence FROM alerts LIMIT 1), at, at, CASE WHEN n % 50 = 0 THEN NULL ELSE at END,
           CASE WHEN n % 50 = 0 THEN 'open' ELSE 'over' END
    FROM (SELECT n, timestamptz '2023-01-01 00:00Z' + n * interval '5 minutes' AS at
          FROM generate_series(1, :count) n) numbered
    """
)


def fill(engine: Engine, alerts: int, documents: int) -> ConsoleStage:
    """The stage's own alerts and documents, and many more."""
    migrate(engine)
    staged = stage_console(engine)
    ingest = Ingest(engine, allowed_lateness=timedelta(minutes=5), clock=wall_clock)
    work(ingest, made(documents, 1), 2000)
    while index_waiting(engine):
        pass
    with engine.begin() as connection:
        connection.execute(_ALERTS, {"count": alerts})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return staged


def ask(client: httpx.Client, path: str, times: int) -> str:
    """Median and worst of so many requests."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        answer = client.get(path)
        answer.raise_for_status()
        taken.append((time.perf_counter() - started) * 1000)
    return f"{path[:60]:<60} {statistics.median(taken):7.0f} {max(taken):7.0f} {len(answer.content) / 1024:7.0f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--alerts", type=int, default=100_000)
    arguments.add_argument("--documents", type=int, default=20_000)
    arguments.add_argument("--times", type=int, default=20)
    given = arguments.parse_args()
    with embedded() as server, fresh_database(server) as url:
        engine = connect(url)
        staged = fill(engine, given.alerts, given.documents)
        with served(staged) as address:
            client = httpx.Client(base_url=address, timeout=60, follow_redirects=True, headers={"Origin": address})
            client.post("/login", data={"token": staged.tokens["analyst"]})
            api = httpx.Client(
                base_url=address, timeout=60, headers={"Authorization": f"Bearer {staged.tokens['analyst']}"}
            )
            print(f"{'':<60} {'median':>7} {'worst':>7} {'KiB':>7}")
            for path in ("/", "/?show=all", "/?show=all&q=company-77", f"/alerts/{staged.alert_id()}", "/stories",
                         "/stories?q=word7+word11", "/companies", "/companies/acme", "/watchlist?name=Acme+trouble",
                         "/watchlist?name=word7+word11&aliases=word7", "/system"):  # fmt: skip
                print(ask(client, path, given.times), flush=True)
            for path in ("/api/v1/alerts?limit=200", "/api/v1/documents?q=word7", "/api/v1/trends?step=1h"):
                print(ask(api, path, given.times), flush=True)
            if CHROMIUM:
                print(f"{'/ in Chromium, until everything is loaded':<60} {_in_chromium(staged, address, given.times)}")
        engine.dispose()


def _in_chromium(staged: ConsoleStage, address: str, times: int) -> str:
    taken = []
    with chromium() as browser, Visitor(browser, address, staged).visit() as (page, _):
        for _ in range(times):
            page.goto("/", wait_until="load")
            taken.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    return f"{statistics.median(taken):7.0f} {max(taken):7.0f}"


if __name__ == "__main__":
    main()
