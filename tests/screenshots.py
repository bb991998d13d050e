"""Takes the pictures of the console that the README shows: python tests/screenshots.py docs/pictures

An embedded PostgreSQL gets a week of invented news about invented companies, a surge of bad ones at its end, and the
product's own alert engine; the pages are then opened in Chromium. Nothing in them is drawn by hand.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "bench"), str(HERE / "integration"), str(HERE.parent)]

from alert_stage import Stage, Story  # noqa: E402
from bench_ingest import embedded, fresh_database  # noqa: E402
from browser import CHROMIUM, Visitor, chromium, served  # noqa: E402
from console_stage import ConsoleStage, on_database, wall_clock  # noqa: E402
from sqlalchemy import Engine, insert  # noqa: E402

from alerts.explaining import Explaining  # noqa: E402
from deploy.alert_words import WordsOfModel  # noqa: E402
from model.artefact import COMMITTED  # noqa: E402
from storage.connection import connect  # noqa: E402
from storage.schema import migrate  # noqa: E402
from storage.search_index import index_waiting  # noqa: E402
from storage.tables import entities  # noqa: E402

COMPANIES = [
    ("harbour", "Harbourgate Bank", ("banks", "home market"), "HGB"),
    ("lumen", "Lumen Freight", ("transport", "home market"), "LMF"),
    ("qinghe", "青禾能源", ("energy", "home market"), "600999"),
    ("orchard", "Orchard Foods", ("consumer", "home market"), "ORF"),
]
CALM = ("{0} reports on its quarter", "{0} names a new head of operations", "Analysts on {0}: no surprises")
BAD = (
    "{0} delays its annual report, auditor resigns",
    "Depositors queue at branches of {0}",
    "Regulator opens an inquiry into {0}",
    "{0} cut to junk by two agencies",
    "Shares of {0} fall by a third",
    "{0} seeks emergency funding, sources say",
    "Trading in {0} halted",
)
BAD_ZH = ("{0}年报延期，审计机构辞任", "监管部门对{0}立案调查", "{0}评级遭下调", "{0}股价大跌", "{0}寻求紧急融资")


def fill(engine: Engine) -> ConsoleStage:
    """The made-up week; the same each time."""
    migrate(engine)
    stage = Stage(engine)
    drawn = random.Random(7)
    with engine.begin() as connection:
        for entity_id, name, groups, ticker in COMPANIES:
            row = {"entity_id": entity_id, "name": name, "aliases": [name.split()[0]], "tickers": [ticker]}
            connection.execute(insert(entities), row | {"groups": list(groups)})
    calm = []
    for hour in range(-24 * 7, 1):
        for entity_id, name, _, _ in COMPANIES:
            for _ in range(drawn.choice((0, 1, 1, 2))):
                bad = drawn.random() < 0.03
                title = drawn.choice(BAD if bad else CALM).format(name)
                sentiment, score = ("negative", -0.7) if bad else ("neutral", 0.05)
                calm.append(Story(hour * 60 + drawn.random() * 60, entity_id, sentiment, title=title, score=score))
    stage.publish(*sorted(calm, key=lambda story: story.minute))
    for entity_id, name, titles, start in (
        ("harbour", "Harbourgate Bank", BAD, 20), ("qinghe", "青禾能源", BAD_ZH, 50),
    ):  # fmt: skip
        stage.publish(
            *(
                Story(start + 6 * n, entity_id, title=title.format(name), score=-0.95 + 0.03 * n)
                for n, title in enumerate(titles)
            ),
            *(Story(start + 3 + 6 * n, entity_id, title=titles[0].format(name), novelty="reprint") for n in range(3)),
        )
    stage.later(120)
    stage.engine().once()
    Explaining(engine, lambda: WordsOfModel(COMMITTED), wall_clock).once()
    index_waiting(engine)
    return on_database(engine)


def take(staged: ConsoleStage, folder: Path) -> None:
    """Inbox, alert, company, and a phone in the dark and in Chinese."""
    staged.parts.desk.acknowledge(staged.alert_id("qinghe"), actor="Mei", reason="with the desk")
    staged.tokens["analyst"] = staged.token("analyst", name="Ada")
    with served(staged) as address, chromium() as browser:
        visitor = Visitor(browser, address, staged)
        wide = {"viewport": {"width": 1000, "height": 760}, "device_scale_factor": 1}
        with visitor.visit(**wide) as (page, _):
            page.keyboard.press("j")
            page.screenshot(path=folder / "inbox.png")
            page.goto(f"/alerts/{staged.alert_id('harbour')}")
            page.screenshot(path=folder / "alert.png", full_page=True)
            page.goto("/companies/harbour")
            page.screenshot(path=folder / "company.png")
        phone = {"viewport": {"width": 390, "height": 760}, "color_scheme": "dark", "locale": "zh-CN"}
        with visitor.visit(**phone) as (page, _):
            page.goto(f"/alerts/{staged.alert_id('harbour')}")
            page.screenshot(path=folder / "phone.png")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    given = arguments.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium fonts-noto-cjk")
    given.folder.mkdir(parents=True, exist_ok=True)
    with embedded() as server, fresh_database(server) as url:
        engine = connect(url)
        take(fill(engine), given.folder)
        engine.dispose()


if __name__ == "__main__":
    main()
