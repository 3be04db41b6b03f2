"""Single addresses: written, read in scope, changed by version, ended, with their aliases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.addresses import WrittenForm
from geo.errors import AddressNotFound, Conflict, GridNotFound, InvalidInput
from geo.register import (
    AddressFilter,
    AddressPoint,
    WrittenAddress,
    add_alias,
    address_aliases,
    address_history,
    components_of,
    count_standard_addresses,
    create_standard_address,
    end_address,
    end_alias,
    find_by_text,
    find_standard_addresses,
    get_standard_address,
    merge_address,
    point_of,
    update_standard_address,
)
from geo.tables import Grid, GridVersion, RegisterChange, StandardAddress
from geo.values import GridScope, LonLat

FORM = WrittenForm(building="号楼")
DAY = date(2026, 6, 1)
IN_WEST = LonLat(116.45, 39.95)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALL = GridScope.everything()
WEST, EAST = "110101001001001", "110101001001002"


@pytest.fixture
def grids(session: Session) -> None:
    """Two grids side by side: west of longitude 116.5 and east of it."""
    version = GridVersion(source="测试", valid_from=DAY, grid_count=2)
    session.add(version)
    session.flush()
    for code, community, area in (
        (WEST, "110101001001", box(116.4, 39.9, 116.5, 40.0)),
        (EAST, "110101001002", box(116.5, 39.9, 116.6, 40.0)),
    ):
        session.add(
            Grid(
                version_id=version.id,
                grid_code=code,
                name=code,
                community_code=community,
                area_m2=1.0,
                valid_from=DAY,
                geom=from_shape(MultiPolygon([area]), srid=4326),
            )
        )
    session.flush()


def _create(
    session: Session,
    text: str = "北京市东城区测试路1号",
    lonlat: LonLat | None = IN_WEST,
    scope: GridScope = ALL,
    **words: str,
) -> StandardAddress:
    point = AddressPoint(lonlat, "surveyed", 1.0) if lonlat else None
    written = WrittenAddress(text, point=point, point_of_interest=words.pop("name", None))
    return create_standard_address(
        session, written, source="测试", form=FORM, day=DAY, scope=scope, **words
    )


def _change(
    session: Session, address: StandardAddress, text: str, scope: GridScope = ALL
) -> StandardAddress:
    return update_standard_address(
        session,
        address.id,
        WrittenAddress(text),
        expected_version=address.version,
        form=FORM,
        day=DAY,
        scope=scope,
    )


def _merge(
    session: Session, merged: StandardAddress, kept: StandardAddress, scope: GridScope = ALL
) -> None:
    merge_address(
        session,
        merged.id,
        kept.id,
        merged_version=merged.version,
        kept_version=kept.version,
        merged_by="示例·甲",
        now=NOW,
        scope=scope,
    )


@pytest.mark.usefixtures("grids")
def test_an_address_gets_its_components_grid_and_cell(session: Session) -> None:
    address = _create(session, "北京市东城区测试路１号院三号楼二单元301室")
    assert components_of(address)["road"] == "测试路"
    assert (address.level, address.grid_code, address.version) == ("room", WEST, 1)
    assert address.h3_cell is not None
    assert point_of(address) == LonLat(116.45, 39.95)
    assert find_by_text(session, address.canonical_text, scope=ALL) == [address]


def test_each_write_leaves_a_mark_for_the_index(session: Session) -> None:
    address = _create(session, lonlat=None)
    marks = session.scalars(select(RegisterChange).order_by(RegisterChange.id.desc())).all()
    assert marks[0].address_ids == [address.id]


def test_the_same_address_is_not_stored_twice(session: Session) -> None:
    first = _create(session, "北京市东城区测试路1号3幢")
    with pytest.raises(Conflict) as caught:
        _create(session, "北京市东城区测试路１号三号楼")
    assert caught.value.address_id == first.id


@pytest.mark.usefixtures("grids")
def test_a_conflict_outside_the_scope_does_not_name_the_address(session: Session) -> None:
    _create(session)
    with pytest.raises(Conflict) as caught:
        _create(session, lonlat=LonLat(116.55, 39.95), scope=GridScope.of([EAST]))
    assert "address_id" not in caught.value.facts
    assert "as address" not in caught.value.message


def test_an_area_is_no_address(session: Session) -> None:
    with pytest.raises(InvalidInput, match="area only"):
        _create(session, "北京市东城区", lonlat=None)
    with pytest.raises(InvalidInput):
        _create(session, "   ", lonlat=None)


def test_two_places_on_one_road_are_two_addresses(session: Session) -> None:
    one = _create(session, "北京市东城区测试路", lonlat=None, name="东门卫生站")
    two = _create(session, "北京市东城区测试路", lonlat=None, name="西门卫生站")
    assert one.search_key != two.search_key
    assert one.canonical_text == "北京市东城区测试路东门卫生站"


def test_a_change_keeps_what_was_and_the_old_text_as_alias(session: Session) -> None:
    address = _create(session, "北京市东城区测试路1号", lonlat=None)
    changed = _change(session, address, "北京市东城区新名路1号")
    assert changed.version == 2
    history = address_history(session, address.id, scope=ALL)
    assert [row.was["road"] for row in history] == ["测试路"]
    assert [alias.alias_text for alias in address_aliases(session, address.id, scope=ALL)] == [
        "北京市东城区测试路1号"
    ]
    assert find_by_text(session, "北京市东城区测试路1号", scope=ALL) == [changed]


def test_a_stale_change_is_refused(session: Session) -> None:
    address = _create(session, lonlat=None)
    seen = address.version
    _change(session, address, "北京市东城区新名路1号")
    with pytest.raises(Conflict) as caught:
        update_standard_address(
            session,
            address.id,
            WrittenAddress("北京市东城区别名路1号"),
            expected_version=seen,
            form=FORM,
            day=DAY,
            scope=ALL,
        )
    assert caught.value.version == 2
    assert get_standard_address(session, address.id, scope=ALL).road == "新名路"


def test_an_address_cannot_become_another_that_exists(session: Session) -> None:
    _create(session, "北京市东城区测试路1号", lonlat=None)
    other = _create(session, "北京市东城区测试路2号", lonlat=None)
    with pytest.raises(Conflict, match="already"):
        _change(session, other, "北京市东城区测试路1号")
    session.expire_all()
    assert get_standard_address(session, other.id, scope=ALL).door == "2"


def test_an_ended_address_makes_room_and_can_be_read_still(session: Session) -> None:
    address = _create(session, lonlat=None)
    ended = end_address(session, address.id, expected_version=1, scope=ALL)
    assert ended.status == "ended"
    again = _create(session, lonlat=None)
    assert again.id != address.id
    assert get_standard_address(session, address.id, scope=ALL).status == "ended"
    with pytest.raises(Conflict):
        _change(session, ended, "北京市东城区新名路1号")


def test_a_merged_address_becomes_an_alias_of_the_other(session: Session) -> None:
    wrong = _create(session, "北京市东城区测式路1号", lonlat=None)
    right = _create(session, "北京市东城区测试路1号", lonlat=None)
    _merge(session, wrong, right)
    assert find_by_text(session, "北京市东城区测式路1号", scope=ALL) == [right]


def test_an_alias_is_found_until_it_is_ended(session: Session) -> None:
    address = _create(session, lonlat=None)
    alias = add_alias(session, address.id, "老 邮局", source="测试", scope=ALL)
    assert add_alias(session, address.id, "老邮局", source="别处", scope=ALL).id == alias.id
    assert find_by_text(session, "老邮局", scope=ALL) == [address]
    end_alias(session, address.id, alias.id, now=NOW, scope=ALL)
    assert find_by_text(session, "老邮局", scope=ALL) == []
    assert len(address_aliases(session, address.id, scope=ALL, with_ended=True)) == 1
    with pytest.raises(Conflict):
        end_alias(session, address.id, alias.id, now=NOW, scope=ALL)
    with pytest.raises(InvalidInput):
        add_alias(session, address.id, "（）", source="测试", scope=ALL)


@pytest.mark.usefixtures("grids")
def test_what_lies_outside_the_scope_looks_absent(session: Session) -> None:
    west = _create(session)
    east = _create(session, "北京市东城区测试路2号", LonLat(116.55, 39.95))
    nowhere = _create(session, "北京市东城区测试路3号", lonlat=None)
    mine = GridScope.of([EAST])
    assert find_standard_addresses(session, scope=mine) == [east]
    assert count_standard_addresses(session, scope=mine) == 1
    assert count_standard_addresses(session, scope=ALL) == 3
    assert count_standard_addresses(session, scope=GridScope.of([])) == 0
    assert find_by_text(session, west.canonical_text, scope=mine) == []
    for other in (west, nowhere):
        for look in (get_standard_address, address_history, address_aliases):
            with pytest.raises(AddressNotFound):
                look(session, other.id, scope=mine)
        with pytest.raises(AddressNotFound):
            end_address(session, other.id, expected_version=1, scope=mine)
        with pytest.raises(AddressNotFound):
            add_alias(session, other.id, "别名", source="测试", scope=mine)
        with pytest.raises(AddressNotFound):
            _change(session, other, "北京市东城区新路9号", scope=mine)
    with pytest.raises(AddressNotFound):
        _merge(session, east, west, scope=mine)


@pytest.mark.usefixtures("grids")
def test_nothing_is_written_into_grids_of_others(session: Session) -> None:
    mine = GridScope.of([EAST])
    with pytest.raises(GridNotFound):
        _create(session, scope=mine)
    with pytest.raises(GridNotFound):
        _create(session, lonlat=None, scope=mine)
    assert _create(session, lonlat=LonLat(116.55, 39.95), scope=mine).grid_code == EAST


@pytest.mark.usefixtures("grids")
def test_a_point_on_the_border_belongs_to_the_smaller_code(session: Session) -> None:
    assert _create(session, lonlat=LonLat(116.5, 39.95)).grid_code == WEST


@pytest.mark.usefixtures("grids")
def test_filters_narrow_and_pages_follow_one_another(session: Session) -> None:
    made = [
        _create(
            session, f"北京市东城区测试路{n}号", LonLat(116.41 + n / 50, 39.95), name=f"{n}号店"
        )
        for n in range(1, 8)
    ]
    first = find_standard_addresses(session, scope=ALL, limit=3)
    rest = find_standard_addresses(session, scope=ALL, after_id=first[-1].id)
    assert [*first, *rest] == made
    box_of_two = AddressFilter(bbox=(116.42, 39.9, 116.455, 40.0))
    assert find_standard_addresses(session, box_of_two, scope=ALL) == made[:2]
    east = AddressFilter(community_code="110101001002")
    assert find_standard_addresses(session, east, scope=ALL) == made[4:]
    assert find_standard_addresses(session, AddressFilter(grid_code=WEST), scope=ALL) == made[:4]
    assert find_standard_addresses(session, AddressFilter(text="3号店"), scope=ALL) == [made[2]]
    assert find_standard_addresses(session, AddressFilter(text="%"), scope=ALL) == []
    assert count_standard_addresses(session, AddressFilter(level="door"), scope=ALL) == 7
    for wrong in (
        AddressFilter(level="street"),
        AddressFilter(status="gone"),
        AddressFilter(bbox=(1, 2, 0, 3)),
        AddressFilter(text=" "),
    ):
        with pytest.raises(InvalidInput):
            find_standard_addresses(session, wrong, scope=ALL)
    with pytest.raises(InvalidInput):
        find_standard_addresses(session, scope=ALL, limit=0)
