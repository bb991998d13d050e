"""The texts of the benches: as many, as long and as different as is promised."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from lengths import drawn
from texts import published, sample, synthetic, text_of

from stream.documents import document_id
from stream.names import NameFinder

UNTIL = datetime(2026, 3, 4, 12, tzinfo=UTC)


@given(st.integers(0, 2**32), st.lists(st.integers(0, 500), min_size=3, max_size=3).map(sorted))
def test_a_drawn_length_lies_between_the_outer_quantiles(seed: int, quantiles: list[int]) -> None:
    assert quantiles[0] <= drawn(random.Random(seed), (0.0, 0.4, 1.0), quantiles) <= quantiles[-1]


def test_drawn_lengths_have_the_quantiles_that_they_are_drawn_from() -> None:
    draw = random.Random(1)
    lengths = [drawn(draw, (0.0, 0.5, 1.0), (10, 50, 300)) for _ in range(4_000)]
    assert 0.47 < sum(length <= 50 for length in lengths) / len(lengths) < 0.53


def test_synthetic_documents_all_differ_and_are_the_same_for_a_seed() -> None:
    documents = list(synthetic(500, seed=4))
    assert documents == list(synthetic(500, seed=4))
    assert len({document_id(one) for one in documents}) == len({text_of(one) for one in documents}) == 500


def test_synthetic_documents_name_companies_of_no_list_as_often_as_news_does() -> None:
    named = [one for one in synthetic(2_000, seed=4) if NameFinder().find(one.title, one.body)]
    assert 0.2 < len(named) / 2_000 < 0.33


def test_a_sample_ends_at_the_moment_asked_for_seven_a_minute() -> None:
    times = [datetime.fromisoformat(one.published_at) for one in sample(15, until=UNTIL, real=False).documents]
    assert times[-1] == UNTIL
    assert abs(UNTIL - times[0] - timedelta(minutes=2)) < timedelta(milliseconds=1)


def test_a_million_documents_fit_into_what_the_broker_keeps() -> None:
    first = next(iter(published(synthetic(1_000_000), 1_000_000, UNTIL)))
    assert UNTIL - datetime.fromisoformat(first.published_at) <= timedelta(days=5)
