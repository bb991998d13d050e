"""What a document adds to which trend rows, and that no order or split of documents changes a sum."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

from book_records import NOON, a_document, a_mention
from hypothesis import given
from hypothesis import strategies as st

from storage.trend_rows import TrendRow
from storage.trend_sums import Key, Sums, add_up, minute_of


def test_a_document_counts_for_the_market_and_each_company_and_there_for_any_topic_and_each_of_its_topics():
    document = a_document("one", 0, topics=("legal", "credit"), mentions=(a_mention("acme"), a_mention("zeta")))

    rows = {(key.entity_id, key.topic): sums.documents for key, sums in add_up([document])}

    assert rows == {(entity, topic): 1 for entity in ("*", "acme", "zeta") for topic in ("*", "credit", "legal")}


def test_the_market_takes_the_sentiment_of_the_document_and_a_company_the_one_toward_it():
    document = a_document(
        "two", 0, sentiment="negative", score_micro=-900_000, mentions=(a_mention("rival", "positive", 400_000),)
    )

    rows = {key.entity_id: sums for key, sums in add_up([document])}

    assert rows["*"] == Sums(1, 1, 1, 0, 0, 1, -900_000)
    assert rows["rival"] == Sums(1, 1, 0, 0, 1, 0, 400_000)


def test_a_reprint_counts_as_document_but_not_as_story():
    [(_, sums)] = add_up([a_document("again", 0, novelty="reprint")])

    assert (sums.documents, sums.negative, sums.stories, sums.negative_stories) == (1, 1, 0, 0)


def test_a_company_or_topic_named_twice_counts_once_and_its_first_mention_stands():
    document = a_document(
        "twice",
        0,
        topics=("legal", "legal"),
        mentions=(a_mention("acme", "negative", -5), a_mention("acme", "positive")),
    )

    rows = {(key.entity_id, key.topic): sums for key, sums in add_up([document])}

    assert rows["acme", "legal"] == Sums(1, 1, 1, 0, 0, 1, -5)


def test_minutes_are_cut_in_utc_whatever_the_zone():
    nepal = timezone(timedelta(hours=5, minutes=45))

    assert minute_of(datetime(2024, 5, 6, 17, 45, 59, 999_999, tzinfo=nepal)) == NOON


def test_rows_come_sorted_by_key_so_that_workers_lock_them_in_one_order():
    documents = [a_document(n, n, minute=9 - n, mentions=(a_mention(f"e{n % 3}"),)) for n in range(9)]

    keys = [key for key, _ in add_up(documents)]

    assert keys == sorted(keys)


DOCUMENTS = st.lists(
    st.builds(
        lambda offset, minute, sentiment, novelty, score, topics, companies: a_document(
            offset,
            offset,
            minute=minute,
            sentiment=sentiment,
            novelty=novelty,
            score_micro=score,
            topics=tuple(topics),
            mentions=tuple(a_mention(company, sentiment, score) for company in companies),
        ),
        st.integers(0, 50),
        st.integers(0, 3),
        st.sampled_from(("negative", "neutral", "positive")),
        st.sampled_from(("new", "reprint", "same")),
        st.integers(-(10**6), 10**6),
        st.sets(st.sampled_from(("legal", "credit"))),
        st.sets(st.sampled_from(("acme", "zeta", "中信"))),
    ),
    max_size=20,
)


@given(DOCUMENTS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_any_order_and_any_split_add_up_to_the_same(documents, random, size):
    shuffled = random.sample(documents, len(documents))
    totals: dict[Key, Counter[str]] = {}
    for start in range(0, len(shuffled), size):
        for key, sums in add_up(shuffled[start : start + size]):
            totals.setdefault(key, Counter()).update(sums._asdict())

    # Counter drops nothing on update, so a sum of zero compares too.
    assert {key: dict(total) for key, total in totals.items()} == {k: s._asdict() for k, s in add_up(documents)}


@given(DOCUMENTS)
def test_sentiments_partition_the_documents_and_stories_never_exceed_them(documents):
    for _, sums in add_up(documents):
        assert sums.negative + sums.neutral + sums.positive == sums.documents
        assert sums.negative_stories <= min(sums.stories, sums.negative)
        assert abs(sums.score_micro) <= sums.documents * 10**6


def test_a_row_tells_its_mean_score_and_negative_share():
    row = TrendRow("acme", "*", NOON, "m1", 4, 3, 3, 1, 0, 2, -2_000_000, 1, NOON, False)

    assert row.mean_score == -0.5
    assert row.negative_share == 0.75
