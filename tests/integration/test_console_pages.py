"""The console's pages show what is stored, to whom is logged in, in two languages, and hostile text stays text."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from console_stage import HOSTILE, TELLING, ConsoleStage
from fastapi.testclient import TestClient
from markupsafe import escape
from sqlalchemy import update

from storage.tables import entities

PAGES = ("/", "/?show=all", "/stories", "/companies", "/companies/acme", "/companies/beta", "/system")


class Elements(HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def client(console: ConsoleStage) -> TestClient:
    return console.browser()


def pages(console: ConsoleStage) -> list[str]:
    return [*PAGES, f"/alerts/{console.alert_id()}", f"/alerts/{console.alert_id('beta')}", "/login"]


def test_the_inbox_lists_active_alerts_with_their_buttons(client: TestClient, console: ConsoleStage):
    page = Elements(client.get("/").text)
    actions = [attributes["value"] for tag, attributes in page.tags if attributes.get("name") == "action"]

    assert "Acme Ltd" in page.text
    assert page.text.count("6 negative stories in") == 2
    assert actions == ["acknowledge", "snooze", "false_alarm", "resolve"] * 2


def test_an_alert_page_tells_why_and_what_happened(client: TestClient, console: ConsoleStage):
    page = client.get(f"/alerts/{console.alert_id()}").text

    assert "Acme trouble" in page.replace("<mark>", "").replace("</mark>", "")
    assert "<mark>Acme</mark>" in page
    assert "at most 6, while" in page  # the chart says the count that the alert tells
    assert re.search(r'<polygon class="band" points="[\d., ]+"/>', page)
    assert "alert.opened" in page


def test_the_words_that_made_the_first_document_negative_are_marked_and_said(client: TestClient, console: ConsoleStage):
    page = client.get(f"/alerts/{console.alert_id()}").text
    (passage,) = re.findall(r'<p class="passage">(.*?)</p>', page, re.DOTALL)
    marked = re.findall(r'<mark class="telling" title="Made it negative: [^"]+">([^<]+)</mark>', page)
    told = Elements(page).text.split("raises the odds of that:")[1].split("History")[0]

    assert re.sub("</?mark[^>]*>", "", passage) == str(escape(TELLING))
    assert any("defaults" in word or "fraud" in word for word in marked)
    assert all(unescape(word) in told for word in marked)


def test_in_chinese_the_words_are_said_in_chinese(client: TestClient, console: ConsoleStage):
    page = client.get(f"/alerts/{console.alert_id()}", headers={"Accept-Language": "zh"}).text

    assert re.search(r'<mark class="telling" title="使其为负面：胜算 ×\d+\.\d">', page)


def test_a_company_page_has_trend_topics_stories_alerts_and_peers(client: TestClient, console: ConsoleStage):
    page = Elements(client.get("/companies/acme").text)

    assert f"/alerts/{console.alert_id()}" in [attributes.get("href") for _, attributes in page.tags]
    assert {"The last 24 hours", "Topics", "Stories"} <= set(re.split(r"\s*\n\s*", page.text))
    assert "svg" in [tag for tag, _ in page.tags]


def test_a_company_page_compares_it_with_its_group_in_three_charts_and_a_table(client: TestClient):
    page = Elements(client.get("/companies/acme").text)
    told = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]

    assert told[1:] == [
        "Share of negative of Acme Ltd (solid) and of lenders (dashed). Over the week: 88% and 100%.",
        "Documents a company of Acme Ltd (solid) and of lenders (dashed). Over the week: 8.0 and 6.0.",
        "Mean score of Acme Ltd (solid) and of lenders (dashed). Over the week: -0.70 and -0.90.",
    ]
    assert "The whole week8.088 %−0.706.0100 %−0.90" in re.sub(r"\s*\n\s*", "", page.text)


def test_a_company_without_a_group_is_compared_with_nobody(own_console: ConsoleStage):
    with own_console.database.begin() as connection:
        connection.execute(update(entities).values(groups=[]))
    page = own_console.browser().get("/companies/acme?group=lenders").text

    assert "No group of the watch list has it together with others." in page


def test_stories_are_found_and_their_words_are_marked(client: TestClient):
    page = client.get("/stories", params={"q": "降息"}).text

    assert "央行宣布<mark>降息</mark>" in page
    assert "Nothing was found." in client.get("/stories", params={"q": "zzz"}).text


def test_every_page_is_there_in_both_languages(client: TestClient, console: ConsoleStage):
    for path in pages(console):
        for language, tag in (("en", "en"), ("zh", "zh-Hans")):
            answer = client.get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            assert f'<html lang="{tag}">' in answer.text
            assert "undefined" not in answer.text.lower()


def test_a_chosen_language_is_remembered_and_leads_nowhere_else(console: ConsoleStage):
    client = console.browser()
    answer = client.get("/language?to=zh&next=https://evil.example/", follow_redirects=False)

    assert answer.headers["location"] == "/"
    assert "告警" in client.get("/").text


def test_hostile_text_is_text_on_every_page(client: TestClient, console: ConsoleStage):
    seen = 0
    for path in pages(console):
        page = client.get(path).text
        elements = Elements(page)
        scripts = [attributes for tag, attributes in elements.tags if tag == "script"]
        assert scripts == [{"type": "module", "src": "/static/console.js"}], path
        assert "img" not in [tag for tag, _ in elements.tags], path
        for tag, attributes in elements.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, tag)
            for name in ("href", "src", "action", "formaction"):
                address = attributes.get(name) or "/"
                assert address.startswith(("/", "#", "https://news.example/")), (path, address)
        seen += HOSTILE[:20] in elements.text.replace("\n", "")
    assert seen >= 3


def test_a_hostile_search_comes_back_as_text(client: TestClient):
    for path in ("/", "/stories", "/companies"):
        answer = client.get(path, params={"q": "\"><script>alert(1)</script>'; DROP TABLE alerts; --"})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/companies/nobody", "/alerts/00000000-0000-0000-0000-000000000000"])
def test_what_is_not_there_is_said_as_a_page(client: TestClient, path: str):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "There is no such page." in answer.text


@pytest.mark.parametrize("path", ["/?show=some", "/alerts/1", "/?cursor=abc", "/stories?cursor=x", "/?colour=red"])
def test_what_makes_no_sense_is_said_as_a_page(client: TestClient, path: str):
    answer = client.get(path)

    assert answer.status_code in (400, 422)
    assert "That makes no sense." in answer.text


def test_a_viewer_sees_no_buttons(console: ConsoleStage):
    page = Elements(console.browser("viewer").get("/").text)

    assert "Acme Ltd" in page.text
    assert [attributes for _, attributes in page.tags if attributes.get("name") == "action"] == []
