"""Reading with a trained tagger: its spans, with the values and codes of grammar and list."""

from __future__ import annotations

import pytest

from geo.addresses import AddressLevel, ParseContext, parse, parse_many
from geo.addresses.normalise import normalise
from geo.addresses.scan import scan
from geo.addresses.tagged import LabelledSpan, TaggedAddress
from geo.addresses.trained import tagged_scan
from geo.addresses.training import train_tagger


def invented(road: str, number: int) -> TaggedAddress:
    """An address of a town where roads have no class word; every other one has no door."""
    pieces = [("西湖区", "county"), (road, "road"), (f"{number}号", "door"), ("锦绣花园", "estate")]
    pieces = [piece for piece in pieces if number % 2 or piece[1] != "door"]
    pieces.append((f"{number % 30 + 1}幢", "building"))
    text, spans = "", []
    for piece, label in pieces:
        spans.append((len(text), len(text) + len(piece), label))
        text += piece
    return TaggedAddress(text, tuple(spans))


_ROADS = ["河西北", "塘头", "桥东", "荷花埠", "柳汀"]
_TAGGED = [invented(road, number) for number, road in enumerate(_ROADS * 30, 1)]


@pytest.fixture(scope="module")
def context() -> ParseContext:
    return ParseContext(tagger=train_tagger(_TAGGED, epochs=4, models=1))


def read(text: str, *spans: LabelledSpan) -> list[tuple[str, str]]:
    normalised = normalise(text)
    scanned = tagged_scan(normalised, spans, scan(normalised.text), None)
    return [(token[0], token[3]) for token in scanned.tokens]


def test_a_trained_context_reads_what_the_grammar_cannot(context: ParseContext) -> None:
    text = "西湖区柳汀锦绣花园十二幢"
    assert parse(text).value(AddressLevel.ROAD) is None
    assert parse(text, context=context).components() == {
        "county": "西湖区", "road": "柳汀", "estate": "锦绣花园", "building": "12",
    }  # fmt: skip


def test_one_and_many_read_alike(context: ParseContext) -> None:
    texts = ["西湖区柳汀77号", "", "西湖区桥东8号锦绣花园3幢"]
    assert parse_many(texts, context=context) == [parse(t, context=context) for t in texts]


def test_numbers_get_the_values_of_the_grammar() -> None:
    text = "柳汀十二号附3号B2号楼三单元地下一层"
    spans = [(0, 2, "road"), (2, 8, "roadno"), (8, 12, "houseno"), (12, 15, "cellno")]
    assert read(text, *spans, (15, 19, "floorno")) == [
        ("road", "柳汀"), ("door", "12附3"), ("building", "B2"), ("entrance", "3"), ("floor", "-1"),
    ]  # fmt: skip


def test_divisions_get_their_codes_and_full_names() -> None:
    normalised = normalise("浙江余杭五常")
    spans = [(0, 2, "prov"), (2, 4, "district"), (4, 6, "town")]
    scanned = tagged_scan(normalised, spans, scan("天"), None)
    assert scanned.division_code == "330110005"
    assert [token[3] for token in scanned.tokens] == ["浙江省", "余杭区", "五常街道"]


def test_an_unknown_label_is_kept_apart() -> None:
    assert read("柳汀3号", (0, 2, "mystery"), (2, 4, "roadno")) == [
        ("other", "柳汀"),
        ("door", "3"),
    ]


def test_ambiguous_divisions_give_alternatives() -> None:
    parsed = parse("鼓楼区中山路1号")
    assert parsed.division_code is None
    cities = {reading.division_code[:4] for reading in parsed.alternatives if reading.division_code}
    assert cities == {"3201", "3203", "3501", "4102"}  # Nanjing, Xuzhou, Fuzhou, Kaifeng
    assert sum(reading.score for reading in parsed.alternatives) == pytest.approx(1)
    assert parse("浙江省杭州市").alternatives == ()
