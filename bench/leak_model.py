"""Who may see what, as a model beside the application; and random requests to hold it against.

The world is five invented grids. Every text in one holds its grid's marker (`KVA9X...`), every name
or number of a person its marker of a person too (`KVA9P...`). Whoever asks may see:

- markers, codes and ids of the grids in their scope, and no others, whatever the status;
- markers of persons only with the permission for persons and a purpose and a case; their telephone
  numbers whole only where they ask for the numbers;
- of an item outside their scope exactly what they'd get for one that doesn't exist.

What a question itself said may stand in its answer. Questions hold at most the part of a marker
that an answer about a hidden thing would have to complete.

Writes keep the model true: who may write in several grids writes with ids of one grid at a time, so
that no marker moves from one grid to another, except by a leak.
"""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy.orm import Session

from api.callers import TAKES
from geo import accounts, registers
from geo.accounts import PERMISSIONS, Permission
from geo.accounts.passwords import new_token, token_hash
from geo.audit import Access
from geo.coverage.pieces import SUMS
from geo.exports import ExportFilter, ask_export, run_export
from geo.h3_cells import h3_cell_to_text, lonlat_to_h3_cell
from geo.registers.cycles import VERIFY_MONTHS
from geo.roads.store import store_road_network
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import (
    AddressAlias,
    AddressMerge,
    DuplicatePair,
    GridCoverage,
    GridSetDraft,
    Incident,
    IncidentCategory,
    KeyPlace,
    Muster,
    MusterCall,
    MusterEvent,
    PatrolDevice,
    PatrolLatest,
    PatrolPlan,
    PatrolRoute,
    PatrolUnit,
    PatrolUnitMember,
    ReviewItem,
    SubjectRequest,
)
from geo.values import GridScope
from layers.routes.kept import KeptPlan, kept_to_json
from tests.drawing import draw
from tests.factories import add_area, add_grid, add_grid_version, add_standard_address, written_as
from tests.geo.roads.streets import streets
from tests.layers.balanced_grids.towns import kept_draft

LETTERS = "ABCDE"
DRAWING = """
    AAB
    AAB
    CDE
"""
CODES = {letter: f"1401050010010000{number}" for number, letter in enumerate(LETTERS, 1)}
ADDRESSES_IN_GRID = 12
RECORDS_IN_GRID = 8
PASSWORD = "only-a-test-password"
REASON = {"X-Purpose": "register", "X-Case": "T-1"}
ABSENT = 900_000_000
PERSON = re.compile(r"KV[A-E]9P")
# The number of a request, which a person reads out to whoever searches the log; a page's nonce.
BY_CHANCE = re.compile(r'"reference":"[^"]*"|nonce="[^"]*"|<code>[0-9a-f]{16}</code>')
# Where the permission is another: they read a person's own request, and numbers.
ANSWERS_A_PERSON = {
    "copy_subject", "correct_subject", "list_subject_requests", "get_subject_request",
}  # fmt: skip
SHOWS_NUMBERS = {
    "copy_subject", "read_resident_numbers", "read_dwelling_numbers", "read_establishment_numbers",
}  # fmt: skip
# They say again what the order of an export said, to who gave it and who may approve it.
REPEATS_AN_ORDER = {"list_exports", "get_export", "ask_export", "stop_export"}
# Name of a path or body field → what its number stands for.
KINDS = {
    "address_id": "address", "standard_address_id": "address", "keep_id": "address",
    "home_address_id": "address", "kept_id": "address", "merged_id": "address",
    "merged_into": "address",
    "first_id": "address", "second_id": "address",
    "alias_id": "alias", "item_id": "item", "pair_id": "pair", "merge_id": "merge",
    "dwelling_id": "dwelling", "establishment_id": "establishment", "resident_id": "resident",
    "residence_id": "residence", "report_id": "report", "incident_id": "incident",
    "unit_id": "unit", "plan_id": "plan", "muster_id": "muster", "without": "unit",
    "key_place_id": "key_place",
    "draft_id": "draft",
    "device_id": "device", "export_id": "export", "request_id": "request",
    "grid_code": "grid", "h3_cell": "cell",
}  # fmt: skip
# The path ids whose things lie in a grid: outside the scope they are as if they weren't there.
CLOSED = set(KINDS) - {"h3_cell", "alias_id", "device_id"}


