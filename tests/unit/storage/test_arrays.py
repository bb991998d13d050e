"""Array literals mean what their values are, however nasty these are. (The integration tests let PostgreSQL judge.)"""

from __future__ import annotations

from datetime import UTC, datetime

from storage.arrays import integers, minutes, texts, times


def test_integers():
    assert integers([1, -2, 2**62]) == "{1,-2,4611686018427387904}"
    assert integers([]) == "{}"


def test_every_text_is_quoted_and_escaped():
    assert texts(["a,b", 'say "no"', "back\\slash", "NULL", "", "{}"]) == (
        r'{"a,b","say \"no\"","back\\slash","NULL","","{}"}'
    )


def test_times_carry_their_zone():
    assert times([datetime(2024, 5, 6, 12, tzinfo=UTC)]) == "{2024-05-06T12:00:00+00:00}"


def test_a_minute_said_often_is_written_as_often():
    noon, later = datetime(2024, 5, 6, 12, tzinfo=UTC), datetime(2024, 5, 6, 12, 1, tzinfo=UTC)
    assert minutes([noon, later, noon]) == times([noon, later, noon])
