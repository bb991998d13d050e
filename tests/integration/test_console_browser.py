"""The console in a real Chromium: keys, news without reloading, no script, a phone, a dark room, a screen reader."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, Visitor, chromium, served
from console_stage import ConsoleStage
from playwright.sync_api import Page, expect

from alerts.reading.alert_list import find_alert

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def visitor(console: ConsoleStage) -> Iterator[Visitor]:
    with served(console) as address, chromium() as browser:
        yield Visitor(browser, address, console)


@pytest.fixture
def acting(visitor: Visitor, own_console: ConsoleStage) -> Iterator[Visitor]:
    """For tests that change something: a console of their own in the same browser."""
    with served(own_console) as address:
        yield Visitor(visitor.browser, address, own_console)


def pages(staged: ConsoleStage) -> list[str]:
    return [
        "/",
        f"/alerts/{staged.alert_id()}",
        f"/alerts/{staged.alert_id('beta')}",
        "/companies/acme",
        "/stories",
        "/companies",
        "/watchlist?name=Acme&aliases=Acme+trouble&tickers=BET&groups=banks",
        "/watchlist?name=Moss&aliases=Acme+Ltd",
        "/watchlist?entity_id=beta",
        "/watchlist/entries",
        "/system",
        "/logins",
    ]


def status(staged: ConsoleStage, entity_id: str) -> str:
    with staged.database.connect() as connection:
        found = find_alert(connection, staged.alert_id(entity_id))
        assert found is not None
        return found.status


def test_no_page_breaks_its_own_policy_runs_foreign_text_or_asks_elsewhere(visitor: Visitor):
    with visitor.visit() as (page, wrong):
        for path in pages(visitor.staged):
            page.goto(path)
            expect(page.locator("h1")).to_be_visible()
            expect(page.locator("#live-state")).to_have_text("live")
        assert wrong == []


@pytest.mark.parametrize(("scheme", "options"), [("light", {}), ("dark", {"runOnly": ["color-contrast"]})])
def test_no_page_has_a_serious_fault_of_accessibility(visitor: Visitor, scheme: str, options: dict[str, list[str]]):
    found = []
    with visitor.visit(color_scheme=scheme, bypass_csp=True) as (page, _):
        paths = ["/login", *pages(visitor.staged)] if scheme == "light" else pages(visitor.staged)[:2]
        for path in paths:
            page.goto(path)
            results = Axe().run(page, options={"resultTypes": ["violations"]} | options).response["violations"]
            found += [
                (path, each["id"], [node["html"][:120] for node in each["nodes"][:3]])
                for each in results
                if each["impact"] in ("serious", "critical")
            ]
    assert found == []


def test_the_check_of_accessibility_finds_what_is_wrong(visitor: Visitor):
    with visitor.visit(bypass_csp=True) as (page, _):
        page.locator("label[for=q]").evaluate("label => label.remove()")
        found = Axe().run(page).response["violations"]
    assert "label" in [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def test_keys_choose_an_alert_answer_it_and_take_the_answer_back(acting: Visitor):
    with acting.visit() as (page, wrong):
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.locator("[data-alert][data-selected]")).to_contain_text("Acme Ltd")
        page.keyboard.press("k")
        page.keyboard.press("j")
        page.keyboard.press("a")
        expect(page.get_by_text("Acknowledged.")).to_be_visible()
        assert status(acting.staged, "acme") == "acknowledged"
        page.wait_for_load_state()  # of the page that answered: keys are heard when its script is there
        page.keyboard.press("u")
        expect(page.get_by_text("Taken back.")).to_be_visible()
        assert (status(acting.staged, "acme"), wrong) == ("firing", [])


def test_keys_open_an_alert_call_it_false_and_show_help(acting: Visitor):
    with acting.visit() as (page, _):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts/*")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("f")  # within the help a key is no order
        page.keyboard.press("Escape")
        assert status(acting.staged, "beta") == "firing"
        page.keyboard.press("?")
        page.keyboard.press("Escape")
        page.keyboard.press("f")  # at once: the help is closed, though it has the focus for a moment yet
        expect(page.get_by_text("Noted as a false alarm")).to_be_visible()
        assert status(acting.staged, "beta") == "resolved"


def test_what_a_colleague_does_shows_by_itself_and_is_announced(acting: Visitor):
    with acting.visit() as (page, wrong):
        expect(page.locator("#live-state")).to_have_text("live")
        page.keyboard.press("j")
        chosen = page.locator("[data-alert][data-selected]").get_attribute("id")
        acting.staged.parts.desk.acknowledge(acting.staged.alert_id(), actor="ada")
        row = page.locator(f"#a-{acting.staged.alert_id()}")
        expect(row.locator(".status")).to_have_text("acknowledged")
        expect(page.locator("#announcements")).to_have_text("Acme Ltd: acknowledged")
        assert page.locator("[data-alert][data-selected]").get_attribute("id") == chosen
        assert wrong == []


def test_without_script_everything_works(acting: Visitor):
    with acting.visit(java_script_enabled=False) as (page, _):
        page.get_by_role("link", name="Acme Ltd").click()
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("Acknowledged.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Taken back.")).to_be_visible()
    assert status(acting.staged, "acme") == "firing"


def test_on_a_phone_nothing_is_cut_off_and_buttons_are_large_enough(visitor: Visitor):
    with visitor.visit(viewport={"width": 360, "height": 740}, has_touch=True) as (page, _):
        for path in pages(visitor.staged):
            page.goto(path)
            assert wider_than_the_screen(page) == 0, path
        page.goto("/")
        heights = [box["height"] for button in page.locator(".answers button").all() if (box := button.bounding_box())]
        assert len(heights) == 8
        assert min(heights) >= 40


def test_words_that_moved_the_model_are_marked_without_colour_and_said_in_a_line(visitor: Visitor):
    with visitor.visit(path=f"/alerts/{visitor.staged.alert_id()}", forced_colors="active") as (page, wrong):
        marks = page.locator(".evidence li").first.locator("mark.telling")
        expect(marks.first).to_be_visible()
        lines = marks.evaluate_all("marks => marks.map(mark => getComputedStyle(mark).textDecorationLine)")
        assert set(lines) == {"underline"}
        told = page.get_by_text("Words that made it negative")
        for text in marks.all_inner_texts():
            expect(told).to_contain_text(text)
        assert wrong == []


def test_what_became_of_similar_alerts_is_a_table_that_a_screen_reader_can_read(acting: Visitor):
    path = f"/alerts/{acting.staged.alert_id()}"
    acting.staged.earlier("acme", 40)
    with acting.visit(path=path, bypass_csp=True) as (page, _):
        table = page.get_by_label("Similar alerts before")
        expect(table.get_by_role("rowheader", name="Acme Ltd")).to_be_visible()
        expect(table.get_by_role("cell", name="went quiet by itself")).to_be_visible()
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
        assert wider_than_the_screen(page) == 0


def test_the_numbers_behind_a_comparison_can_be_read_as_a_table(visitor: Visitor):
    with visitor.visit("viewer", "/companies/acme") as (page, wrong):
        page.locator("#beside summary").press("Enter")
        table = page.locator("#beside").get_by_role("table")
        expect(table).to_have_accessible_name(re.compile("steps of six hours"))
        expect(table.get_by_role("columnheader", name="lenders")).to_be_visible()
        expect(table.get_by_role("row", name=re.compile("^The whole week"))).to_contain_text("88 %")
        assert table.get_by_role("row").count() == 31
        assert wrong == []


def test_an_entry_is_tried_with_the_keyboard_and_gives_its_line(visitor: Visitor):
    with visitor.visit("viewer", "/companies") as (page, wrong):
        page.get_by_role("link", name="Add an entry, or try one").click()
        page.wait_for_url("**/watchlist")
        page.wait_for_load_state()  # keys are heard when its script is there
        page.keyboard.press("/")
        page.keyboard.type("Acme Trouble")
        page.keyboard.press("Tab")
        page.keyboard.type("Söhne|Acme")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Would have matched")).to_be_visible()
        expect(page.locator("code.line")).to_have_text("acme-trouble,Acme Trouble,Söhne|Acme,,,")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Acme Trouble")
        expect(page.get_by_label("Each name by itself").get_by_role("row")).to_have_count(4)
        assert page.locator("ol.evidence li").count() == 10
        assert wrong == []


def test_an_entry_is_saved_and_taken_back_with_the_keyboard(acting: Visitor):
    with acting.visit(path="/watchlist/entries", bypass_csp=True) as (page, wrong):
        page.get_by_role("link", name="Add an entry, or try one").press("Enter")
        page.wait_for_url("**/watchlist")
        page.wait_for_load_state()  # keys are heard when its script is there
        page.keyboard.press("/")
        page.keyboard.type("Acme Trouble")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Save to the watch list").press("Enter")
        expect(page.get_by_text("acme-trouble is on the list.")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Acme Trouble")).to_be_visible()
        assert serious_faults(page) == []
        page.wait_for_load_state()
        page.keyboard.press("u")
        expect(page.get_by_text("Taken back: acme-trouble")).to_be_visible()
        expect(page.get_by_text("None so far.")).to_be_visible()
        assert wrong == []


def test_what_is_wrong_with_an_entry_is_told_with_its_field(visitor: Visitor):
    with visitor.visit(path="/watchlist") as (page, wrong):
        page.get_by_label("Name", exact=True).fill("Moss")
        page.get_by_label("Other names").fill("Acme Ltd")
        page.get_by_role("button", name="Try", exact=True).click()
        field = page.get_by_label("Other names")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile("belongs to Acme Ltd"))
        expect(page.get_by_role("button", name=re.compile("^Save"))).to_have_count(0)
        assert wrong == []


def serious_faults(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def test_in_chinese_the_console_speaks_chinese(visitor: Visitor):
    with visitor.visit(locale="zh-CN") as (page, _):
        expect(page.get_by_role("heading", level=1)).to_have_text("告警")
        assert page.locator("html").get_attribute("lang") == "zh-Hans"


def wider_than_the_screen(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