@dataclass
class Asker:
    """Who asks; `letters` are the grids of their scope."""

    name: str
    role: str | None
    letters: str
    headers: dict[str, str] = field(default_factory=dict)
    cookie: str | None = None
    permissions: frozenset[Permission] = frozenset()
    has_task: bool = False


@dataclass
class World:
    """What was made: the askers, and things by kind and grid."""

    askers: list[Asker]
    things: dict[str, dict[str, list[Any]]]
    bounds: dict[str, tuple[float, float, float, float]]
    phones: dict[str, list[str]]


@dataclass
class Leak:
    """An answer that says what the model forbids."""

    route: str
    asker: str
    status: int
    what: str
    request: str

    def __str__(self) -> str:
        return f"{self.route} to {self.asker} ({self.status}): {self.what}; asked {self.request}"


@dataclass
class Tally:
    """What became of the requests, by route."""

    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    own_seen: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)
    faults: list[Leak] = field(default_factory=list)


# -- the world


def make_world(database: Database, settings: Settings) -> World:
    """Fill an empty store with the five grids and sign everybody in."""
    drawn = draw(DRAWING)
    things: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    phones: dict[str, list[str]] = {letter: [] for letter in LETTERS}
    bounds = {letter: drawn[letter].bounds for letter in LETTERS}
    with database.session() as session:
        for code, level, name, parent in (
            ("140000", "province", "山西省", None),
            ("140100", "city", "太原市", "140000"),
            ("140105", "county", "小店区", "140100"),
            ("140105001", "township", "试验街道", "140105"),
            ("140105001001", "community", "第一社区", "140105001"),
        ):
            add_area(session, code, level, name=name, parent_code=parent)
        version = add_grid_version(session, grid_count=len(LETTERS))
        session.add(IncidentCategory(code="theft", name="盗窃"))
        # Everybody's, so that whatever is asked by road answers: times, ways, rings, gaps.
        store_road_network(session, streets("A-B-C"), name="test", valid_from=date(2020, 1, 1))
        askers = _open_accounts(session)
        for letter in LETTERS:
            grid = add_grid(
                session, CODES[letter], drawn[letter], version=version,
                name=f"KV{letter}9XG", person_in_charge=f"KV{letter}9XC",
            )  # fmt: skip
            things["grid"][letter].append(CODES[letter])
            _fill_grid(session, letter, grid, bounds[letter], things, phones[letter])
        _open_devices(session, askers, things)
    for letter in LETTERS:
        own = GridScope.of([CODES[letter]])
        with database.session_of(own) as session:
            export = ask_export(
                session, Access(f"worker.{letter.lower()}"), kind="addresses", file_format="csv",
                filters=ExportFilter(grid_code=CODES[letter]), scope=own, settings=settings,
                now=datetime.now(UTC),
            )  # fmt: skip
        run_export(database, export.id, settings=settings)
        things["export"][letter].append(export.id)
    _sign_in(database, askers)
    return World(askers, things, bounds, phones)


def _open_accounts(session: Session) -> list[Asker]:
    askers = [Asker("anonymous", None, "")]
    callers = [
        *((f"worker.{letter.lower()}", "grid_worker", letter) for letter in LETTERS),
        ("worker.ab", "grid_worker", "AB"),
        ("leader.c", "patrol_leader", "C"),
        ("leader", "patrol_leader", LETTERS),
        ("chief.de", "chief", "DE"),
        ("chief", "chief", LETTERS),
        ("analyst", "analyst", LETTERS),
        ("analyst.a", "analyst", "A"),
        ("system", "system_administrator", LETTERS),
        ("security", "security_administrator", ""),
        ("audit", "audit_administrator", ""),
        ("program.b", "grid_worker", "B"),
        ("spare", "grid_worker", "A"),
    ]
    since = datetime.now(UTC).date() - timedelta(days=2)
    for name, role, letters in callers:
        account = accounts.create_account(session, name, PASSWORD, role=role, is_demo=True)
        if letters in ("", LETTERS):
            accounts.assign(session, account, None, valid_from=since)
        else:
            for letter in letters:
                accounts.assign(session, account, CODES[letter], valid_from=since)
        asker = Asker(name, role, letters, permissions=PERMISSIONS[role])
        if name == "program.b":
            token = accounts.create_api_token(
                session, account, "p", scopes=["read"], lasts=timedelta(days=1),
                now=datetime.now(UTC),
            )  # fmt: skip
            asker.headers = {"Authorization": f"Bearer {token}"}
            asker.permissions = frozenset({Permission.READ})
        if name != "spare":
            askers.append(asker)
    session.flush()
    return askers


