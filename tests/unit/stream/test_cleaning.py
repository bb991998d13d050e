"""What a reader would see is kept, everything else goes, and a flag says what went."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cleaning import one_line, plain_text


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<p>Sales <b>ro</b>se.</p><p>Costs fell.</p>", "Sales rose. Costs fell."),
        ("one<br>two<br/>three", "one two three"),
        ("<ul><li>first</li><li>second</li></ul>", "first second"),
        ("<script>alert('x')</script>Profit<style>p{}</style> up", "Profit up"),
        ("<!-- hidden -->Profit up", "Profit up"),
        ("<![CDATA[<p>Profit up</p>]]>", "Profit up"),
        ("<html><head><title>x</title></head><body>Profit up</body></html>", "Profit up"),
        ("&lt;p&gt;Profit up&lt;/p&gt;", "Profit up"),
        ("AT&amp;T&#39;s profit &nbsp; up", "AT&T's profit up"),
        ('see <a href="https://example.org/?utm_source=x">the report</a>', "see the report"),
        ("<div><div>never closed", "never closed"),
        (f"1 &lt; 2 &#{'7' * 5000}; 3 &#x110000; 4", "1 < 2 \ufffd 3 \ufffd 4"),
    ],
)
def test_markup_goes(dirty: str, clean: str) -> None:
    assert plain_text(dirty) == (clean, {"html_removed"})


@pytest.mark.parametrize(
    "text", ["P/E < 10 and yield > 5", "if a<b and c>d", "I <3 dividends", "R&D costs", "AT&T up", "5<6"]
)
def test_signs_that_are_no_markup_stay(text: str) -> None:
    assert plain_text(text) == (text, set())


@pytest.mark.parametrize(
    ("dirty", "clean", "flag"),
    [
        ("pro\x00fit\x07", "profit", "control_removed"),
        ("pro\u200bfit\ufeff", "profit", "invisible_removed"),
        ("\u202epro\u2066fit", "profit", "invisible_removed"),
        ("pro\xadfit", "profit", "invisible_removed"),
        ("half \ud83d emoji", "half emoji", "control_removed"),
    ],
)
def test_characters_that_nobody_sees_go(dirty: str, clean: str, flag: str) -> None:
    assert plain_text(dirty) == (clean, {flag})


@pytest.mark.parametrize(
    ("wide", "normal"),
    [
        ("ＡＢＣ公司净利１２．５％", "ABC公司净利12.5%"),
        ("净利润增长，股价上涨。真的吗？（公告）：是！", "净利润增长，股价上涨。真的吗？（公告）：是！"),
        ("\u3000\u3000公司公告\u3000", "公司公告"),
        ("𝗕𝘂𝘆 ﬁrst", "Buy first"),
        ("Socie\u0301te\u0301", "Société"),
    ],
)
def test_letters_wear_their_ordinary_dress(wide: str, normal: str) -> None:
    assert plain_text(wide)[0] == normal


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("Profit rose. The post Profit rose appeared first on Some Blog.", "Profit rose."),
        ("Profit rose. The post Profit rose first appeared on Some Blog", "Profit rose."),
        ("Profit rose. Read more", "Profit rose."),
        ("Profit rose. Continue reading on our site…", "Profit rose."),
        ("Profit rose. Click here to see the figures.", "Profit rose."),
        ("Profit rose. Sign up for our newsletter!", "Profit rose."),
        ("Profit rose. Follow us on every channel. Share this article", "Profit rose."),
        ("Profit rose [+2310 chars]", "Profit rose"),
        ("Profit rose […]", "Profit rose"),
        ("净利润增长。责任编辑：某某", "净利润增长。"),
        ("净利润增长。（文章来源：某社）", "净利润增长。"),
        ("净利润增长。本文来自某网，欢迎下载APP查看更多", "净利润增长。"),
        ("Profit rose. © 2024 Some Wire. All rights reserved.", "Profit rose."),
        ("净利润增长。点击查看更多", "净利润增长。"),
        ("净利润增长。更多精彩内容，请关注本站公众号", "净利润增长。"),
        ("原标题：净利润增长", "净利润增长"),
        ("N/A", ""),
        ("https://example.org/a?utm_source=x&id=7&utm_medium=y up", "https://example.org/a?id=7 up"),
    ],
)
def test_boilerplate_goes(dirty: str, clean: str) -> None:
    assert plain_text(dirty) == (clean, {"boilerplate_removed"})


def test_lines_of_buttons_go() -> None:
    text, flags = plain_text("<p>Profit rose.</p><p>Advertisement</p><p>Share</p><p>Costs fell.</p>")
    assert text == "Profit rose. Costs fell."
    assert "boilerplate_removed" in flags


@pytest.mark.parametrize(
    "text",
    [
        "Read more books, says minister",
        "Readers want more here",
        "How to sign up for the beta",
        "A case of copyright infringement",
        "Read more",
        "来源多样的收入增长",
    ],
)
def test_text_that_only_looks_like_boilerplate_stays(text: str) -> None:
    assert plain_text(text)[0] == text


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 100_000,
        "<svg><svg " * 50_000,
        "<script>" * 100_000,
        "<a " * 200_000,
        "<a href=" * 100_000,
        "<!--" * 200_000,
        "&amp;" * 200_000,
        "The post " * 100_000,
        " " * 1_000_000,
        "[…] " * 200_000,
        "\u200b" * 500_000,
        "\ufdfa" * 100_000,
    ],
    ids=lambda text: repr(text[:10]),
)
def test_a_megabyte_of_malice_costs_no_minute(hostile: str) -> None:
    start = time.process_time()
    plain_text(hostile)
    assert time.process_time() - start < 5  # quadratic ways took minutes


def test_beyond_a_thousand_tags_markup_still_goes() -> None:
    many = "<p>Profit <b>rose</b>.</p><script>bad()</script>" * 600
    text, flags = plain_text(many + "<script>never closed")
    assert text.split()[:4] == ["Profit", "rose", ".", "Profit"]
    assert "bad" not in text
    assert "never" not in text
    assert flags == {"html_removed"}


def test_a_name_is_one_line_without_hidden_characters() -> None:
    assert one_line(" Some\u202e \n Feed\x00 ") == "Some Feed"


@given(st.text(max_size=300))
def test_plain_text_is_one_visible_line(text: str) -> None:
    plain, _ = plain_text(text)
    assert plain == " ".join(plain.split())
    assert not set(plain) & set("\x00\x07\u200b\u202e\ufeff")
    plain.encode("utf-8")


@given(st.text(alphabet="<>&;ab/!-[] '\"=scriptdv", max_size=120))
def test_no_markup_crashes_it(text: str) -> None:
    plain_text(text)
