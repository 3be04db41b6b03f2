"""The demo city in a store: whole, labelled, once; and as files that the imports read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from geo.addresses import parse, search_key
from geo.basemap import basemap_attributions, basemap_extent, basemap_tile
from geo.commands import demo as commands
from geo.demo import NOTICE, DemoCity, generate_city
from geo.demo.files import address_table, write_city
from geo.demo.load import FIRST_DAY, LAST_DAY, DemoLoad, load_demo_city, store_is_empty
from geo.encryption import keys_of, unseal_text
from geo.errors import InvalidFile, StoreNotEmpty
from geo.importers.basemap import import_basemap
from geo.registers.completeness import missing_fields
from geo.registers.numbers import birth_year_of, read_credit_code, read_identity_number
from geo.retention import RULES
from geo.roads.report import road_report
from geo.roads.store import load_road_network
from geo.sealed_columns import RESIDENT_IDENTITY
from geo.store.database import Database
from geo.tables import ADDRESS_COMPONENTS, Area, Dwelling, Establishment, Resident


@pytest.fixture(scope="module")
def city() -> DemoCity:
    return generate_city()


def assert_registers_are_invented_and_sound(session: Session, loaded: DemoLoad) -> None:
    """All of it is at addresses of the city, is read by what reads people's writing, and some of
    it is missing or due."""
    assert loaded.dwelling_count > 30_000
    assert loaded.resident_count > 10_000
    assert loaded.establishment_count > 3_000
    # Everything lies in a grid and is read by the functions that read what people write.
    for table in ("dwelling", "residence", "establishment"):
        assert session.scalar(text(f"SELECT count(*) FROM {table} WHERE grid_code IS NULL")) == 0
    people = session.scalars(select(Resident).order_by(Resident.id).limit(500)).all()
    ring = keys_of(session)
    for person in people:
        assert person.name.startswith("测试")
        if person.identity_kind == "resident_identity":
            assert person.identity_sealed is not None
            number = unseal_text(ring, RESIDENT_IDENTITY, person.id, person.identity_sealed)
            assert number.startswith("990102")
            assert read_identity_number(number, today=LAST_DAY) == number
            assert birth_year_of(number) == person.birth_year
        assert person.missing == missing_fields(person)
    for code in session.scalars(select(Establishment.credit_code).limit(200)):
        assert code is None or read_credit_code(code) == code
    for dwelling in session.scalars(select(Dwelling).order_by(Dwelling.id).limit(500)):
        assert dwelling.missing == missing_fields(dwelling)
    due = session.scalar(text("SELECT count(*) FROM dwelling WHERE due_on <= '2026-01-01'"))
    assert 0 < due < loaded.dwelling_count
    # What a write calls a conflict, the generated residences have none of.
    moved = session.scalar(text("SELECT count(*) FROM residence WHERE lived_to IS NOT NULL"))
    both = session.scalar(
        text(
            "SELECT count(*) FROM residence a JOIN residence b USING (resident_id) "
            "WHERE a.kind = 'registered' AND b.kind = 'floating'"
        )
    )
    assert moved > 100 and both > 100
    # What retention lets go would be purged at the first start of the city.
    oldest = session.scalar(text("SELECT max(lived_from) - min(lived_to) FROM residence"))
    assert oldest < next(rule.days for rule in RULES if rule.name == "residences")


def test_it_lands_whole_and_says_that_it_is_generated(database: Database, city: DemoCity) -> None:
    told: list[tuple[str, int, int]] = []
    with database.session() as session:
        assert store_is_empty(session)
        loaded = load_demo_city(session, progress=lambda *step: told.append(step))
    assert {what for what, _, _ in told} == {
        "generate", "grids", "addresses", "registers", "incidents", "base map",
    }  # fmt: skip
    assert told[-1][1] == told[-1][2]
    with database.session() as session:
        assert not store_is_empty(session)
        sums = session.execute(
            text(
                "SELECT count(*), count(grid_id), count(h3_cell), bool_and(point_method="
                "'generated'), bool_and(canonical_text LIKE '示例省云汀市%') FROM standard_address"
            )
        ).one()
        assert tuple(sums) == (len(city.addresses),) * 3 + (True, True)
        assert loaded.address_count == len(city.addresses)
        rows = session.execute(text("SELECT source_ref, grid_code FROM standard_address"))
        stored = {row.source_ref: row.grid_code for row in rows}
        expected = dict(zip(city.addresses["source_ref"], city.addresses["grid_code"], strict=True))
        assert stored == expected
        note = session.scalar(text("SELECT value FROM store_note WHERE name = 'demo_city'"))
        assert note["seed"] == city.seed and note["notice"] == NOTICE
        assert basemap_attributions(session) == [f"{NOTICE}, seed {city.seed}"]
        assert basemap_extent(session) == pytest.approx(tuple(city.areas.total_bounds), abs=1e-9)
        # The tile that holds its middle.
        assert len(basemap_tile(session, 12, 3328, 1581)) > 1_000
        assert session.scalar(text("SELECT min(valid_from) FROM grid")) == FIRST_DAY
        assert_registers_are_invented_and_sound(session, loaded)
        roads = load_road_network(session, on=FIRST_DAY)
        assert roads.is_generated and roads.network.line_count == len(city.roads)
        report = road_report(roads.network).modes.set_index("mode")
        # One can drive from anywhere to anywhere, though some streets are one-way.
        assert (report["main_node_share"] == 1).all()
        assert report.loc["car", "edge_count"] < report.loc["foot", "edge_count"]

    # Again: nothing is done. Another seed: refused. Something else in the store: refused.
    with database.session() as session:
        assert load_demo_city(session).was_there
        with pytest.raises(StoreNotEmpty):
            load_demo_city(session, seed=1)


def test_a_store_that_holds_something_is_refused(session: Session) -> None:
    session.add(
        Area(code="140000", level="province", name="山西省", valid_from=FIRST_DAY, source="test")
    )
    session.flush()
    with pytest.raises(StoreNotEmpty, match="must not be mixed"):
        load_demo_city(session)


def test_files_hold_the_same_city(session: Session, city: DemoCity, tmp_path: Path) -> None:
    files = write_city(city, tmp_path / "city")
    assert {file.name for file in files} == {
        "areas.csv", "grids.gpkg", "addresses.csv", "basemap.gpkg", "README.txt",
    }  # fmt: skip
    addresses = pd.read_csv(tmp_path / "city/addresses.csv", dtype=str, keep_default_na=False)
    assert (addresses["address_text"] == city.addresses["address_text"]).all()
    for level in ADDRESS_COMPONENTS:
        assert (addresses[level] == city.addresses[level]).all()
    assert np.array_equal(addresses["lon"].astype(float), city.addresses.geometry.x)
    assert NOTICE in (tmp_path / "city/README.txt").read_text(encoding="utf-8")
    result = import_basemap(session, tmp_path / "city/basemap.gpkg", source="files")
    assert result.counts == {
        "road": len(city.roads),
        "building": len(city.buildings),
        "place": len(city.places),
        **{
            {"built": "land"}.get(str(kind), str(kind)): int(count)
            for kind, count in city.land["kind"].value_counts().items()
        },
    }
    with pytest.raises(InvalidFile, match="isn't empty"):
        write_city(city, tmp_path / "city")
    with pytest.raises(InvalidFile):
        write_city(city, tmp_path / "city/areas.csv")


def test_bare_components_make_the_key_of_the_written_text(city: DemoCity) -> None:
    """What an address is by its components, it is by its text, below the invented divisions."""
    table = address_table(city).iloc[::503]
    for row in table.to_dict("records"):
        below = {
            level: row[level]
            for level in ("road", "door", "estate", "building", "entrance", "floor", "room")
            if row[level]
        }
        if "road" in below:
            written = row["address_text"][row["address_text"].index(row["road"]) :]
            assert search_key(parse("杭州市西湖区" + written)).endswith(search_key(below))


def test_command_line(city: DemoCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "generate_city", lambda seed: city)  # made once for this module
    done = CliRunner().invoke(commands.app, ["write", str(tmp_path / "out"), "--seed", "20260101"])
    assert done.exit_code == 0, done.output
    assert NOTICE in done.output
    assert (tmp_path / "out/addresses.csv").stat().st_size > 1_000_000
