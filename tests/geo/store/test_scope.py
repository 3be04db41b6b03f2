"""Scope is held by the database: asked as the application's role, past all of our own filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.store.scope import SCOPED_TABLES, seeing_everything, set_scope
from geo.stored_grids import load_stored_grids
from geo.tables import (
    Account,
    AddressAlias,
    AddressMerge,
    Base,
    DuplicatePair,
    DutyShift,
    Dwelling,
    Establishment,
    ExportRequest,
    Grid,
    GridCoverage,
    GridH3Cell,
    GridSetDraft,
    ImportJob,
    Incident,
    IncidentCategory,
    IncidentHistory,
    KeyPlace,
    KeyPlaceDose,
    Muster,
    MusterCall,
    MusterEvent,
    PatrolLatest,
    PatrolPlan,
    PatrolPosition,
    PatrolRoute,
    PatrolUnit,
    PatrolUnitMember,
    PatrolUnitStatus,
    RecordReport,
    RecordVerification,
    Residence,
    Resident,
    ReviewItem,
    StandardAddress,
    StandardAddressHistory,
    SubjectRequest,
    UnitPresence,
)
from geo.values import GridScope
from tests.conftest import copied_database
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address

A, B = "14010500100100001", "14010500100100002"
# What every signed-in caller may see, or what holds no rows of a place.
_KNOWN_BY_SECRET = "asked before a caller's scope is known; no endpoint lists it"
PUBLIC = {
    "account": _KNOWN_BY_SECRET,
    "account_assignment": _KNOWN_BY_SECRET,
    "account_session": _KNOWN_BY_SECRET,
    "account_task": _KNOWN_BY_SECRET,
    "api_token": _KNOWN_BY_SECRET,
    "retention_receipt": "counts and days of what was deleted, nothing of it",
    "area": "names and borders of administrative areas",
    "basemap_feature": "the base map",
    "basemap_source": "the base map",
    "coverage_due": "numbers of units and moments; the program's own, no endpoint lists it",
    "coverage_jump": "moments of fixes left out; the program's own, no endpoint lists it",
    "coverage_roads": "which road network was used on which day; says nothing of any place",
    "incident_change": "numbers of incidents that changed, nothing of them",
    "incident_category": "names of kinds of incidents",
    "incident_profile": "how columns of files are named; no value of a row",
    "grid_version": "dates and counts of imports of grids",
    "patrol_device": _KNOWN_BY_SECRET,
    "position_drop": "counts by device and reason, told with the device's unit",
    "response_site": "stations and posts, which stand on any map",
    "road_closure": "which roads are closed, and why",
    "road_line": "the roads of the map",
    "road_network": "dates and counts of imports of roads",
    "register_change": "numbers of addresses that changed, nothing of them",
    "store_note": "facts about the store",
    "write_key": "asked by account and key alone; it holds no value of a record",
}
# The application's role has no right on them; functions that run as the owner serve it.
CLOSED = {"audit_entry", "audit_head"}
DEFINERS = {
    "erase_residences",
    "erase_resident",
    "retention_delete",
    "retention_note",
    "retention_note_positions",
    "analyze_table",
    "audit_append",
    "audit_heads",
    "audit_make_partitions",
    "audit_own_addresses",
    "audit_read",
    "audit_read_all",
    "audit_volumes",
    "position_make_partitions",
    "position_purge_before",
}


@pytest.fixture(scope="module")
def two_grids(cluster: EmbeddedCluster) -> Iterator[Database]:
    """Two addresses in grid A, one in B, one in none; an alias, a history, a text for each."""
    drawn = draw("AB")
    with copied_database(cluster) as database:
        with database.session() as session:
            version = add_grid_version(session)
            session.add(IncidentCategory(code="theft", name="盗窃"))
            session.flush()
            for code, letter, count in ((A, "A", 2), (B, "B", 1), (None, None, 1)):
                grid = add_grid(session, code, drawn[letter], version=version) if code else None
                for _ in range(count):
                    address = add_standard_address(session, grid=grid)
                session.add(
                    AddressAlias(
                        standard_address_id=address.id, alias_text=f"旧名{code}",
                        alias_key=f"旧名{code}", source="test",
                    )
                )  # fmt: skip
                address.floor = "2层"  # leaves a history
                session.add(
                    ReviewItem(
                        address_text="甲", text_key=f"甲{code}", source="test", confidence=0.1,
                        grid_code=code,
                    )
                )  # fmt: skip
                add_records(session, address)
                add_incident(session, code)
                add_unit(session, code)
                if grid is not None:
                    session.add(
                        GridH3Cell(
                            grid_id=grid.id, h3_cell=1, resolution=9, share_of_grid=1,
                            share_of_h3_cell=1,
                        )
                    )  # fmt: skip
            session.add(ImportJob(kind="addresses", file_name="x.csv"))
            session.add(  # of nobody in the registers
                SubjectRequest(
                    kind="access", received_on=date(2026, 1, 1), due_on=date(2026, 1, 1),
                    received_by="x",
                )
            )  # fmt: skip
            for codes in ([A], [A, B], None):
                session.add(
                    ExportRequest(
                        kind="addresses", format="csv", grid_codes=codes, requested_by="x",
                        status="asked", rows_expected=1,
                    )
                )  # fmt: skip
            ids = session.scalars(select(StandardAddress.id).order_by(StandardAddress.id)).all()
            for first, second in ((ids[0], ids[1]), (ids[1], ids[2])):  # within A; A and B
                session.add(DuplicatePair(first_id=first, second_id=second, score=1, reasons=[]))
                session.add(
                    AddressMerge(
                        kept_id=first, merged_id=second, moved={}, alias_ids=[],
                        point_taken=False, merged_at=func.now(),
                    )
                )  # fmt: skip
        yield database


def add_incident(session: Session, grid_code: str | None) -> None:
    """An incident in a grid, closed since: so it has a history."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    row = Incident(
        category_code="theft", source="sensor", reported_at=at, occurred_from=at, occurred_to=at,
        grid_code=grid_code, dataset="test", recorded_by="test",
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.status = "closed"
    session.flush()