def _open_devices(
    session: Session, askers: list[Asker], things: dict[str, dict[str, list[Any]]]
) -> None:
    for letter in LETTERS:
        token = new_token()
        device = PatrolDevice(
            unit_id=things["unit"][letter][0], name=f"KV{letter}9XD", token_hash=token_hash(token)
        )
        session.add(device)
        session.flush()
        things["device"][letter].append(device.id)
        if letter == "A":
            bearer = {"Authorization": f"Bearer {token}"}
            askers.append(Asker("device.a", None, "", headers=bearer))


def _sign_in(database: Database, askers: list[Asker]) -> None:
    for asker in askers:
        if asker.role is not None and not asker.headers:
            asker.cookie = accounts.sign_in(
                database, asker.name, PASSWORD, now=datetime.now(UTC)
            ).token


def _fill_grid(
    session: Session,
    letter: str,
    grid: Any,
    bounds: tuple[float, float, float, float],
    things: dict[str, dict[str, list[Any]]],
    phones: list[str],
) -> None:
    west, south, east, north = bounds
    marker, person = f"KV{letter}9X", f"KV{letter}9P"
    points = [
        (west + (east - west) * (i + 1) / (ADDRESSES_IN_GRID + 1), (south + north) / 2)
        for i in range(ADDRESSES_IN_GRID)
    ]
    who = registers.Writing(
        Access("test", purpose="register", case_ref="T-1"), GridScope.everything(),
        today=date(2026, 1, 1), cycles=registers.Cycles(VERIFY_MONTHS),
    )  # fmt: skip

    def keep(kind: str, row: Any) -> Any:
        session.add(row)
        session.flush()
        things[kind][letter].append(row.id)
        return row

    address_ids = things["address"][letter]
    for i, point in enumerate(points):
        written = written_as(f"山西省太原市小店区试验街道示例路{i + 1}号")
        written["road"] = f"{marker}路"
        written["canonical_text"] = f"山西省太原市小店区试验街道{marker}路{i + 1}号"
        written["search_key"] = f"{marker}/{i + 1}"
        address = add_standard_address(session, point, grid=grid, **written)
        address_ids.append(address.id)
        things["cell"][letter].append(h3_cell_to_text(int(lonlat_to_h3_cell(*point, 9))))
        keep("alias", AddressAlias(
            standard_address_id=address.id, alias_text=f"{marker}大厦{i}",
            alias_key=f"{marker}大厦{i}", source="test",
        ))  # fmt: skip
    at = datetime.now(UTC) - timedelta(days=1)
    for i in range(RECORDS_IN_GRID):
        here = address_ids[i]
        keep("item", ReviewItem(
            address_text=f"{marker}巷{i}号", text_key=f"{marker}巷{i}号", source="test",
            confidence=0.5, grid_code=grid.grid_code,
        ))  # fmt: skip
        things["dwelling"][letter].append(registers.record_dwelling(
            session,
            registers.NewDwelling(
                here, "rented_whole", landlord_name=f"{person}L{i}", note=f"{marker}N{i}"
            ),
            writing=who,
        ).record_id)  # fmt: skip
        things["establishment"][letter].append(registers.record_establishment(
            session,
            registers.NewEstablishment(
                here, f"{marker}店{i}", "other", date(2024, 1, 1), note=f"{marker}N{i}"
            ),
            writing=who,
        ).record_id)  # fmt: skip
        phone = f"154{LETTERS.index(letter)}777{i:04d}"
        phones.append(phone)
        made = registers.record_resident(
            session,
            registers.NewResident(f"{person}R{i}", phone=phone),
            registers.NewResidence(here, "floating", date(2024, 1, 1)),
            writing=who,
        )
        things["resident"][letter].append(made.record_id)
        things["residence"][letter].append(made.residence_id)
        things["report"][letter].append(registers.report_error(
            session, "dwelling", things["dwelling"][letter][-1], f"{marker}E{i}", writing=who
        ).id)  # fmt: skip
        x, y = points[i]
        keep("incident", Incident(
            category_code="theft", source="resident_reported", reported_at=at, occurred_from=at,
            occurred_to=at, address_text=f"{marker}口{i}", grid_code=grid.grid_code,
            dataset="test", recorded_by="test", point_method="given",
            geom=f"SRID=4326;POINT({x} {y})",
            h3_cell=int(lonlat_to_h3_cell(x, y)),
        ))  # fmt: skip
        keep("request", SubjectRequest(
            kind=("access", "correction", "deletion")[i % 3], resident_id=made.record_id,
            details=f"{marker}S{i}", received_on=date(2026, 1, 1), received_by="x",
            due_on=date(2026, 1, 31), identity_checked=True,
        ))  # fmt: skip
    for i in range(0, 8, 2):
        keep("pair", DuplicatePair(
            first_id=address_ids[i], second_id=address_ids[i + 1], score=1, reasons=[]
        ))  # fmt: skip
    keep("merge", AddressMerge(
        kept_id=address_ids[10], merged_id=address_ids[11], moved={}, alias_ids=[],
        point_taken=False, merged_at=at,
    ))  # fmt: skip
    unit = keep("unit", PatrolUnit(
        code=f"{marker}U", name=f"{marker}U", kind="foot", grid_codes=[grid.grid_code]
    ))  # fmt: skip
    worker = accounts.get_account(session, f"worker.{letter.lower()}")
    session.add(PatrolUnitMember(unit_id=unit.id, account_id=worker.id, role="member"))
    keep("key_place", KeyPlace(
        code=f"{marker}W", name=f"{marker}W", grid_code=grid.grid_code, reach_m=30,
        created_by="test", geom=f"SRID=4326;POINT({points[0][0]} {points[0][1]})",
    ))  # fmt: skip
    now = datetime.now(UTC)
    for day in range(3):
        sums = np.zeros(1, SUMS)
        sums["place"], sums["ms"] = grid.id, 60_000
        session.add(GridCoverage(
            hour=(now - timedelta(days=day)).replace(minute=0, second=0, microsecond=0),
            kind="grid", grid_code=grid.grid_code, sums=sums.tobytes(), visits=b"",
        ))  # fmt: skip
    session.add(
        PatrolLatest(unit_id=unit.id, at=now, received_at=now, lon=points[0][0], lat=points[0][1])
    )
    muster = keep("muster", Muster(
        reason=f"{marker}M", place_name=f"{marker}P", lon=points[0][0], lat=points[0][1],
        within_m=50, grid_codes=[grid.grid_code], called_by=f"{marker}L",
    ))  # fmt: skip
    session.add(MusterCall(muster_id=muster.id, unit_id=unit.id, called_at=now))
    session.add(
        MusterEvent(
            muster_id=muster.id, unit_id=unit.id, what="called", at=now, told_by=f"{marker}L"
        )
    )
    keep("draft", GridSetDraft(
        area_code="140105001001", area_name=f"{marker}S", area_level="community",
        grid_codes=[grid.grid_code], created_by=f"{marker}L",
        **kept_draft(shapely.box(*bounds), grid.grid_code),
    ))  # fmt: skip
    plan = keep("plan", PatrolPlan(
        status="assigned", grid_codes=[grid.grid_code], created_by=f"{marker}L",
        starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=7),
        content=kept_to_json(KeptPlan((), ())),
    ))  # fmt: skip
    stop = {
        "place_id": f"{marker}S", "slot": 0, "name": f"{marker}S", "kind": "hotspot",
        "reason": "history", "lon": points[0][0], "lat": points[0][1],
        "begin_at": now.isoformat(), "leave_at": now.isoformat(),
    }  # fmt: skip
    session.add(
        PatrolRoute(
            plan_id=plan.id,
            unit_id=unit.id,
            stops=[stop],
            legs=[],
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
        )
    )


