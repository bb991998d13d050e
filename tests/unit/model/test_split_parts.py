"""Near duplicates lie on one side of a split, whatever the order of rows."""

from __future__ import annotations

import random

from model.splits import group, near_duplicates, normalise, parts, split

_WORDS = "amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh north ocean plain quarry ridge"
_RNG = random.Random(1)
TEXTS = [" ".join(_RNG.sample(_WORDS.split(), 8)) for _ in range(160)]


def test_links_digits_case_and_signs_make_no_difference() -> None:
    assert normalise("$ACME up 3.5% https://t.example/x1") == normalise("acme UP 12 %!")
    assert normalise("涨3%。") == "涨"


def test_equal_after_normalising_is_one_group() -> None:
    assert group(["Acme falls 3%", "Other news entirely here", "ACME FALLS 12%!"]) == [0, 1, 0]


def test_a_long_common_beginning_is_one_group() -> None:
    start = "The board of Acme said on Tuesday evening in a filing that "
    assert group([start + "it will sell", start + "nobody will ever leave the company again"]) == [0, 0]


def test_a_few_changed_words_in_a_long_text_are_one_group() -> None:
    body = "the quick brown company jumped over the lazy regulator while analysts watched and quietly took many notes "
    assert group(["Today " + body * 2 + "in Oslo", "Friday " + body * 2 + "in Rome"]) == [0, 0]


def test_different_texts_stay_apart() -> None:
    assert (
        near_duplicates(["Acme opens a factory in Spain", "Fed leaves rates alone", "公司股价大涨", "银行亏损扩大"])
        == 0
    )


def test_text_without_letters_is_not_all_one_group() -> None:
    assert group(["123", "🚀🚀", "123"]) == [0, 1, 0]


def test_parts_do_not_depend_on_order() -> None:
    before = dict(zip(TEXTS, split(TEXTS), strict=True))
    shuffled = random.Random(4).sample(TEXTS, len(TEXTS))
    assert dict(zip(shuffled, split(shuffled), strict=True)) == before


def test_parts_cover_everything_once_in_about_the_asked_shares() -> None:
    found = parts(TEXTS, seed=1)
    assert sorted(place for places in found.values() for place in places) == list(range(len(TEXTS)))
    assert 0.6 < len(found["train"]) / len(TEXTS) < 0.95
    assert found["dev"]
    assert found["test"]


def test_another_seed_is_another_split() -> None:
    assert split(TEXTS, seed=0) != split(TEXTS, seed=1)


def test_no_group_is_cut() -> None:
    doubled = TEXTS + [text.upper() + "!" for text in TEXTS]
    chosen = split(doubled)
    assert chosen[: len(TEXTS)] == chosen[len(TEXTS) :]
