"""Cursors come back as what they were made of; anything else is refused, never an error of ours."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.api import cursors
from alerts.api.problems import ProblemError

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(TIMES, st.uuids())
def test_a_key_comes_back(at: datetime, id: UUID):
    assert cursors.unpack(cursors.pack(at, id)) == (at, id)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_a_text_comes_back(key: str):
    assert cursors.unpack_text(cursors.pack_text(key)) == key


def test_no_cursor_is_the_beginning():
    assert (cursors.unpack(""), cursors.unpack_text("")) == (None, "")


@given(st.text(st.sampled_from("AZaz09-_"), min_size=1, max_size=60))
def test_anything_else_is_a_cursor_or_refused(text: str):
    for unpack in (cursors.unpack, cursors.unpack_text):
        with suppress(ProblemError):
            unpack(text)


@pytest.mark.parametrize("forged", ["AA", "gA", "kZ", "k84AAAAAAAAAAA"])
def test_what_was_cut_or_made_up_is_refused(forged: str):
    with pytest.raises(ProblemError) as refused:
        cursors.unpack(forged)
    assert refused.value.problem.status == 400