def add_unit(session: Session, grid_code: str | None) -> None:
    """A unit with a member, a shift, a status, a position, and a route of a plan."""
    unit = PatrolUnit(
        code=f"U{grid_code}", name="x", kind="foot", grid_codes=[grid_code] if grid_code else []
    )
    account = Account(name=f"u{grid_code}", shown_name="x", role="grid_worker", password_hash="x")
    session.add_all([unit, account])
    session.flush()
    at, of = datetime(2026, 3, 1, tzinfo=UTC), {"unit_id": unit.id}
    where = {"received_at": at, "lon": 112.5, "lat": 37.8, **of}
    shift = {"starts_at": at, "ends_at": at + timedelta(hours=8)}
    session.add(
        GridSetDraft(
            area_code="1", area_name="x", area_level="community", grid_codes=unit.grid_codes,
            content={}, blocks=b"", created_by="x",
        )
    )  # fmt: skip
    plan = PatrolPlan(grid_codes=unit.grid_codes, content={}, created_by="x", **shift)
    session.add(plan)
    session.flush()
    session.add(PatrolRoute(plan_id=plan.id, stops=[], legs=[], **shift, **of))
    session.add_all(
        [
            PatrolUnitMember(account_id=account.id, role="member", **of),
            DutyShift(starts_at=at, ends_at=at + timedelta(hours=8), planned_by="x", **of),
            PatrolUnitStatus(status="free", since=at, told_by="x", **of),
            PatrolPosition(fixed_at=at, device_id=1, skew_s=0, source="test", **where),
            UnitPresence(
                hour=at,
                kind="cell",
                pieces=b"",
                visits=b"",
                certain_ms=0,
                uncertain_ms=0,
                patrolling_ms=0,
                stationary_ms=0,
                responding_ms=0,
                **of,
            ),
            GridCoverage(hour=at, kind="cell", grid_code=grid_code or "", sums=b"", visits=b""),
            PatrolLatest(at=at, **where),
        ]
    )
    muster = Muster(
        reason="x", lon=112.5, lat=37.8, within_m=50, grid_codes=unit.grid_codes, called_by="x"
    )
    session.add(muster)
    session.flush()
    session.add(MusterCall(muster_id=muster.id, called_at=at, **of))
    for told, what in ((unit.id, "called"), (None, "ended")):
        session.add(MusterEvent(muster_id=muster.id, unit_id=told, what=what, at=at, told_by="x"))
    place = KeyPlace(
        code=f"K{grid_code}", name="x", grid_code=grid_code or "", reach_m=30, created_by="x",
        geom="SRID=4326;POINT(112.5 37.8)",
    )  # fmt: skip
    session.add(place)
    session.flush()
    session.add(
        KeyPlaceDose(key_place_id=place.id, first_hour=8, end_hour=9, weekdays=[1], dose_s=600)
    )