# -- the requests


@dataclass
class Asked:
    """One request, ready to send; `hidden` where an id of its path lies outside the scope."""

    route: str
    method: str
    path: str
    values: dict[str, Any]
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any = None
    files: Any = None
    hidden: tuple[str, ...] = ()

    def said(self) -> str:
        """All that the question says, in which an answer may repeat it."""
        return json.dumps(
            [self.values, self.query, self.body, self.headers], ensure_ascii=False, default=str
        )

    def numbers(self) -> set[str]:
        """The numbers that the question says."""
        return set(re.findall(r"\d+", self.said()))

    def as_absent(self) -> Asked:
        """The same question about things that don't exist."""
        values = {
            name: ("14010500100199999" if name == "grid_code" else ABSENT + 7)
            if name in self.hidden
            else value
            for name, value in self.values.items()
        }
        return Asked(
            self.route, self.method, self.path, values, self.query, self.headers, self.body,
            self.files,
        )  # fmt: skip


class Requests:
    """Random requests to all routes of an application."""

    def __init__(self, app: FastAPI, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        document = app.openapi()
        self.schemas = document["components"]["schemas"]
        self.operations = {
            operation["operationId"]: operation
            for methods in document["paths"].values()
            for operation in methods.values()
        }
        self.routes = {
            route.operation_id or route.path: (method, route.path)
            for route in iter_route_contexts(app.routes)
            if isinstance(route.original_route, APIRoute)
            for method in route.methods
        }

    def draw(self, route: str, asker: Asker) -> Asked:
        """One request to a route, with ids of the asker's grids and of others."""
        method, path = self.routes[route]
        operation = self.operations.get(route, {})
        own = asker.letters
        if method not in ("GET", "HEAD") and own:
            own = self.dice.choice(own)  # a write stays in one grid: see the module
        foreign = "".join(letter for letter in LETTERS if letter not in asker.letters)
        hidden = []
        values: dict[str, Any] = {}
        for name in re.findall(r"\{(\w+)(?::\w+)?\}", path):
            values[name], is_hidden = self._in_path(name, own, foreign)
            if is_hidden and name in CLOSED:
                hidden.append(name)
        query = {
            each["name"]: self._in_query(each["name"], each["schema"], own, foreign)
            for each in operation.get("parameters", [])
            if each["in"] == "query" and (each.get("required") or self.dice.random() < 0.4)
        }
        if route in ("watch_positions", "watch_gaps"):
            query = {"for_s": 0}  # what is there, then the end
        body = files = None
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            body = self._value("", content["application/json"]["schema"], own, foreign, 0)
        elif content:
            files = {"file": ("x.csv", b"address\n", "text/csv")}
        elif route == "send_positions":
            body = {"deviceid": "x", "lat": 37.8, "lon": 112.5}
        headers = dict(asker.headers)
        if self.dice.random() < 0.7:
            headers |= REASON
        return Asked(
            route, method, path, values, query, headers, body, files, tuple(hidden)
        )  # fmt: skip

    def who_may(self, route: str) -> list[Asker]:
        """Those whose role has what a route takes: of all askers they are few for some routes."""
        method, path = self.routes[route]
        wanted = TAKES.get(route, Permission.READ if method == "GET" else Permission.WRITE)
        if "/imports" in path or route in ("search_duplicates", "accept_grid_draft"):
            wanted = Permission.IMPORT
        elif "/subject-requests" in path or path == "/rights":
            wanted = Permission.RIGHTS
        elif route in ("approve_export", "refuse_export"):
            wanted = Permission.APPROVE
        return [each for each in self.world.askers if wanted in each.permissions]

    def _grid(self, own: str, foreign: str) -> tuple[str, bool]:
        """A grid of one's own or a foreign one, and whether it is foreign."""
        if foreign and (not own or self.dice.random() < 0.5):
            return self.dice.choice(foreign), True
        return self.dice.choice(own), False

    def _thing(self, kind: str, own: str, foreign: str) -> tuple[Any, bool]:
        if self.dice.random() < 0.1:
            return ("14010500100199998" if kind == "grid" else ABSENT), False
        letter, is_foreign = self._grid(own, foreign)
        return self.dice.choice(self.world.things[kind][letter]), is_foreign

    def _in_path(self, name: str, own: str, foreign: str) -> tuple[Any, bool]:
        if name in KINDS:
            return self._thing(KINDS[name], own, foreign)
        drawn: dict[str, Any] = {
            "z": 0, "x": 0, "y": 0, "code": "140105001001", "name": "spare", "job_id": 1,
            "assignment_id": ABSENT, "session_id": ABSENT,
            "format": self.dice.choice(["traccar", "owntracks", "csv"]),
        }  # fmt: skip
        return drawn.get(name, "x"), False

    def _point(self, own: str, foreign: str) -> tuple[float, float]:
        west, south, east, north = self.world.bounds[self._grid(own, foreign)[0]]
        return self.dice.uniform(west, east), self.dice.uniform(south, north)

    def _in_query(self, name: str, schema: dict[str, Any], own: str, foreign: str) -> Any:
        letter = self._grid(own, foreign)[0]
        lon, lat = self._point(own, foreign)
        drawn: dict[str, Any] = {
            "q": self.dice.choice([f"KV{letter}9", f"小店区KV{letter}9", "小店区试验街道", "9"]),
            "bbox": self.dice.choice(
                ["112,37,113,38", f"{lon - 0.001},{lat - 0.001},{lon + 0.001},{lat + 0.001}"]
            ),
            "lon": lon, "lat": lat, "datum": "WGS84", "community": "140105001001",
            "community_code": "140105001001", "zoom": 14, "resolution": 9, "category": "theft",
            "after": 0, "recent": str(self._thing("address", own, foreign)[0]),
            "start": (datetime.now(UTC) - timedelta(days=30)).isoformat(),
            "end": datetime.now(UTC).isoformat(), "source": "test",
        }  # fmt: skip
        if name in drawn and (name != "after" or self.dice.random() < 0.5):
            return drawn[name]
        return self._value(name, schema, own, foreign, 0)

    def _value(self, name: str, schema: dict[str, Any], own: str, foreign: str, depth: int) -> Any:
        """A value that a schema allows, with ids of things where a field's name says so."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self._value(name, self.dice.choice(schema[choice]), own, foreign, depth + 1)
        if "allOf" in schema:
            return self._value(name, schema["allOf"][0], own, foreign, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            required = schema.get("required", [])
            lon, lat = self._point(own, foreign)
            return {
                key: {"lon": lon, "lat": lat}[key]
                if key in ("lon", "lat")
                else self._value(key, each, own, foreign, depth + 1)
                for key, each in schema.get("properties", {}).items()
                if key in required or (depth < 4 and self.dice.random() < 0.4)
            }
        if kind == "array":
            inner = name.removesuffix("s") if name.endswith(("codes", "ids")) else name
            return [
                self._value(inner, schema.get("items", {}), own, foreign, depth + 1)
                for _ in range(self.dice.randint(schema.get("minItems", 0) or 1, 2))
            ]
        if kind == "integer":
            if name in KINDS:
                return self._thing(KINDS[name], own, foreign)[0]
            if "version" in name:
                return self.dice.choice([1, 1, 1, 2])
            low = int(schema.get("minimum", 0))
            return self.dice.randint(low, min(int(schema.get("maximum", low + 5)), low + 5))
        if kind == "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            return self.dice.uniform(low, min(schema.get("maximum", low + 1), low + 1))
        if kind == "boolean":
            return self.dice.random() < 0.5
        if kind == "null":
            return None
        return self._text(name, schema, own, foreign)

    def _text(self, name: str, schema: dict[str, Any], own: str, foreign: str) -> str:
        day = self.dice.choice([date(2024, 6, 1), date(2025, 3, 1), datetime.now(UTC).date()])
        if schema.get("format") == "date":
            return str(day)
        if schema.get("format") == "date-time":
            return f"{day}T0{self.dice.randrange(9)}:00:00Z"
        letter = self._grid(own, foreign)[0]
        texts = {
            "grid_code": CODES[letter], "area_code": CODES[letter],
            "code": f"N{self.dice.random()}",
            "phone": self.dice.choice(self.world.phones[letter]), "category_code": "theft",
            "category": "theft", "purpose": "register", "case_ref": "T-1", "datum": "WGS84",
            "address_text": f"小店区试验街道示例路{self.dice.randint(1, 99)}号",
            "bbox": "112,37,113,38",
        }  # fmt: skip
        return texts.get(name, f"测试{self.dice.randint(1, 999)}")


def send(client: TestClient, asked: Asked, asker: Asker) -> Response:
    """Ask the application, as this asker."""
    path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: str(asked.values[m.group(1)]), asked.path)
    client.cookies.clear()
    if asker.cookie and asked.route != "sign_out":  # who signs out would be nobody from then on
        client.cookies.set("__Host-gridbeat", asker.cookie)
    return client.request(
        asked.method, path, params=asked.query, json=asked.body, files=asked.files,
        headers=asked.headers, follow_redirects=False,
    )  # fmt: skip


# -- the model


def leaks_in(answer: Response, asked: Asked, asker: Asker, world: World) -> Iterator[str]:
    """What an answer says that its asker may not see."""
    text = _all_text(answer)
    said = asked.said()
    keeps = asked.route in TAKES and TAKES[asked.route] in asker.permissions
    for letter in LETTERS:
        if letter in asker.letters:
            continue
        for marker in (f"KV{letter}9X", f"KV{letter}9P"):
            if marker in text:
                yield f"{marker} of grid {letter}"
        # Who gives rights and who watches see the names of areas, never what lies in them.
        may_name = keeps or asked.route in REPEATS_AN_ORDER or CODES[letter] in said
        if CODES[letter] in text and not may_name:
            yield f"the code of grid {letter}"
    has_reason = "X-Purpose" in asked.headers or asker.has_task
    sees_persons = Permission.PERSONS in asker.permissions and has_reason
    if asked.route in ANSWERS_A_PERSON:
        sees_persons = Permission.RIGHTS in asker.permissions
    if not sees_persons and (found := PERSON.search(text)):
        yield f"a person, {found.group()}, without the permission, a purpose and a case"
    if not (sees_persons and asked.route in SHOWS_NUMBERS):
        for phone in (each for phones in world.phones.values() for each in phones):
            if phone in text and phone not in said:
                yield f"the whole number {phone}"
    is_json = "application/json" in answer.headers.get("content-type", "")
    if is_json and answer.content and not keeps:
        yield from _foreign_ids(answer.json(), asked, asker, world)


def _foreign_ids(found: Any, asked: Asked, asker: Asker, world: World) -> Iterator[str]:
    """Ids of things outside the scope, in fields whose names say of what they are."""
    if isinstance(found, list):
        for each in found:
            yield from _foreign_ids(each, asked, asker, world)
    elif isinstance(found, dict):
        for key, value in found.items():
            kind = KINDS.get(key)
            if kind and isinstance(value, int) and str(value) not in asked.numbers():
                for letter in LETTERS:
                    if letter not in asker.letters and value in world.things[kind][letter]:
                        yield f"{key} {value} of grid {letter}"
            yield from _foreign_ids(value, asked, asker, world)


def _all_text(answer: Response) -> str:
    parts = [answer.content]
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            parts += [packed.read(name) for name in packed.namelist()]
    parts.append(str(answer.headers).encode())
    return b"\n".join(parts).decode("utf-8", "replace")


def shape_of(answer: Response, *alike: Asked) -> tuple[int, str]:
    """Status and body without what differs by chance: the answer's number, the ids asked for.

    `alike` are the questions whose answers are compared: the ids of each are taken out of all, for
    a small one may stand in a page for something else.
    """
    body = BY_CHANCE.sub("", answer.text)
    for value in {str(value) for asked in alike for value in asked.values.values()}:
        body = re.sub(rf"\b{re.escape(value)}\b", "ID", body)
    return answer.status_code, body


def run(client: TestClient, app: FastAPI, world: World, *, requests: int, seed: int) -> Tally:
    """Ask at random, every route in turn; return what became of it."""
    dice = random.Random(seed)
    drawn = Requests(app, world, dice)
    names = sorted(drawn.routes)
    tally = Tally()
    while sum(tally.asked.values()) < requests:
        dice.shuffle(names)
        for route in names[: requests - sum(tally.asked.values())]:
            asker = dice.choice(drawn.who_may(route) if dice.random() < 0.4 else world.askers)
            asked = drawn.draw(route, asker)
            _ask_and_judge(client, world, asked, asker, tally)
    return tally


def _ask_and_judge(
    client: TestClient, world: World, asked: Asked, asker: Asker, tally: Tally
) -> None:
    answer = send(client, asked, asker)
    tally.asked[asked.route] += 1
    tally.answered[asked.route] += answer.is_success

    def as_leak(what: str) -> Leak:
        return Leak(asked.route, asker.name, answer.status_code, what, asked.said())

    if answer.status_code >= 500:
        tally.faults.append(as_leak(answer.text[:300]))
    tally.leaks += [as_leak(what) for what in leaks_in(answer, asked, asker, world)]
    if any(f"KV{letter}9" in answer.text for letter in asker.letters):
        tally.own_seen[asked.route] += 1
    if asked.route == "open_task" and answer.is_success:
        asker.has_task = True
    if asked.hidden and asker.role is not None:
        absent = asked.as_absent()
        other = send(client, absent, asker)
        tally.compared[asked.route] += 1
        shapes = [shape_of(each, asked, absent) for each in (answer, other)]
        if shapes[0] != shapes[1]:
            tally.leaks.append(as_leak(f"hidden and absent differ: {shapes}"))
