"""Every door, from the list of all routes: anonymous, the wrong role, the neighbour, one's own.

The list is made from the application. A route that none of the lists below names fails a test, so
that a new one can't be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import FOR_ALL_ROLES, OPEN, QUESTIONS, TAKES
from geo import accounts, registers
from geo.audit import Access
from geo.exports import ExportFilter, ask_export, run_export
from geo.h3_cells import h3_cell_to_text, lonlat_to_h3_cell
from geo.registers.cycles import VERIFY_MONTHS
from geo.roads.store import store_road_network
from geo.store.cluster import EmbeddedCluster
from geo.tables import (
    ROLES,
    Account,
    AddressMerge,
    DuplicatePair,
    GridSetDraft,
    Incident,
    IncidentCategory,
    KeyPlace,
    KeyPlaceDose,
    Muster,
    MusterCall,
    PatrolLatest,
    PatrolPlan,
    PatrolRoute,
    PatrolUnit,
    PatrolUnitMember,
    Residence,
    Resident,
    ReviewItem,
    SubjectRequest,
)
from geo.values import GridScope
from layers.routes.kept import KeptPlan, kept_to_json
from tests.api.conftest import (
    COMMUNITY_1,
    GRID_A,
    GRID_B,
    District,
    counted_statements,
    settled_district,
)
from tests.geo.roads.streets import streets
from tests.layers.balanced_grids.towns import kept_draft
from web.app import create_app

PASSWORD = "only-a-test-password"
TOKEN = re.compile(r"\{(\w+)(?::\w+)?\}")

# Why somebody asks about a person; who has no reason is refused in tests/api/test_registers.py.
REASON = {"X-Purpose": "register", "X-Case": "T-1"}
PHONE = "15400000001"
SEEN = {"expected_version": 1}
LOOK = {"expected_version": 1, "look": {"on": "2025-01-01"}}
LIVES = {"standard_address_id": "ADDRESS", "kind": "lodging", "lived_from": "2025-01-01"}
# An item in grid A: its owner gets it, the neighbour 404. Values of the path; `query` besides.
ITEMS: dict[str, dict[str, Any]] = {
    "get_dwelling": {"dwelling_id": "DWELLING"},
    "list_dwelling_history": {"dwelling_id": "DWELLING"},
    "get_establishment": {"establishment_id": "ESTABLISHMENT"},
    "list_establishment_history": {"establishment_id": "ESTABLISHMENT"},
    "get_resident": {"resident_id": "RESIDENT", "headers": REASON},
    "list_residents": {"query": {"address_id": "ADDRESS"}, "headers": REASON},
    "list_address_records": {"address_id": "ADDRESS", "headers": REASON},
    "list_address_incidents": {"address_id": "ADDRESS"},
    "get_grid": {"grid_code": GRID_A},
    "list_grid_neighbours": {"grid_code": GRID_A},
    "list_grid_h3_cells": {"grid_code": GRID_A, "query": {"resolution": 9}},
    "get_address": {"address_id": "ADDRESS"},
    "list_address_history": {"address_id": "ADDRESS"},
    "list_address_aliases": {"address_id": "ADDRESS"},
    "get_review_item": {"item_id": "ITEM"},
    "get_duplicate": {"pair_id": "PAIR"},
    "list_address_merges": {"address_id": "ADDRESS"},
    "get_export": {"export_id": "EXPORT"},
    "get_export_file": {"export_id": "EXPORT"},
    "get_unit": {"unit_id": "UNIT"},
    "get_muster": {"muster_id": "MUSTER"},
    "list_unit_members": {"unit_id": "UNIT"},
    "list_unit_shifts": {"unit_id": "UNIT"},
    "list_unit_positions": {"unit_id": "UNIT"},
    "get_unit_day": {"unit_id": "UNIT"},
    "get_incident": {"incident_id": "INCIDENT"},
    "get_route_gpx": {"plan_id": "PLAN", "unit_id": "UNIT"},
}
# Writes to an item in grid A: the neighbour gets 404, whatever the body. The owner's own answers
# are tested where the endpoint is.
WRITES: dict[str, dict[str, Any]] = {
    "record_dwelling": {"body": {"standard_address_id": "ADDRESS", "use": "vacant"}},
    "change_dwelling": {"dwelling_id": "DWELLING", "body": SEEN},
    "end_dwelling": {"dwelling_id": "DWELLING", "body": {**SEEN, "ended_on": "2025-01-01"}},
    "verify_dwelling": {"dwelling_id": "DWELLING", "body": LOOK},
    "report_dwelling": {"dwelling_id": "DWELLING", "body": {"note": "x"}},
    "record_establishment": {
        "body": {
            "standard_address_id": "ADDRESS", "name": "x", "establishment_class": "other",
            "occupied_from": "2025-01-01",
        },
    },
    "change_establishment": {"establishment_id": "ESTABLISHMENT", "body": SEEN},
    "end_establishment": {
        "establishment_id": "ESTABLISHMENT", "body": {**SEEN, "left_on": "2025-01-01"},
    },
    "move_establishment": {
        "establishment_id": "ESTABLISHMENT",
        "body": {**SEEN, "standard_address_id": "ADDRESS", "moved_on": "2025-01-01"},
    },
    "verify_establishment": {"establishment_id": "ESTABLISHMENT", "body": LOOK},
    "report_establishment": {"establishment_id": "ESTABLISHMENT", "body": {"note": "x"}},
    "record_resident": {"body": {"name": "测试甲某", "residence": LIVES}, "headers": REASON},
    "change_resident": {"resident_id": "RESIDENT", "body": SEEN, "headers": REASON},
    "report_elsewhere": {
        "body": {"resident_id": "RESIDENT", "residence": LIVES}, "headers": REASON,
    },
    "read_dwelling_numbers": {"dwelling_id": "DWELLING", "headers": REASON},
    "read_establishment_numbers": {"establishment_id": "ESTABLISHMENT", "headers": REASON},
    "read_resident_numbers": {
        "resident_id": "RESIDENT", "body": {"fields": ["phone"]}, "headers": REASON,
    },
    "open_residence": {"resident_id": "RESIDENT", "body": LIVES, "headers": REASON},
    "report_resident": {"resident_id": "RESIDENT", "body": {"note": "x"}, "headers": REASON},
    "change_residence": {"residence_id": "RESIDENCE", "body": SEEN, "headers": REASON},
    "move_resident": {
        "residence_id": "RESIDENCE", "body": {**SEEN, **LIVES}, "headers": REASON,
    },
    "end_residence": {
        "residence_id": "RESIDENCE", "body": {**SEEN, "lived_to": "2025-01-01"},
        "headers": REASON,
    },
    "annul_residence": {"residence_id": "RESIDENCE", "body": SEEN, "headers": REASON},
    "verify_residence": {"residence_id": "RESIDENCE", "body": LOOK, "headers": REASON},
    "report_residence": {"residence_id": "RESIDENCE", "body": {"note": "x"}, "headers": REASON},
    "settle_record_report": {"report_id": "REPORT", "body": {"mended": True}},
    "change_address": {"address_id": "ADDRESS", "body": {"expected_version": 1}},
    "end_address": {"address_id": "ADDRESS", "body": {"expected_version": 1}},
    "add_address_alias": {
        "address_id": "ADDRESS", "body": {"alias_text": "别名", "source": "test"},
    },
    "end_address_alias": {"address_id": "ADDRESS", "alias_id": 1},
    "match_review_item": {
        "item_id": "ITEM",
        "body": {"version": 1, "standard_address_id": 1},
    },
    "reject_review_item": {"item_id": "ITEM", "body": {"version": 1}},
    "reopen_review_item": {"item_id": "ITEM", "body": {"version": 1}},
    "merge_duplicate": {
        "pair_id": "PAIR",
        "body": {
            "version": 1, "keep_id": 1, "first_version": 1, "second_version": 1,
        },
    },
    "set_duplicate_apart": {"pair_id": "PAIR", "body": {"version": 1}},
    "put_duplicate_aside": {"pair_id": "PAIR", "body": {"version": 1}},
    "reopen_duplicate": {"pair_id": "PAIR", "body": {"version": 1}},
    "undo_merge": {"merge_id": "MERGE"},
    "set_incident_status": {
        "incident_id": "INCIDENT", "body": {"status": "closed", "version": 1},
    },
    "approve_export": {"export_id": "EXPORT", "body": {}},
    "refuse_export": {"export_id": "EXPORT", "body": {"note": "x"}},
    "create_unit": {
        "body": {"code": "N", "name": "新", "kind": "foot", "grid_codes": [GRID_A]},
    },
    "set_unit_status": {"unit_id": "UNIT", "body": {"status": "free"}},
    "plan_unit_shift": {
        "unit_id": "UNIT",
        "body": {"starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-03-01T08:00:00Z"},
    },
    "end_unit_duty": {"unit_id": "UNIT"},
    "change_unit": {"unit_id": "UNIT", "body": {"version": 1}},
    "end_unit": {"unit_id": "UNIT", "body": {"version": 1}},
    "join_unit": {"unit_id": "UNIT", "body": {"role": "member", "shown_name": "x"}},
    "leave_unit": {"unit_id": "UNIT", "member_id": 1},
    "cancel_unit_shift": {"unit_id": "UNIT", "shift_id": 1},
    "renew_unit_device_token": {"unit_id": "UNIT", "device_id": 1},
    "register_unit_device": {"unit_id": "UNIT", "body": {}},
    "end_unit_device": {"unit_id": "UNIT", "device_id": 1},
    "acknowledge_muster": {"muster_id": "MUSTER", "unit_id": "UNIT"},
    "decline_muster": {"muster_id": "MUSTER", "unit_id": "UNIT", "body": {"reason": "x"}},
    "check_in_at_muster": {"muster_id": "MUSTER", "unit_id": "UNIT"},
    "stand_down_unit": {"muster_id": "MUSTER", "unit_id": "UNIT"},
    "call_more_units": {"muster_id": "MUSTER", "body": {"unit_ids": ["UNIT"]}},
    "end_muster": {"muster_id": "MUSTER"},
    "call_muster": {
        "body": {"reason": "x", "address_id": "ADDRESS", "nearest": {"wanted": 1}},
    },
    "create_key_place": {"body": {"code": "N", "name": "新", "lon": "LON", "lat": "LAT"}},
    "set_key_place_doses": {"key_place_id": "KEY_PLACE", "body": {"doses": []}},
    "end_key_place": {"key_place_id": "KEY_PLACE"},
}  # fmt: skip
# Lists and sums: what the neighbour gets holds nothing of grid A.
LISTS: dict[str, dict[str, Any]] = {
    "list_dwellings": {},
    "list_establishments": {},
    "search_residents": {"body": {"phone": PHONE}, "headers": REASON},
    "list_record_reports": {"headers": REASON},
    "list_due": {"query": {"within_days": 366}},
    "list_due_grids": {"query": {"within_days": 366}},
    "list_addresses": {},
    "list_grids": {},
    "list_review_items": {},
    "list_duplicates": {},
    "list_exports": {},
    "get_store": {},
    "geocode": {"query": {"q": "小店区滨河路1号"}},
    "suggest": {"query": {"q": "滨河"}},
    "locate": {"query": {"lon": "LON", "lat": "LAT"}},
    "list_incidents": {},
    "get_hotspots": {"query": {"bbox": "112,37,113,38", "zoom": 14}},
    "get_address_density": {"query": {"bbox": "112,37,113,38", "zoom": 14}},
    "get_freshness": {},
    "get_grids_tile": {"z": 0, "x": 0, "y": 0},
    "list_h3_cell_grids": {"h3_cell": "CELL"},
    "geocode_many": {"body": {"addresses": ["小店区滨河路1号"]}},
    "list_units": {},
    "list_musters": {},
    "list_own_routes": {},
    "list_key_places": {},
    "list_uncovered": {},
    "get_coverage": {},
    "list_latest_positions": {},
    "list_cot_events": {},
    "find_nearest_units": {"body": {"place": {"lon": "LON", "lat": "LAT"}}},
    "get_reach": {"query": {"by": "grid"}},
    "get_unit_board": {},
    "list_nearest_units": {"query": {"lon": "LON", "lat": "LAT"}},
    "replay_positions": {"headers": REASON},
    "watch_positions": {"query": {"for_s": 0}},
    "create_address": {"body": {"address_text": "小店区甲路1号", "source": "test"}},
}
# What whoever may read may ask for, of what they see; tested by themselves below.
OWN_WORK = {"ask_export", "stop_export"}
# For who answers persons about what is kept of them.
RIGHTS = {
    "receive_subject_request", "list_subject_requests", "get_subject_request",
    "check_subject_identity", "copy_subject", "correct_subject", "erase_subject",
    "refuse_subject_request", "withdraw_subject_request",
}  # fmt: skip
RIGHTS_PAGES = {"/rights"}
# Sums over units, for who leads them.
LEADING: dict[str, dict[str, Any]] = {
    "list_weekly_shares": {},
    "get_ground_covered": {"query": {"start": "A_DAY_AGO"}},
}
# Nothing to tell the neighbour: a place outside is refused, too few incidents for a table are 409.
# For who leads units, of their own grids: tests/api/test_roads.py.
OWN_WORK = {
    "ask_export", "stop_export", "create_incident", "get_hotspot_backtest",
    "get_hotspot_concentration", "get_hotspot_week", "get_hotspot_near_repeats",
    "get_hotspot_shift",
    "get_gaps", "watch_gaps", "suggest_move_ups", "list_gap_slots", "close_roads", "reopen_roads",
    "list_dose_gaps", "/gaps", "/balance", "ask_siting", "get_siting", "stop_siting",
    "compare_siting",
    "get_mismatch",
}  # fmt: skip
# Patrol plans: for who leads units and sees all places of the plan.
PLANS: dict[str, dict[str, Any]] = {
    "list_patrol_plans": {},
    "get_patrol_plan": {"plan_id": "PLAN"},
    "get_plan_actual": {"plan_id": "PLAN"},
    "solve_patrol_plan": {"plan_id": "PLAN", "body": {"seconds": 1}},
    "stop_patrol_plan": {"plan_id": "PLAN"},
    "edit_patrol_plan": {"plan_id": "PLAN", "body": {"version": 1, "kind": "choose"}},
    "assign_patrol_plan": {"plan_id": "PLAN", "body": {"version": 1}},
    "end_patrol_plan": {"plan_id": "PLAN"},
    "plan_rest": {"plan_id": "PLAN", "body": {}},
    "list_plan_candidates": {"query": {"start": "2026-01-01T00:00:00Z",
                                       "end": "2026-01-01T08:00:00Z"}},
    "create_patrol_plan": {"body": {"starts_at": "2026-01-01T00:00:00Z",
                                    "ends_at": "2026-01-01T08:00:00Z", "unit_ids": []}},
}  # fmt: skip
PLANS |= {
    "list_grid_drafts": {},
    "create_grid_draft": {"body": {"area_code": COMMUNITY_1}},
    "get_grid_draft": {"draft_id": "DRAFT"},
    "get_grid_draft_map": {"draft_id": "DRAFT"},
    "get_grid_draft_file": {"draft_id": "DRAFT"},
    "solve_grid_draft": {"draft_id": "DRAFT", "body": {"version": 1}},
    "stop_grid_draft": {"draft_id": "DRAFT"},
    "edit_grid_draft": {"draft_id": "DRAFT", "body": {"version": 1}},
    "decide_grid_draft": {"draft_id": "DRAFT", "body": {"version": 1, "status": "ended"}},
}
# Of nobody's grid: what everyone who may read gets.
PUBLIC = {
    "list_areas", "get_area", "list_area_children", "list_grid_versions", "get_basemap_tile",
    "list_incident_categories",
    "get_road_network", "get_road_at", "list_road_closures", "get_travel_times", "get_travel_path",
    "read_addresses", "standardise_addresses", "compare_addresses", "list_purposes",
    "get_task", "open_task", "end_task",
}  # fmt: skip
# For administrators of the system; to everybody else they aren't there.
OPERATORS = {
    "import_addresses", "import_areas", "import_grids", "import_basemap", "list_imports",
    "get_import", "stop_import", "resume_import", "get_import_file",
    "search_duplicates", "accept_grid_draft",
}  # fmt: skip
# Each takes a permission of its own, which one role has.
KEPT = {name: str(permission) for name, permission in TAKES.items()}
KEEPERS = {"audit": "audit_administrator", "accounts": "security_administrator"}
PAGES = {
    "/",
    "/coverage",
    "/due",
    "/live",
    "/units",
    "/routes",
    "/geocode",
    "/review",
    "/address",
    "/duplicates",
    "/exports",
    "/reach",
    "/siting",
}
# A page of one thing: 404 outside the scope, as the thing itself.
ITEM_PAGES: dict[str, dict[str, Any]] = {
    "/place/{address_id}": {"address_id": "ADDRESS"},
}
# For members of the unit and who leads units; to everybody else they aren't there.
UNIT_PAGES: dict[str, dict[str, Any]] = {
    "/routes/{plan_id}/roadbook/{unit_id}": {"plan_id": "PLAN", "unit_id": "UNIT"},
    "/units/{unit_id}": {"unit_id": "UNIT"},
    "/coverage/units/{unit_id}": {"unit_id": "UNIT"},  # its members', and who leads units
}
OPERATOR_PAGES = {"/imports"}


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    with settled_district(cluster, tmp_path_factory.mktemp("doors")) as settled:
        yield settled


@pytest.fixture(scope="module")
def app(place: District) -> FastAPI:
    return create_app(place.settings, place.database)


@pytest.fixture(scope="module")
def client(app: FastAPI, known: dict[str, Any]) -> Iterator[TestClient]:
    with TestClient(app, base_url="https://testserver", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def tokens(place: District) -> dict[str, str]:
    """A token for each caller: one of every role who sees everything, two who see one grid."""
    now = datetime.now(UTC)
    made = {}
    with place.database.session() as session:
        callers: list[tuple[str, str, str | None]] = [
            *((role, role, None) for role in ROLES),
            ("own", "grid_worker", GRID_A),
            ("neighbour", "grid_worker", GRID_B),
            ("chief.a", "chief", GRID_A),
            ("chief.b", "chief", GRID_B),
        ]
        for name, role, area in callers:
            account = accounts.create_account(session, name, PASSWORD, role=role, is_demo=True)
            accounts.assign(session, account, area, valid_from=now.date() - timedelta(days=2))
            made[name] = account.id
        session.flush()
    signed_in = {}
    for name in made:
        signed_in[name] = accounts.sign_in(place.database, name, PASSWORD, now=now).token
    return signed_in


@pytest.fixture(scope="module")
def known(place: District, tokens: dict[str, str]) -> dict[str, Any]:
    """What the words in capitals stand for: things of grid A."""
    point = place.drawn["A"].representative_point()
    with place.database.session() as session:
        item = ReviewItem(
            address_text="滨河路777号", text_key="滨河路777号", source="test", confidence=0.5,
            grid_code=GRID_A,
        )  # fmt: skip
        first, second, third, fourth = place.address_ids["A"][:4]
        pair = DuplicatePair(first_id=first, second_id=second, score=1, reasons=[])
        merge = AddressMerge(
            kept_id=third, merged_id=fourth, moved={}, alias_ids=[], point_taken=False,
            merged_at=datetime.now(UTC),
        )  # fmt: skip
        session.add(IncidentCategory(code="theft", name="盗窃"))
        session.flush()
        at = datetime.now(UTC) - timedelta(days=1)
        incident = Incident(
            category_code="theft", source="resident_reported", reported_at=at, occurred_from=at,
            occurred_to=at, address_text="滨河路777号", grid_code=GRID_A, dataset="test",
            recorded_by="test", point_method="given",
            geom=f"SRID=4326;POINT({point.x} {point.y})",
            h3_cell=int(lonlat_to_h3_cell(point.x, point.y)),
        )  # fmt: skip
        session.add_all([item, pair, merge, incident])
        session.flush()
        unit_id = a_unit(session)
        plan_id = a_plan(session, unit_id)
        muster_id = a_muster(session, unit_id)
        draft = GridSetDraft(
            area_code=COMMUNITY_1, area_name="第一社区", area_level="community",
            grid_codes=[GRID_A], created_by="leader", **kept_draft(place.drawn["A"], GRID_A),
        )  # fmt: skip
        session.add(draft)
        session.flush()
        draft_id = draft.id
        store_road_network(session, streets("A-B-C"), name="test", valid_from=date(2025, 1, 1))
        key_place = KeyPlace(
            code="K-A", name="滨河路口", grid_code=GRID_A, reach_m=30, created_by="test",
            geom=f"SRID=4326;POINT({point.x} {point.y})",
        )  # fmt: skip
        session.add(key_place)
        session.flush()
        session.add(
            KeyPlaceDose(
                key_place_id=key_place.id, first_hour=8, end_hour=9,
                weekdays=[1, 2, 3, 4, 5, 6, 7], dose_s=600,
            )
        )  # fmt: skip
        key_place_id = key_place.id
        item_id, pair_id, merge_id = item.id, pair.id, merge.id
        records = _add_records(session, first)
        incident_id = incident.id
    own = GridScope.of([GRID_A])
    with place.database.session_of(own) as session:
        export = ask_export(
            session, Access("own"), kind="addresses", file_format="csv",
            filters=ExportFilter(grid_code=GRID_A), scope=own, settings=place.settings,
            now=datetime.now(UTC),
        )  # fmt: skip
    run_export(place.database, export.id, settings=place.settings)
    return {
        "ADDRESS": place.address_ids["A"][0],
        "ITEM": item_id,
        "PAIR": pair_id,
        "MERGE": merge_id,
        "EXPORT": export.id,
        **records,
        "UNIT": unit_id,
        "PLAN": plan_id,
        "MUSTER": muster_id,
        "DRAFT": draft_id,
        "INCIDENT": incident_id,
        "KEY_PLACE": key_place_id,
        "A_DAY_AGO": (datetime.now(UTC) - timedelta(hours=23)).isoformat(),
        "LON": point.x,
        "LAT": point.y,
        "CELL": h3_cell_to_text(int(lonlat_to_h3_cell(point.x, point.y, 9))),
    }


def _add_records(session: Session, address_id: int) -> dict[str, int]:
    """A record of each kind at an address, and a report."""
    since = date(2024, 1, 1)
    who = registers.Writing(
        Access("test", purpose="register", case_ref="T-1"), GridScope.everything(),
        today=date(2026, 1, 1), cycles=registers.Cycles(VERIFY_MONTHS),
    )  # fmt: skip
    dwelling = registers.record_dwelling(
        session, registers.NewDwelling(address_id, "vacant"), writing=who
    )
    establishment = registers.record_establishment(
        session, registers.NewEstablishment(address_id, "示例店", "other", since), writing=who
    )
    resident = registers.record_resident(
        session,
        registers.NewResident("测试乙某", phone=PHONE),
        registers.NewResidence(address_id, "floating", since),
        writing=who,
    )
    report = registers.report_error(session, "dwelling", dwelling.record_id, "x", writing=who)
    assert resident.residence_id is not None
    return {
        "DWELLING": dwelling.record_id,
        "ESTABLISHMENT": establishment.record_id,
        "RESIDENT": resident.record_id,
        "RESIDENCE": resident.residence_id,
        "REPORT": report.id,
    }


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """A body with the words in capitals as what they stand for."""
    if isinstance(value, dict):
        return {key: _filled(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    return known.get(value, value) if isinstance(value, str) else value


def a_unit(session: Session) -> int:
    """A unit of grid A that "own" belongs to, with a newest position."""
    unit = PatrolUnit(code="巡逻滨河路", name="甲", kind="foot", grid_codes=[GRID_A])
    own = session.scalars(select(Account.id).where(Account.name == "own")).one()
    session.add(unit)
    session.flush()
    session.add_all(
        [
            PatrolUnitMember(unit_id=unit.id, account_id=own, role="member"),
            PatrolLatest(
                unit_id=unit.id, at=datetime.now(UTC), received_at=datetime.now(UTC), lon=112.55,
                lat=37.88,
            ),
        ]
    )  # fmt: skip
    return unit.id


def a_muster(session: Session, unit_id: int) -> int:
    """An open muster in grid A that the unit is called to."""
    muster = Muster(
        reason="滨河路", lon=112.55, lat=37.88, within_m=50, grid_codes=[GRID_A], called_by="leader"
    )
    session.add(muster)
    session.flush()
    call = MusterCall(muster_id=muster.id, unit_id=unit_id, called_at=datetime.now(UTC))
    session.add(call)
    return muster.id


def a_plan(session: Session, unit_id: int) -> int:
    """An assigned plan of a place in grid A, with a route of the unit that isn't over."""
    now = datetime.now(UTC)
    shift = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=7)}
    plan = PatrolPlan(
        status="assigned", grid_codes=[GRID_A], content=kept_to_json(KeptPlan((), ())),
        created_by="leader", **shift,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    stop = {
        "place_id": "x", "slot": 0, "name": "滨河路", "kind": "hotspot", "reason": "history",
        "lon": 112.55, "lat": 37.88, "begin_at": now.isoformat(), "leave_at": now.isoformat(),
    }  # fmt: skip
    leg = {
        "leave_at": now.isoformat(), "arrive_at": now.isoformat(), "length_m": 1.0,
        "line": [[112.55, 37.88], [112.551, 37.88]], "zh": ["直行"], "en": ["Go on"],
    }  # fmt: skip
    session.add(PatrolRoute(plan_id=plan.id, unit_id=unit_id, stops=[stop], legs=[leg], **shift))
    return plan.id


def routes(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Operation id, or path of a page → method and path, of all that the application serves."""
    found = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            for method in route.methods:
                found[route.operation_id or route.path] = (method, route.path)
    return found


def ask(
    client: TestClient,
    app: FastAPI,
    name: str,
    token: str | None,
    known: dict[str, Any],
    **more: Any,
) -> Any:
    method, path = routes(app)[name]
    values = {key: known.get(value, value) if isinstance(value, str) else value
              for key, value in more.items()
              if key not in ("query", "body", "headers")}  # fmt: skip
    filled = TOKEN.sub(lambda found: str(values.get(found.group(1), 1)), path)
    query = {
        key: known.get(value, value) if isinstance(value, str) else value
        for key, value in more.get("query", {}).items()
    }
    cookies = {"__Host-gridbeat": token} if token else {}
    client.cookies.clear()
    client.cookies.update(cookies)
    return client.request(
        method, filled, params=query, json=_filled(more.get("body"), known),
        headers=more.get("headers"), follow_redirects=False,
    )  # fmt: skip


def test_every_route_is_in_one_list(app: FastAPI) -> None:
    lists = [
        set(ITEMS), set(WRITES), set(LISTS), PUBLIC, OPERATORS, PAGES, OPERATOR_PAGES, set(OPEN),
        set(FOR_ALL_ROLES), OWN_WORK, set(KEPT), set(PLANS), RIGHTS, RIGHTS_PAGES, set(ITEM_PAGES),
        set(UNIT_PAGES),
        set(LEADING),
    ]  # fmt: skip
    served = set(routes(app))
    named = set().union(*lists)
    assert served - named == set(), "give each new route its place in the lists of this file"
    assert named - served == set()
    assert sum(map(len, lists)) == len(named), "a route stands in two lists"
    assert named >= QUESTIONS


def test_the_description_of_the_api_is_open_and_nothing_else_is(app: FastAPI) -> None:
    other = {
        route.path
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, APIRoute)
    }
    assert other == {"/v1/openapi.json"}


def test_anonymous_gets_401_or_the_sign_in_page(
    client: TestClient, app: FastAPI, known: dict[str, Any]
) -> None:
    for name, (_, path) in routes(app).items():
        if name in OPEN:
            continue
        for token in (None, "x" * 43):
            answer = ask(client, app, name, token, known)
            if path.startswith("/v1/"):
                assert answer.status_code == 401, name
                assert answer.json()["error"]["code"] == "not_signed_in"
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            else:
                assert answer.status_code == 303, name
                assert answer.headers["Location"].startswith("/sign-in"), name


def test_what_is_open_answers_anybody(
    client: TestClient, app: FastAPI, known: dict[str, Any]
) -> None:
    for name in ("get_landing", "get_health", "/sign-in", "sign_out"):
        assert ask(client, app, name, None, known).status_code in (200, 204), name


def test_a_static_file_does_not_wait_for_the_database(
    client: TestClient, place: District, tokens: dict[str, str]
) -> None:
    client.cookies.clear()
    client.cookies.update({"__Host-gridbeat": tokens["own"]})
    with counted_statements(place.database) as sent:
        assert client.get("/static/x/css/base.css").status_code == 200
    assert sent == []


@pytest.mark.parametrize("name", ITEMS)
def test_items(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    assert ask(client, app, name, tokens["own"], known, **ITEMS[name]).status_code == 200
    assert ask(client, app, name, tokens["neighbour"], known, **ITEMS[name]).status_code == 404


@pytest.mark.parametrize("name", [*UNIT_PAGES, "get_route_gpx"])
def test_a_route_is_for_its_unit_and_who_leads_it(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    asked = {"plan_id": "PLAN", "unit_id": "UNIT"}
    for caller, status in (("own", 200), ("chief.a", 200), ("neighbour", 404), ("analyst", 404),
                           ("chief.b", 404)):  # fmt: skip
        assert ask(client, app, name, tokens[caller], known, **asked).status_code == status, caller


@pytest.mark.parametrize("name", PLANS)
def test_plans_are_for_who_leads_units_and_sees_all_their_places(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    for caller in ("own", "neighbour", "analyst"):
        answer = ask(client, app, name, tokens[caller], known, **PLANS[name])
        hidden = caller == "neighbour" and PLANS[name].keys() & {"plan_id", "draft_id"}
        assert answer.status_code == (404 if hidden else 403), caller
    answer = ask(client, app, name, tokens["chief.b"], known, **PLANS[name])
    if PLANS[name].keys() & {"plan_id", "draft_id"}:
        assert answer.status_code == 404
    else:
        assert "滨河路" not in answer.text and GRID_A not in answer.text
    if name.startswith(("get", "list")):
        answer = ask(client, app, name, tokens["chief.a"], known, **PLANS[name])
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", WRITES)
def test_writes(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    assert ask(client, app, name, tokens["neighbour"], known, **WRITES[name]).status_code == 404
    assert ask(client, app, name, tokens["analyst"], known, **WRITES[name]).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_lists(
    client: TestClient,
    app: FastAPI,
    place: District,
    tokens: dict[str, str],
    known: dict[str, Any],
    name: str,
) -> None:
    own = ask(client, app, name, tokens["own"], known, **LISTS[name])
    theirs = ask(client, app, name, tokens["neighbour"], known, **LISTS[name])
    if name == "create_address":  # without a point it would lie in nobody's grid
        assert (own.status_code, theirs.status_code) == (404, 404)
        return
    assert (own.status_code, theirs.status_code) == (200, 200), name
    assert own.content != theirs.content, "the test must ask for something that lies in grid A"
    assert GRID_A.encode() not in theirs.content
    if name in ("geocode", "geocode_many"):  # the reasons say the words of the question again
        ids = [int(each) for each in re.findall(r'"standard_address_id":(\d+)', theirs.text)]
        assert not set(ids) & set(place.address_ids["A"])
        assert "滨河路1号" not in theirs.text.replace("小店区滨河路1号", "")
    else:
        assert "滨河路".encode() not in theirs.content


def test_an_export_holds_what_its_own_caller_sees(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any]
) -> None:
    for caller, rows in (("own", 9), ("neighbour", 3), ("analyst", 14)):
        order = {"kind": "addresses"}
        answer = ask(client, app, "ask_export", tokens[caller], known, body=order)
        assert (answer.status_code, answer.json()["rows_expected"]) == (202, rows), caller
        found = answer.json()["id"]
        services = app.state.services
        services.exports.wait(found, 30)
        for other in ("own", "neighbour", "patrol_leader"):
            for name in ("get_export", "get_export_file", "stop_export"):
                answer = ask(client, app, name, tokens[other], known, export_id=found)
                theirs = 409 if name == "stop_export" else 200
                assert answer.status_code == (theirs if other == caller else 404), (name, other)
        # Who approves sees the request where they see its places, and never the file.
        answer = ask(client, app, "get_export", tokens["chief"], known, export_id=found)
        assert answer.status_code == 200
        answer = ask(client, app, "get_export_file", tokens["chief"], known, export_id=found)
        assert answer.status_code == 404


def test_only_who_may_approve_does_and_never_their_own(
    client: TestClient, app: FastAPI, place: District, tokens: dict[str, str], known: dict[str, Any]
) -> None:
    everything = GridScope.everything()
    capped = place.settings.model_copy(update={"export_rows_max": 0})
    asked = {}
    for who in ("patrol_leader", "chief"):
        with place.database.session_of(everything) as session:
            asked[who] = ask_export(
                session, Access(who, purpose="门牌核对"), kind="addresses", file_format="csv",
                scope=everything, settings=capped, now=datetime.now(UTC),
            ).id  # fmt: skip
    for name, body in (("refuse_export", {"note": "x"}), ("approve_export", {})):
        for caller, whose, status in (
            ("own", "patrol_leader", 404),
            ("grid_worker", "patrol_leader", 404),
            ("patrol_leader", "patrol_leader", 403),
            ("chief", "chief", 403),
            ("security_administrator", "chief", 403),
        ):
            answer = ask(
                client, app, name, tokens[caller], known, export_id=asked[whose], body=body
            )
            assert answer.status_code == status, (name, caller, whose)
    answer = ask(
        client, app, "approve_export", tokens["chief"], known, export_id=asked["patrol_leader"],
        body={},
    )  # fmt: skip
    assert answer.json()["decided_by"] == "chief"
    answer = ask(
        client, app, "refuse_export", tokens["system_administrator"], known,
        export_id=asked["chief"], body={"note": "用途不明"},
    )  # fmt: skip
    assert answer.json()["status"] == "refused"


@pytest.mark.parametrize("name", sorted(RIGHTS | RIGHTS_PAGES))
def test_persons_are_answered_by_who_may(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    bodies = {
        "refuse_subject_request": {"reason": "x"},
        "correct_subject": {"expected_version": 1, "phone": None},
        "receive_subject_request": {"kind": "access", "received_on": "2026-01-01"},
    }
    for caller in ("own", "neighbour", "patrol_leader", "analyst", "system_administrator"):
        answer = ask(client, app, name, tokens[caller], known, body=bodies.get(name))
        assert answer.status_code == 403, caller
    answer = ask(client, app, name, tokens["chief"], known, request_id=999, body=bodies.get(name))
    wanted = {"list_subject_requests": 200, "/rights": 200, "receive_subject_request": (201, 422)}
    expected = wanted.get(name, 404)
    assert answer.status_code in (expected if isinstance(expected, tuple) else (expected,))


def test_a_request_is_there_for_who_sees_its_person(
    client: TestClient, app: FastAPI, place: District, tokens: dict[str, str], known: dict[str, Any]
) -> None:
    with place.database.session() as session:
        resident = Resident(name="测试甲某", source="test", recorded_by="x")
        session.add(resident)
        session.flush()
        session.add(
            Residence(
                resident_id=resident.id, standard_address_id=place.address_ids["A"][0],
                kind="floating", lived_from=date(2026, 1, 1), due_on=date(2026, 1, 1),
                source="test", recorded_by="x",
            )
        )  # fmt: skip
        request = SubjectRequest(
            kind="access", resident_id=resident.id, received_on=date(2026, 1, 1),
            received_by="x", due_on=date(2026, 1, 31), identity_checked=True,
        )  # fmt: skip
        session.add(request)
        session.flush()
        found, person = request.id, resident.id
    came_in = str(place.settings.local_day(datetime.now(UTC)))
    for caller, status in (("chief.a", 200), ("chief.b", 404)):
        answer = ask(client, app, "get_subject_request", tokens[caller], known, request_id=found)
        assert answer.status_code == status, caller
        answer = ask(client, app, "list_subject_requests", tokens[caller], known)
        assert [each["id"] for each in answer.json()["requests"]] == [found] * (status == 200)
        answer = ask(
            client, app, "receive_subject_request", tokens[caller], known,
            body={"kind": "access", "resident_id": person, "received_on": came_in},
        )  # fmt: skip
        assert answer.status_code == (201 if status == 200 else 404), caller
    copied = ask(client, app, "copy_subject", tokens["chief.a"], known, request_id=found)
    assert copied.json()["person"]["name"] == "测试甲某"
    answer = ask(client, app, "copy_subject", tokens["chief.b"], known, request_id=found)
    assert answer.status_code == 404


@pytest.mark.parametrize("name", LEADING)
def test_sums_over_units_are_for_who_leads_them(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    for caller in ("own", "neighbour", "analyst", "system_administrator"):
        answer = ask(client, app, name, tokens[caller], known, **LEADING[name])
        assert answer.status_code == 403, caller
    own = ask(client, app, name, tokens["chief.a"], known, **LEADING[name])
    theirs = ask(client, app, name, tokens["chief.b"], known, **LEADING[name])
    assert (own.status_code, theirs.status_code) == (200, 200), own.text
    assert "滨河路" not in theirs.text


@pytest.mark.parametrize("name", sorted(OPERATORS | OPERATOR_PAGES))
def test_operators_work(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    for caller in ("own", "chief", "patrol_leader"):
        assert ask(client, app, name, tokens[caller], known).status_code == 404, caller
    answer = ask(client, app, name, tokens["system_administrator"], known)
    # No job of this number, no file in the request: but the door is open.
    assert answer.status_code in {200, 202, 404, 409, 422}
    if answer.status_code == 404:
        assert answer.json()["error"]["code"] in ("job_not_found", "grid_draft_not_found")


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_ones_take_a_sign_in_but_no_grid(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    answers = [ask(client, app, name, tokens[who], known) for who in ("own", "neighbour")]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].status_code not in (401, 403)


def test_who_watches_and_who_gives_rights_see_no_places(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any]
) -> None:
    for role in ("security_administrator", "audit_administrator"):
        for name, (_, path) in routes(app).items():
            if name in OPEN | FOR_ALL_ROLES or not path.startswith("/v1/"):
                continue
            if name in KEPT and KEEPERS[KEPT[name]] == role:
                continue
            assert ask(client, app, name, tokens[role], known).status_code == 403, (role, name)
        assert ask(client, app, "get_session", tokens[role], known).status_code == 200


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_one_role_keeps_is_closed_to_all_others(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    keeper = KEEPERS[KEPT[name]]
    for caller in (*ROLES, "own"):
        answer = ask(client, app, name, tokens[caller], known)
        if caller == keeper:
            assert answer.status_code in {200, 404, 409, 422}, name
        else:
            assert answer.status_code == 403, (name, caller)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    for caller in ("own", "neighbour", "chief", "analyst"):
        assert ask(client, app, name, tokens[caller], known).status_code == 200


@pytest.mark.parametrize("name", ITEM_PAGES)
def test_pages_of_one_thing(
    client: TestClient, app: FastAPI, tokens: dict[str, str], known: dict[str, Any], name: str
) -> None:
    analyst = 404 if "{unit_id}" in name else 200
    for caller, status in (("own", 200), ("neighbour", 404), ("chief", 200), ("analyst", analyst)):
        answer = ask(client, app, name, tokens[caller], known, **ITEM_PAGES[name])
        assert answer.status_code == status, caller
        assert ("滨河路" in answer.text) == (status == 200)
