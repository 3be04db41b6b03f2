"""What the settings and the stored areas say of addresses beforehand."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from geo.addresses import WrittenForm, parse
from geo.addresses.deployment import (
    CONTEXT_KEPT_S,
    DeploymentContext,
    area_codes,
    load_context,
    load_tagger,
    written_form,
)
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.addresses.tagged import TaggedAddress
from geo.addresses.training import train_tagger
from geo.errors import InvalidFile, InvalidInput
from geo.geocoding.local import LocalGeocoder, open_geocoder
from geo.settings import Settings, load_settings
from geo.store.database import Database
from geo.tables import Area
from geo.values import GridScope
from tests.factories import add_area

DAY = date(2026, 6, 1)
AMBIGUOUS = "鼓楼区中山路1号"
EVERYTHING = GridScope.everything()


def add_gulou(session: Session) -> None:
    add_area(session, "320000", "province", name="江苏省")
    add_area(session, "320100", "city", name="南京市", parent_code="320000")
    add_area(session, "320106", "county", name="鼓楼区", parent_code="320100")


def test_the_written_form_is_that_of_the_settings() -> None:
    assert written_form(Settings()) == WrittenForm(building="号楼")
    settings = Settings(
        building_form="栋", lettered_building_form="栋", entrance_form="门", floor_form="楼",
        room_form="", group_form="小组",
    )  # fmt: skip
    assert written_form(settings) == WrittenForm("栋", "栋", "门", "楼", "", "小组")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUILDING_FORM", "楼"),
        ("ROOM_FORM", "间"),
        ("AREA_CODES", "3301,鼓楼"),
        ("AREA_CODES", "33"),
    ],
)
def test_a_wrong_setting_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"GRIDBEAT_{name}", value)
    with pytest.raises(InvalidInput, match=f"GRIDBEAT_{name}={re.escape(repr(value))}"):
        load_settings()


def test_the_own_area_is_set_or_that_of_the_stored_areas(session: Session) -> None:
    assert area_codes(Settings(), session, on=DAY) == ()
    add_gulou(session)
    assert area_codes(Settings(), session, on=DAY) == ("320106",)
    assert area_codes(Settings(area_codes="350102, 350000"), session, on=DAY) == (
        "350102", "350000",
    )  # fmt: skip
    assert area_codes(Settings(area_prior=False), session, on=DAY) == ()
    assert area_codes(Settings(area_prior=False, area_codes="350102"), session, on=DAY) == ()
    assert area_codes(Settings(), on=DAY) == ()
    assert area_codes(Settings(), session, on=date(1990, 1, 1)) == ()


def test_areas_that_no_list_knows_say_nothing(session: Session) -> None:
    add_area(session, "990101", "county", name="甲区")
    assert area_codes(Settings(), session, on=DAY) == ()
    with pytest.raises(InvalidInput, match="names 990101"):
        load_context(Settings(area_codes="990101"))


def test_the_area_decides_between_divisions_of_one_name(session: Session) -> None:
    add_gulou(session)
    assert parse(AMBIGUOUS, context=load_context(Settings(), session)).division_code == "320106"
    off = load_context(Settings(area_prior=False), session)
    assert off is None
    assert parse(AMBIGUOUS, context=off).division_code is None


def test_the_context_follows_the_stored_areas(database: Database) -> None:
    now = [0.0]
    context = DeploymentContext(Settings(), database, clock=lambda: now[0])
    assert context.current() is None
    with database.session() as session:
        add_gulou(session)
    now[0] = CONTEXT_KEPT_S
    found = context.current()
    assert found is not None
    assert found.division_codes == ("320106",)
    with database.session() as session:
        session.execute(delete(Area))
    assert context.current() is found
    now[0] = 2 * CONTEXT_KEPT_S
    assert context.current() is None


def test_the_tagger_of_the_settings_reads(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "own.npz"
    tagged = [TaggedAddress("竹海水韵3幢", ((0, 4, "estate"), (4, 6, "building")))] * 20
    train_tagger(tagged, epochs=1).save(path)
    context = load_context(Settings(tagger=path))
    assert context is not None
    assert context.tagger is load_tagger(Settings(tagger=path))  # read once
    geocoder = open_geocoder(database, Settings(tagger=path))
    assert geocoder.geocode("竹海水韵3幢", scope=EVERYTHING).status == "not_found"


def test_a_wrong_tagger_is_said_at_the_start(tmp_path: Path, database: Database) -> None:
    with pytest.raises(InvalidFile, match=r"GRIDBEAT_TAGGER names .*no such file"):
        open_geocoder(database, Settings(tagger=tmp_path / "none.npz"))
    wrong = tmp_path / "wrong.npz"
    wrong.write_text("no tagger")
    with pytest.raises(InvalidFile, match="is no tagger"):
        open_geocoder(database, Settings(tagger=wrong))


def test_groups_of_addresses_are_written_in_the_deployments_form() -> None:
    rows = [(n, f"南庄村3小组新屋{n}号", 120.0, 30.0) for n in (1, 2)]
    form = WrittenForm(group="小组")
    index = RegisterIndex.from_table(rows_from_texts(rows), written_form=form)
    answer = LocalGeocoder(lambda: index).geocode("南庄村3组", scope=EVERYTHING)
    assert answer.canonical_text is not None
    assert answer.canonical_text.startswith("南庄村3小组")