def add_records(session: Session, address: StandardAddress) -> None:
    """A dwelling, an establishment and a resident; of each a look and a report, and a history."""
    written = {"source": "test", "recorded_by": "test"}
    at = {"standard_address_id": address.id, "due_on": date(2025, 1, 1), **written}
    resident = Resident(name="测试甲某", **written)
    session.add(resident)
    session.flush()
    since = date(2024, 1, 1)
    residence = Residence(resident_id=resident.id, kind="floating", lived_from=since, **at)
    dwelling = Dwelling(use="vacant", **at)
    establishment = Establishment(
        name="示例店", establishment_class="other", occupied_from=since, **at
    )
    session.add(
        SubjectRequest(
            kind="access", resident_id=resident.id, received_on=since, due_on=since,
            received_by="x",
        )
    )  # fmt: skip
    records = (dwelling, establishment, residence, resident)
    session.add_all(records)
    session.flush()
    for row in records:
        of = {"record_kind": row.__tablename__, "record_id": row.id}
        session.add(RecordReport(note="x", reported_by="test", **of))
        session.add(
            RecordVerification(
                record_version=1, verified_on=since, verified_by="test", verified_how="visit", **of
            )
        )
    dwelling.note, establishment.note, resident.name = "x", "x", "测试乙某"
    residence.household_ref = "1"
    session.flush()


def seen(session: Session | Connection) -> dict[str, int]:
    """How many rows of each scoped table are seen."""
    return {
        name: session.execute(
            select(func.count()).select_from(Base.metadata.tables[name])
        ).scalar_one()
        for name in SCOPED_TABLES
    }


def test_without_a_scope_there_are_no_rows(two_grids: Database) -> None:
    nothing = dict.fromkeys(SCOPED_TABLES, 0)
    with two_grids.engine.connect() as connection:
        assert seen(connection) == nothing
    with two_grids.session() as session:  # the same connection, after a transaction with a scope
        assert seen(session)["standard_address"] == 4
    with two_grids.engine.connect() as connection:
        assert seen(connection) == nothing
    with two_grids.session_of(GridScope.of([])) as session:
        assert seen(session) == nothing


def test_each_sees_their_own_grids_and_the_operator_all(two_grids: Database) -> None:
    with two_grids.session_of(GridScope.of([A])) as session:
        assert seen(session) == {
            "standard_address": 2, "address_alias": 1, "standard_address_history": 1, "grid": 1,
            "grid_h3_cell": 1, "review_item": 1, "import_job": 0, "address_merge": 1,
            "duplicate_pair": 1, "dwelling": 1, "establishment": 1, "resident": 1, "residence": 1,
            "record_history": 4, "record_report": 4, "record_verification": 4, "export_request":
            1, "incident": 1, "incident_history": 1,
            "patrol_plan": 1, "patrol_route": 1, "muster": 1, "muster_call": 1, "muster_event": 2,
            "grid_set_draft": 1,
            "patrol_unit": 1, "patrol_unit_member": 1, "patrol_unit_status": 1, "duty_shift": 1,
            "patrol_position": 1, "patrol_latest": 1, "unit_presence": 1, "grid_coverage": 1,
            "key_place": 1, "key_place_dose": 1,
            "subject_request": 1,
        }  # fmt: skip
        assert set(session.scalars(select(StandardAddress.grid_code))) == {A}
    with two_grids.read_session_of(GridScope.of([A, B])) as session:
        assert seen(session)["standard_address"] == 3  # the one in no grid is the operator's
    with two_grids.session() as session:
        assert seen(session) == {
            "standard_address": 4, "address_alias": 3, "standard_address_history": 3, "grid": 2,
            "grid_h3_cell": 2, "review_item": 3, "import_job": 1, "address_merge": 2,
            "duplicate_pair": 2, "dwelling": 3, "establishment": 3, "resident": 3, "residence": 3,
            "record_history": 12, "record_report": 12, "record_verification": 12,
            "export_request": 3, "incident": 3, "incident_history": 3,
            "patrol_plan": 3, "patrol_route": 3, "muster": 3, "muster_call": 3, "muster_event": 6,
            "grid_set_draft": 3,
            "patrol_unit": 3, "patrol_unit_member": 3, "patrol_unit_status": 3, "duty_shift": 3,
            "patrol_position": 3, "patrol_latest": 3, "unit_presence": 3, "grid_coverage": 3,
            "key_place": 3, "key_place_dose": 3,
            "subject_request": 4,
        }  # fmt: skip


