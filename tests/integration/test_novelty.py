"""Stories in a real Redis: what is new, what is a reprint, and that everybody gets the same answer.

A document is told once with its story. A crash may have it told again: the answer must be the first one, or a new story
would turn into its own reprint and vanish from the counts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError

from stream.novelty import Place, StoryIndex, StoryItem

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SALE = (
    "The regional lender said on Thursday that it would sell new shares worth two billion dollars to cover losses on "
    "its bond portfolio, and its stock lost more than half of its value before trading was halted."
)
RECALL = "The carmaker recalls ninety thousand trucks in four countries because their brakes may fail in cold weather."
SALE_ZH = "该区域银行周四表示，将发行价值二十亿美元的新股，以弥补其债券投资组合的亏损，其股价在暂停交易前下跌超过一半。"


def identity(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def item(name: str, text: str, *, hours: float = 0, origin: str = "") -> StoryItem:
    return StoryItem(document_id=identity(name), text=text, published_at=NOON + timedelta(hours=hours), origin=origin)


@pytest.fixture
def index(redis_client: redis.Redis) -> StoryIndex:
    return StoryIndex(redis_client, prefix="test:")


def place(index: StoryIndex, one: StoryItem) -> Place:
    return index.place([one])[0]


def new(name: str) -> Place:
    return Place(story_id=identity(name), novelty="new")


def reprint(name: str) -> Place:
    return Place(story_id=identity(name), novelty="reprint")


def test_a_batch_is_placed_in_order(index: StoryIndex) -> None:
    placed = index.place(
        [
            item("sale", SALE),
            item("recall", RECALL),
            item("sale elsewhere", SALE + " Share this.", hours=1),
            item("sale in chinese", SALE_ZH),
            item("chinese reprint", "快讯：" + SALE_ZH),
        ]
    )
    assert placed == [new("sale"), new("recall"), reprint("sale"), new("sale in chinese"), reprint("sale in chinese")]


def test_no_items_ask_nothing(redis_client: redis.Redis, index: StoryIndex) -> None:
    assert index.place([]) == []
    assert redis_client.dbsize() == 0


def test_a_reprint_of_a_reprint_belongs_to_the_first_story(index: StoryIndex) -> None:
    index.place([item("sale", SALE), item("second", SALE, hours=1)])
    assert place(index, item("third", SALE, hours=2)) == reprint("sale")


def test_placing_again_gives_the_first_answer(index: StoryIndex) -> None:
    batch = [item("sale", SALE), item("again", SALE, hours=1), item("recall", RECALL)]
    assert index.place(batch) == index.place(batch) == [new("sale"), reprint("sale"), new("recall")]


def test_the_same_record_scored_twice_is_no_repetition_but_the_item_crawled_twice_is(index: StoryIndex) -> None:
    first = item("sale", SALE, origin="documents.raw/0/17")
    assert place(index, first) == new("sale")
    assert place(index, first) == new("sale")
    assert place(index, item("sale", SALE, origin="documents.raw/0/99")) == Place(
        story_id=identity("sale"), novelty="same"
    )
    assert place(index, first) == new("sale")


def test_news_of_another_week_is_a_new_story(index: StoryIndex) -> None:
    index.place([item("sale", SALE)])
    assert place(index, item("late", SALE, hours=72)) == reprint("sale")
    assert place(index, item("later", SALE, hours=72 * 2 + 0.1)) == new("later")


def test_old_news_read_late_finds_its_story_too(index: StoryIndex) -> None:
    index.place([item("sale", SALE)])
    assert place(index, item("earlier", SALE, hours=-71)) == reprint("sale")


def test_text_without_words_is_always_new(index: StoryIndex) -> None:
    assert index.place([item("a", "…"), item("b", "…")]) == [new("a"), new("b")]


def test_several_scorers_agree(redis_client: redis.Redis) -> None:
    """Eight scorers place the same forty reprints of five stories at once, in different orders: one answer each."""
    items = [
        item(f"{story}/{copy}", f"{story} {RECALL} {SALE}"[story * 40 :], hours=copy)
        for story in range(5)
        for copy in range(8)
    ]

    def scorer(number: int) -> dict[UUID, Place]:
        index = StoryIndex(redis_client, prefix="test:")
        ordered = items[number:] + items[:number]
        return dict(zip([one.document_id for one in ordered], index.place(ordered), strict=True))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(scorer, range(8)))
    assert all(answer == answers[0] for answer in answers)
    for place_ in answers[0].values():
        assert answers[0][place_.story_id] == Place(story_id=place_.story_id, novelty="new")


def test_a_restarted_redis_gets_the_script_again(redis_client: redis.Redis, index: StoryIndex) -> None:
    assert place(index, item("sale", SALE)) == new("sale")
    redis_client.script_flush()
    assert place(index, item("again", SALE)) == reprint("sale")


def test_everything_expires_and_stays_under_its_prefix(redis_client: redis.Redis) -> None:
    StoryIndex(redis_client, prefix="test:", keep=timedelta(seconds=90)).place([item("sale", SALE)])
    keys = [key for key in redis_client.scan_iter() if key != b"test:story_whole"]
    assert len(keys) == 17
    assert all(key.startswith(b"test:story:") for key in keys)
    assert all(0 < redis_client.pttl(key) <= 90_000 for key in keys)


def test_prefixes_do_not_see_each_other(redis_client: redis.Redis) -> None:
    place(StoryIndex(redis_client, prefix="a:"), item("sale", SALE))
    assert place(StoryIndex(redis_client, prefix="b:"), item("copy", SALE)) == new("copy")


def test_a_template_that_thousands_share_stays_cheap(redis_client: redis.Redis, index: StoryIndex) -> None:
    """A band keeps its newest eight documents, so that its value has a bound."""
    index.place([item(f"copy {number}", SALE, hours=number / 100) for number in range(100)])
    longest = max(redis_client.strlen(key) for key in redis_client.keys("test:story:b:*"))
    assert longest == 8 * 16


def test_memory_is_what_the_documentation_says(redis_client: redis.Redis, index: StoryIndex) -> None:
    before = redis_client.info("memory")["used_memory"]
    batch = [item(f"n{n}", f"company {n} reports {n * 7} and {n * 13} for quarter {n % 4}") for n in range(2_000)]
    index.place(batch)
    assert (redis_client.info("memory")["used_memory"] - before) / len(batch) < 3_300


def test_a_client_that_decodes_is_refused() -> None:
    with pytest.raises(ValueError, match="without decode_responses"):
        StoryIndex(redis.Redis(decode_responses=True))


def test_a_lost_redis_is_told_to_the_caller() -> None:
    with pytest.raises(RedisConnectionError):
        StoryIndex(redis.Redis(port=1)).place([item("sale", SALE)])
