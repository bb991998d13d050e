"""Names are found where they stand, in pieces as the encoder reads them, and ordinary words are not taken for names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_model import Built

from model.classifier import Classifier
from model.datasets import Row
from model.names import Names, capitalised, exchanged, stands_alone

SENTENCES = [
    "Yesterday the shares of Varnholt fell again",
    "the board of Varnholt said on Monday that it would sell the mill",
    "a mill that Tarnbeck sold is open on Monday, and EBIT rose",
]


def _named(names: Names, text: str) -> set[str]:
    return {text[start:end] for start, end in names.spans(text)}


def test_words_capitalised_inside_of_sentences_are_names_and_no_list_is_asked() -> None:
    assert capitalised(SENTENCES) == {"varnholt", "monday", "tarnbeck"}


def test_neither_headlines_nor_first_words_nor_abbreviations_teach_names() -> None:
    assert not capitalised(
        ["Shares Of The Bank Fall On Profit Warning", "Shares of the bank fall", "the EBIT of banks"]
    )


def test_a_word_that_is_often_small_is_none() -> None:
    assert (
        capitalised(["he met Bill on the way", "the Bill came on a day", "a bill came and the bill was paid"]) == set()
    )


def test_a_name_is_found_however_it_is_written_then() -> None:
    names = Names.of([Row(text) for text in SENTENCES])
    assert _named(names, "varnholt's mill, VARNHOLT and $VHT; mills of Varn") == {"varnholt's", "VARNHOLT", "$VHT"}


@pytest.mark.parametrize(
    ("row", "text", "found"),
    [
        (Row("x", entity="Acme"), "Acme buys Acmeter and 3Acme", {"Acme"}),
        (Row("x", entities="Acme Foods;Oak Bank"), "Oak Bank sues Acme Foods", {"Oak Bank", "Acme Foods"}),
        (Row("海岭股份涨停", entity="海岭股份"), "今天海岭股份上涨，Acme下跌", {"海岭股份"}),
        (Row("海岭股份涨停", entity="海岭股份"), "海岭股份 in English rose today, said the bank", set()),
        (Row("x", entity="NaN"), "NaN is no name", set()),
        (Row("x", entity="of"), "shares of it", set()),
    ],
    ids=["alone", "several", "chinese", "of-its-language", "absent", "too-short"],
)
def test_entities_of_labelled_rows_are_found_where_they_stand_alone(row: Row, text: str, found: set[str]) -> None:
    assert _named(Names.of([row]), text) == found


@given(st.text(max_size=20), st.text(min_size=1, max_size=8), st.text(max_size=20))
def test_a_part_stands_alone_unless_a_latin_letter_or_digit_touches_it(before: str, name: str, after: str) -> None:
    touched = any(one.isascii() and one.isalnum() for one in (before[-1:], after[:1]) if one)
    assert stands_alone(before + name + after, len(before), len(before) + len(name)) != touched


@given(st.text(max_size=60))
def test_every_span_lies_in_its_text(text: str) -> None:
    names = Names({"en": ["Acme", "a b"], "zh": ["公司"]}, ["shares"])
    assert all(0 <= start < end <= len(text) for start, end in names.spans(text))


def test_the_pieces_of_a_name_are_hidden_and_no_others(built: Built) -> None:
    classifier = Classifier.load(built.folder, engine="onnx", threads=1)
    reader = classifier.reader("en")
    names = Names({"en": ["Acme"], "zh": []})
    texts = ["the  bank of Acme raises", "no name at all", ""]
    flags = names.hidden(reader, texts)
    encodings = [reader.tokenizer.encode(reader.shown(text)) for text in texts]
    assert [len(one) for one in flags] == [len(one.ids) for one in encodings]
    assert [one.ids for one in encodings] == [one.ids for one in classifier.encode(texts)]
    hidden = "".join(piece for piece, flag in zip(encodings[0].tokens, flags[0], strict=True) if flag)
    assert hidden.strip("▁") == "Acme"
    assert not flags[1].any()
    assert not flags[2].any()


def test_the_longest_listed_name_is_exchanged_wherever_it_stands_and_nothing_else() -> None:
    names = Names({"en": ["Acme", "Acme Foods", "Oak Bank"]})
    found = names.swapped("Acme Foods buys Acme: Acme Foods, says Xcel", 30, np.random.default_rng(0))
    assert set(found) == {f"{new} buys Acme: {new}, says Xcel" for new in ("Acme", "Acme Foods", "Oak Bank")}


def test_a_text_without_a_listed_name_has_nothing_to_exchange() -> None:
    names = Names({"en": ["Acme"], "zh": []}, ["varnholt"])
    assert names.swapped("Varnholt and Acmeter fall", 4, np.random.default_rng(0)) == []
    assert names.swapped("公司上涨", 4, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Oak rises, Oaken does not, Oak falls", "Elm rises, Oaken does not, Elm falls"),
        ("Oaken rises", "Elmen rises"),
        ("OakOak", "ElmElm"),
        ("公司Oak上涨", "公司Elm上涨"),
    ],
    ids=["alone", "nowhere-alone", "glued", "chinese"],
)
def test_a_name_is_exchanged_where_it_stands_alone_and_else_everywhere(text: str, becomes: str) -> None:
    assert exchanged(text, "Oak", "Elm") == becomes