def test_scope_lasts_over_commits_and_savepoints(two_grids: Database) -> None:
    session = two_grids.open_session()
    session.info["scope"] = GridScope.of([B])
    with session:
        assert seen(session)["standard_address"] == 1
        session.commit()
        with session.begin_nested() as savepoint:
            assert seen(session)["standard_address"] == 1
            savepoint.rollback()
        assert seen(session)["standard_address"] == 1


@pytest.mark.parametrize("code", ["*", "a,b", "{a}", '"', "'; --", "\\", "", "NULL", "网格"])
def test_a_code_is_itself_and_nothing_more(two_grids: Database, code: str) -> None:
    with two_grids.session_of(GridScope.of([code])) as session:
        assert session.scalar(text("SELECT scope_is_everything()")) is False
        assert session.scalar(text("SELECT scope_grid_codes()")) == [code]
        assert seen(session)["standard_address"] == 0


def refused(session: Session, statement: Any) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security policy"),
        session.begin_nested(),
    ):
        session.execute(statement)


def test_writing_into_anothers_grid_is_refused(two_grids: Database) -> None:
    with two_grids.session() as session:
        in_b = select(StandardAddress).where(StandardAddress.grid_code == B)
        theirs = session.scalars(in_b).one()
    fresh = {
        "road": "甲路", "canonical_text": "甲路", "search_key": "x", "level": "road",
        "source": "test",
    }  # fmt: skip
    with two_grids.session_of(GridScope.of([A])) as session:
        refused(session, insert(StandardAddress).values(**fresh, grid_code=B))
        refused(session, insert(StandardAddress).values(**fresh))
        refused(session, update(StandardAddress).values(grid_code=B))
        refused(
            session,
            insert(AddressAlias).values(
                standard_address_id=theirs.id, alias_text="x", alias_key="x", source="test"
            ),
        )
        refused(
            session,
            insert(StandardAddressHistory).values(
                standard_address_id=theirs.id, version=1, was={}, recorded_from=func.now()
            ),
        )
        for table, more in (
            (Dwelling, {"use": "vacant"}),
            (Establishment, {"name": "x", "establishment_class": "other",
                             "occupied_from": date(2025, 1, 1)}),
            (Residence, {"resident_id": 1, "kind": "lodging", "lived_from": date(2025, 1, 1)}),
        ):  # fmt: skip
            at_theirs = {
                "standard_address_id": theirs.id, "source": "test", "recorded_by": "test",
                "due_on": date(2025, 1, 1), "grid_code": A,
            }  # fmt: skip
            refused(session, insert(table).values(**at_theirs, **more))
        at = datetime(2025, 1, 1, tzinfo=UTC)
        in_b_then = {
            "category_code": "theft", "source": "sensor", "reported_at": at, "occurred_from": at,
            "occurred_to": at, "grid_code": B, "dataset": "test", "recorded_by": "test",
        }  # fmt: skip
        refused(session, insert(Incident).values(in_b_then))
        refused(session, update(Incident).values(grid_code=B))
        refused(
            session,
            insert(IncidentHistory).values(incident_id=2**40, version=1, was={}, recorded_from=at),
        )
        refused(session, insert(Resident).values(name="x", source="test", recorded_by="test"))
        in_b = select(Dwelling.id).where(Dwelling.grid_code == B)
        with two_grids.session() as all_seeing:
            theirs_id = all_seeing.scalars(in_b).one()
        refused(
            session,
            insert(RecordReport).values(
                record_kind="dwelling", record_id=theirs_id, note="x", reported_by="test"
            ),
        )
        with two_grids.session() as all_seeing:
            unit_id = all_seeing.scalars(
                select(PatrolUnit.id).where(PatrolUnit.code == f"U{B}")
            ).one()
        at = datetime(2026, 3, 2, tzinfo=UTC)
        refused(
            session,
            insert(PatrolPosition).values(
                unit_id=unit_id,
                fixed_at=at,
                device_id=1,
                received_at=at,
                skew_s=0,
                lon=1,
                lat=1,
                source="x",
            ),
        )
        refused(
            session,
            insert(GridCoverage).values(hour=at, kind="cell", grid_code=B, sums=b"", visits=b""),
        )
        refused(session, insert(PatrolUnit).values(code="x", name="x", kind="car", grid_codes=[B]))
        refused(session, insert(ImportJob).values(kind="addresses", file_name="x"))
        asked = {"kind": "addresses", "format": "csv", "requested_by": "x", "status": "asked"}
        for codes in ([B], [A, B], None):
            refused(
                session,
                insert(ExportRequest).values(**asked, rows_expected=1, grid_codes=codes),
            )
        # What isn't seen is neither changed nor deleted.
        changed: Any = session.execute(
            update(StandardAddress).where(StandardAddress.id == theirs.id).values(road="乙路")
        )
        assert changed.rowcount == 0
        session.rollback()


