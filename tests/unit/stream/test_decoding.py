"""Every record becomes a document or an `Unreadable` with a reason; nothing else, whatever the bytes."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.decoding import decode
from stream.documents import RawDocument, encode
from stream.errors import DeadReason, Unreadable
from stream.limits import Limits

LIMITS = Limits()


def read(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = (), limits: Limits = LIMITS) -> RawDocument:
    return decode(value, headers, limits=limits)[0]


def flags(value: bytes, limits: Limits = LIMITS) -> tuple[str, ...]:
    return decode(value, limits=limits)[1]


def refusal(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = (), limits: Limits = LIMITS) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        decode(value, headers, limits=limits)
    return caught.value


def test_reads_what_encode_writes() -> None:
    document = RawDocument(
        source="wire",
        url="https://example.org/1",
        guid="g",
        title="Profit up",
        body="By a lot.",
        published_at="2024-05-01T10:00:00Z",
        fetched_at=datetime(2024, 5, 1, 10, 1, tzinfo=UTC),
        language="en",
    )
    assert decode(encode(document), limits=LIMITS) == (document, ())


def test_unknown_fields_are_passed_over() -> None:
    assert read(b'{"source":"s","title":"t","votes":[1,{"a":null}],"user":null}').title == "t"


def test_null_text_is_no_text() -> None:
    assert read(b'{"source":"s","title":null,"body":null,"url":null}') == RawDocument(source="s")


@pytest.mark.parametrize(("sent", "kept"), [(b"1675814460", "1675814460"), (b'"soon"', "soon"), (b"null", "")])
def test_a_publication_time_may_be_a_number(sent: bytes, kept: str) -> None:
    assert read(b'{"source":"s","published_at":%s}' % sent).published_at == kept


def test_an_unreadable_fetch_time_is_as_good_as_none() -> None:
    assert read(b'{"source":"s","fetched_at":"a while ago"}').fetched_at is None


@pytest.mark.parametrize(
    ("value", "reason", "told"),
    [
        (None, DeadReason.NOT_JSON, "no value"),
        (b"", DeadReason.NOT_JSON, ""),
        (b"not json at all", DeadReason.NOT_JSON, ""),
        (b'{"source":"s","title":', DeadReason.NOT_JSON, "truncated"),
        (b'{"source":"s","published_at":NaN}', DeadReason.NOT_JSON, ""),
        (b'{"source":"s"} {"source":"t"}', DeadReason.NOT_JSON, "trailing"),
        (b"[]", DeadReason.WRONG_SHAPE, "object"),
        (b"3", DeadReason.WRONG_SHAPE, "object"),
        (b'{"title":"t"}', DeadReason.WRONG_SHAPE, "source"),
        (b'{"source":"  ","title":"t"}', DeadReason.WRONG_SHAPE, "source"),
        (b'{"source":null,"title":"t"}', DeadReason.WRONG_SHAPE, "$.source"),
        (b'{"source":"s","title":7}', DeadReason.WRONG_SHAPE, "$.title"),
        (b'{"source":"s","body":["a"]}', DeadReason.WRONG_SHAPE, "$.body"),
        (b'{"source":"s","published_at":true}', DeadReason.WRONG_SHAPE, "$.published_at"),
        (b'{"source":"s","published_at":' + b"9" * 5000 + b"}", DeadReason.WRONG_SHAPE, "range"),
        (b'{"source":"s","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", DeadReason.WRONG_SHAPE, "deep"),
        (b'{"source":"s","title":"\xff\xfe\xfa\x81\x81"}', DeadReason.NOT_UTF8, "byte"),
        (b"\x1f\x8b broken", DeadReason.NOT_JSON, "gzip"),
        (gzip.compress(b'{"source":"s"}', mtime=0)[:-6], DeadReason.NOT_JSON, "the end is missing"),
    ],
)
def test_what_cannot_be_read_says_why(value: bytes | None, reason: DeadReason, told: str) -> None:
    refused = refusal(value)
    assert refused.reason is reason
    assert told in refused.detail


def test_a_record_beyond_the_limit_is_not_even_looked_at() -> None:
    refused = refusal(b"x" * 101, limits=Limits(record_bytes=100))
    assert (refused.reason, refused.detail) == (DeadReason.TOO_LARGE, "101 bytes; the limit is 100")


def test_gzip_is_inflated_with_and_without_its_header() -> None:
    packed = gzip.compress(b'{"source":"s","title":"t"}')
    assert read(packed, (("Content-Encoding", b"gzip"),)).title == "t"
    assert read(packed).title == "t"
    assert read(b'{"source":"s","title":"t"}', (("content-encoding", b"gzip"),)).title == "t"


def test_members_of_gzip_are_joined() -> None:
    assert read(gzip.compress(b'{"source":"s",') + gzip.compress(b'"title":"t"}')).title == "t"


def test_another_content_encoding_is_refused_by_name() -> None:
    refused = refusal(b"\x00\x01", (("content-encoding", b"br"),))
    assert refused.reason is DeadReason.WRONG_SHAPE
    assert "'br'" in refused.detail


def test_a_bomb_is_not_inflated_beyond_the_limit() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000
    assert refusal(bomb, limits=Limits(json_bytes=1_000_000)).reason is DeadReason.DECOMPRESSION_BOMB
    many = gzip.compress(b"0" * 600_000) * 2
    assert refusal(many, limits=Limits(json_bytes=1_000_000)).reason is DeadReason.DECOMPRESSION_BOMB


def test_ten_megabytes_of_body_are_cut_and_flagged() -> None:
    value = json.dumps({"source": "s", "title": "t" * 2_000_000, "body": "b" * 10_000_000}).encode()
    document, mended = decode(value, limits=LIMITS)
    assert (len(document.title), len(document.body)) == (1_000_000, 1_000_000)
    assert mended == ("title_cut", "body_cut")


def test_half_an_emoji_is_mended() -> None:
    assert read(b'{"source":"s","title":"up \\ud83d"}').title == "up ?"
    assert read(b'{"source":"s","title":"up \\ude80 now"}').title == "up ? now"
    assert read(b'{"source":"s","title":"up \\ud83d\\ude80"}').title == "up 🚀"


def test_broken_json_with_half_an_emoji_stays_unreadable() -> None:
    assert refusal(b'{"source":"s","title":"\\ud83d').reason is DeadReason.NOT_JSON
    assert refusal(b'{"source":"s","title":["\\ud83d"]}').reason is DeadReason.WRONG_SHAPE


CHINESE = '{"source":"crawl","title":"银行股大跌","body":"多家银行公告净利润下降，投资者情绪转为谨慎。"}'
TRADITIONAL = '{"source":"crawl","title":"銀行股大跌","body":"多家銀行公告淨利潤下降，投資者情緒轉為謹慎。"}'
FRENCH = '{"source":"crawl","title":"Résultats décevants","body":"Le bénéfice a reculé, l’action a chuté."}'


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb18030"),
        (CHINESE, "gbk"),
        (TRADITIONAL, "big5"),
        (FRENCH, "cp1252"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (FRENCH, "utf-16-be"),
        (CHINESE, "utf-8-sig"),
    ],
)
def test_another_encoding_is_mended_where_it_is_convincing(text: str, encoding: str) -> None:
    document, mended = decode(text.encode(encoding), limits=LIMITS)
    assert document.title == json.loads(text)["title"]
    assert document.body == json.loads(text)["body"]
    assert mended == ("encoding_mended",)


@pytest.mark.parametrize(
    "value",
    [
        b'{"source":"s","title":"\xd6"} \x81\x8d\x8f',
        '{"source":"crawl","title":"銀行"}'.encode("euc_jp")[:-3] + b"\x8f\xff",
        b"\x00{\x00",
        b'{\x00"\x00s',
    ],
)
def test_bytes_that_nothing_explains_are_not_guessed_at(value: bytes) -> None:
    assert refusal(value).reason in (DeadReason.NOT_UTF8, DeadReason.NOT_JSON)


@given(st.binary(max_size=400), st.sampled_from([b"", b"gzip", b"br", b"\xff"]))
def test_no_bytes_crash_it(value: bytes, encoding: bytes) -> None:
    for candidate in (value, b"\x1f\x8b" + value, b'{"source":"' + value + b'"}', b"\xff\xfe" + value):
        try:
            document, _ = decode(candidate, (("content-encoding", encoding),), limits=LIMITS)
        except Unreadable as refused:
            assert refused.reason in DeadReason  # noqa: PT017 - either outcome is right
        else:
            assert document.source


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["source", "title", "body", "published_at", "x"]), inner)
        ),
        max_leaves=12,
    )
)
def test_no_json_crashes_it(value: object) -> None:
    try:
        decode(json.dumps(value).encode("utf-8", "surrogatepass"), limits=LIMITS)
    except Unreadable as refused:
        assert refused.reason in (DeadReason.WRONG_SHAPE, DeadReason.NOT_JSON)  # noqa: PT017 - either outcome is right
