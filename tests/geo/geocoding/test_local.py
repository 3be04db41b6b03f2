"""The local geocoder: one text, many texts, bad texts."""

from __future__ import annotations

import pytest

from geo.errors import FileTooLarge, InvalidInput
from geo.geocoding import LocalGeocoder, open_geocoder
from geo.h3_cells import lonlat_to_h3_cell
from geo.settings import Settings
from geo.store.database import Database
from geo.values import GridScope
from tests.geo.addresses.small_register import POINTS, TEXTS, add_address, small_index

EVERYTHING = GridScope.everything()
INDEX = small_index()


@pytest.fixture
def geocoder() -> LocalGeocoder:
    return LocalGeocoder(lambda: INDEX)


def test_an_answer_has_point_cell_and_confidence(geocoder: LocalGeocoder) -> None:
    answer = geocoder.geocode("翠苑一区3-2-101", scope=EVERYTHING)
    assert (answer.status, answer.level, answer.standard_address_id) == ("matched", "room", 12)
    assert answer.lonlat is not None
    assert (answer.lonlat.longitude, answer.lonlat.latitude) == POINTS[12]
    assert answer.h3_cell == lonlat_to_h3_cell(*POINTS[12])
    assert answer.canonical_text == TEXTS[12]
    assert answer.confidence > 0.9
    assert answer.candidates[0].standard_address_id == 12


def test_what_is_not_found_has_no_point(geocoder: LocalGeocoder) -> None:
    answer = geocoder.geocode("不存在的地方9号", scope=EVERYTHING)
    assert (answer.status, answer.lonlat, answer.level, answer.confidence) == (
        "not_found", None, None, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_text_is_refused(geocoder: LocalGeocoder, text: str) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        geocoder.geocode(text, scope=EVERYTHING)


def test_ten_megabytes_are_refused_at_once(geocoder: LocalGeocoder) -> None:
    with pytest.raises(FileTooLarge):
        geocoder.geocode("文" * 10_000_000, scope=EVERYTHING)


def test_many_keep_their_order_and_one_bad_text_stops_nothing(geocoder: LocalGeocoder) -> None:
    texts = ["文二路29号", None, "", "翠苑一区3-2-102", "路" * 100_000]
    answers = geocoder.geocode_many(texts, scope=EVERYTHING)
    assert [answer.status for answer in answers] == [
        "matched", "error", "error", "matched", "error",
    ]  # fmt: skip
    assert answers[3].standard_address_id == 13
    assert answers[1].message is not None
    assert len(answers[4].text) <= 80


def test_the_threshold_of_the_deployment_decides_what_is_reviewed() -> None:
    text = "翠宛一区3幢2单元102室"
    strict = LocalGeocoder(lambda: INDEX, threshold=0.95).geocode(text, scope=EVERYTHING)
    loose = LocalGeocoder(lambda: INDEX, threshold=0.5).geocode(text, scope=EVERYTHING)
    assert (strict.status, loose.status) == ("review", "matched")
    assert strict.standard_address_id == loose.standard_address_id == 13


def test_the_register_of_the_database_is_followed(database: Database) -> None:
    geocoder = open_geocoder(database, Settings(match_threshold=0.8))
    assert geocoder.geocode("文二路29号", scope=EVERYTHING).status == "not_found"
    with database.session() as session:
        address_id = add_address(session, TEXTS[16], grid_code="G7", lon=120.123456, lat=30.654321)
    answer = geocoder.geocode("文二路29号", scope=EVERYTHING)
    assert answer.standard_address_id == address_id
    assert answer.grid_code == "G7"
    assert answer.accuracy_m == 5.0
    assert answer.lonlat is not None
    assert (answer.lonlat.longitude, answer.lonlat.latitude) == (120.123456, 30.654321)
    assert geocoder.geocode("文二路29号", scope=GridScope.of(["G8"])).status == "not_found"
    assert geocoder.suggest("文二", scope=GridScope.of(["G7"]))[0].level == "road"
    assert geocoder.suggest("文二", scope=GridScope.of(["G8"])) == []