def test_everything_is_seen_for_a_block_and_no_longer(two_grids: Database) -> None:
    with two_grids.session_of(GridScope.of([A])) as session:
        with seeing_everything(session):
            assert seen(session)["standard_address"] == 4
        assert seen(session)["standard_address"] == 2
        with pytest.raises(InvalidInput), seeing_everything(session):
            raise InvalidInput("x")
        assert seen(session)["standard_address"] == 2
        with session.begin_nested() as savepoint:
            with pytest.raises(ProgrammingError), seeing_everything(session):
                session.execute(text("SELECT no_such_column"))
            savepoint.rollback()
        assert seen(session)["standard_address"] == 2


def test_waiting_changes_are_written_under_the_callers_own_scope(two_grids: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security policy"):  # noqa: SIM117
        with two_grids.session_of(GridScope.of([A])) as session:
            own = session.scalars(select(StandardAddress)).first()
            assert own is not None
            own.grid_code = B
            with seeing_everything(session):
                pytest.fail("the change should have been refused before")


def test_an_alias_goes_where_its_address_goes(session: Session) -> None:
    def grids() -> list[str | None]:
        return list(session.scalars(select(AddressAlias.grid_code).order_by(AddressAlias.id)))

    drawn = draw("AB")
    in_a, in_b = (add_grid(session, code, drawn[letter]) for code, letter in ((A, "A"), (B, "B")))
    address, other = add_standard_address(session, grid=in_a), add_standard_address(session)
    for each in (address, other):
        session.add(
            AddressAlias(
                standard_address_id=each.id, alias_text="旧名", alias_key="旧名", source="test"
            )
        )
    session.flush()
    assert grids() == [A, None]
    session.execute(
        update(StandardAddress)
        .where(StandardAddress.id == address.id)
        .values(grid_id=in_b.id, grid_code=B)
    )
    assert grids() == [B, None]
    session.execute(update(AddressAlias).values(grid_code=A))  # it isn't anybody's to choose
    assert grids() == [B, None]


def test_answers_to_callers_never_take_the_session_that_sees_everything() -> None:
    """In the rooms that answer callers, only the program's own jobs may."""
    jobs = {
        "api/endpoints/duplicates.py": 2,  # for the operator alone, as the next
        "api/endpoints/imports.py": 2,  # for the operator alone, past the request's transaction
        "api/export_workers.py": 1,
        "api/import_workers.py": 2,
        "api/services.py": 1,
        "web/daily.py": 6,
        "web/demo_plan.py": 1,
        "web/serve.py": 2,
    }
    top = Path(__file__).parents[3]
    sees_all = re.compile(r"database\.(?:session|open_session|engine)\b")
    found = {
        str(file.relative_to(top)): len(sees_all.findall(file.read_text("utf-8")))
        for room in ("api", "web")
        for file in (top / room).rglob("*.py")
    }
    assert {name: count for name, count in found.items() if count} == jobs


def test_the_neighbour_of_a_border_keeps_it(two_grids: Database) -> None:
    """A point on the border is in the grid with the smaller code, also for who sees the other."""
    with two_grids.session_of(GridScope.of([B])) as session:
        east_of_a = session.scalar(
            text("SELECT ST_XMin(geom) FROM grid WHERE grid_code = :code"), {"code": B}
        )
        middle = session.scalar(
            text("SELECT ST_Y(ST_Centroid(geom)) FROM grid WHERE grid_code = :code"), {"code": B}
        )
        grids = load_stored_grids(session, on=date(2025, 1, 1))
        placed = grids.place([east_of_a], [middle])
        assert placed["grid_code"].tolist() == [A]
        assert session.scalars(select(Grid.grid_code)).all() == [B]


# -- what holds for every table, today's and tomorrow's


def test_every_table_is_scoped_or_known_to_be_public(session: Session) -> None:
    held = set(
        session.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relrowsecurity AND relforcerowsecurity"
            )
        )
    )
    assert held == set(SCOPED_TABLES)
    unknown = set(Base.metadata.tables) - held - set(PUBLIC) - CLOSED
    assert not unknown, f"{unknown}: give each a policy, or say here why anybody may see it"


def test_closed_tables_take_a_function(session: Session) -> None:
    rights = "has_table_privilege({}, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
    for name in (*CLOSED, "audit_entry_other"):
        assert session.scalar(text(f"SELECT {rights.format(repr(name))}")) is False, name


def test_every_policy_checks_what_is_written(session: Session) -> None:
    rows = session.execute(
        text("SELECT tablename, qual, with_check, permissive, roles::text FROM pg_policies")
    ).all()
    assert {row.tablename for row in rows} == set(SCOPED_TABLES)
    for row in rows:
        assert row.qual == row.with_check, row.tablename
        assert row.roles == "{public}", row.tablename


def test_the_applications_role_has_no_way_around(session: Session) -> None:
    role = session.execute(
        text(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
            "WHERE rolname = current_user"
        )
    ).one()
    assert tuple(role) == (False, False, False, False)
    assert session.scalar(text("SELECT current_user")) == "gridbeat_app"


def test_views_and_functions_ask_as_the_caller(session: Session) -> None:
    own = (
        "NOT EXISTS (SELECT FROM pg_depend WHERE objid = {0}.oid AND deptype = 'e') "
        "AND {1} = 'public'::regnamespace"
    )
    views = session.execute(
        text(
            "SELECT relname, relkind::text, coalesce(reloptions::text, '') AS options "
            f"FROM pg_class c WHERE relkind IN ('v', 'm') AND {own.format('c', 'relnamespace')}"
        )
    ).all()
    for view in views:
        assert view.relkind == "v", f"{view.relname}: row security doesn't reach what it stored"
        assert "security_invoker=true" in view.options, view.relname
    definers = set(
        session.scalars(
            text(
                "SELECT proname FROM pg_proc p WHERE prosecdef "
                f"AND {own.format('p', 'pronamespace')}"
            )
        )
    )
    assert definers == DEFINERS


def test_the_index_on_the_point_serves_a_limited_caller(session: Session) -> None:
    """It doesn't where `geometry_overlaps` isn't known to be leakproof."""
    set_scope(session, GridScope.of([A]))
    session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(
        session.scalars(
            text(
                "EXPLAIN SELECT id FROM standard_address "
                "WHERE geom && ST_MakeEnvelope(112, 37, 113, 38, 4326)"
            )
        )
    )
    assert "ix_standard_address_geom" in plan, plan
