"""The registers of the demo city: dwellings, establishments, and obviously invented people.

People are called 测试甲子 and so on. Their identity numbers are of a region that doesn't exist (99)
with right check digits, their telephone numbers of a range that no operator has (154).
"""

# ruff: noqa: S608 - only names of our own columns are put into these statements

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from stdnum.cn import ric, uscc

from geo.demo.city import DemoCity
from geo.encryption import blind_index, keys_of, seal_text
from geo.keys import KeyRing
from geo.registers.completeness import RENTED
from geo.registers.cycles import VERIFY_MONTHS, Cycles, dwelling_cycle, establishment_cycle
from geo.sealed_columns import (
    CONTACT_PHONE,
    LANDLORD_PHONE,
    RESIDENT_IDENTITY,
    RESIDENT_PHONE,
    SealedColumn,
)
from geo.store.bulk import analyze_tables
from geo.tables import Base, Dwelling, Establishment, Residence, Resident, StandardAddress

SOURCE = "demo"
REGION = "990102"
PHONE_RANGE = "154"
STEMS, BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
PEOPLED_SHARE = 0.3  # of dwellings whose people are recorded
LOOKED_SHARE = 0.85  # of records that somebody looked at
LOOKED_DAYS = 420  # the oldest look lies this long ago
# Nobody left earlier: retention lets former residences go (geo.retention), and a city whose past is
# purged at its first start would begin with receipts.
LEFT_DAYS = 900

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoRegisters:
    """How many records the demo city got."""

    dwelling_count: int
    resident_count: int
    establishment_count: int


def store_registers(session: Session, city: DemoCity, *, today: date) -> DemoRegisters:
    """Store the registers of a city whose addresses are stored; the same seed and day give the same
    records, but for what sealing leaves to chance."""
    maker = _Maker(session, city.seed, today)
    addresses = _stored(session, city.addresses)
    is_home = (addresses["room"] != "") | (addresses["village_group"] != "")
    homes = addresses[addresses["kind"].isin(["residential", "dormitory"]) & is_home]
    dwellings = [maker.dwelling(home) for home in homes.itertuples(index=False)]
    _copy(session, Dwelling, dwellings)
    residents, residences = maker.people(dwellings)
    _copy(session, Resident, residents)
    _copy(session, Residence, residences)
    works = addresses[addresses["kind"].isin(["shop", "office", "civic", "industrial"])]
    establishments = list(maker.establishments(works))
    _copy(session, Establishment, establishments)
    analyze_tables(session, Dwelling, Resident, Residence, Establishment)
    return DemoRegisters(len(dwellings), len(residents), len(establishments))


class _Maker:
    """Invents records, one after the other, from one stream of numbers."""

    def __init__(self, session: Session, seed: int, today: date) -> None:
        self.session, self.today = session, today
        self.rng = random.Random(f"registers {seed}")  # noqa: S311 - nothing to keep secret
        self.names = [f"测试{stem}{branch}" for stem in STEMS for branch in BRANCHES]
        self.ring: KeyRing = keys_of(session)
        self.cycles = Cycles(VERIFY_MONTHS)
        self.born: Counter[str] = Counter()
        self.phones = 0
        self.codes = 0

    def dwelling(self, home: Any) -> Row:
        uses = ("owner_occupied", "rented_whole", "rented_shared", "vacant", "mixed", "other")
        shares = (
            (0.0, 0.0, 0.9, 0.1, 0.0, 0.0)
            if home.kind == "dormitory"
            else (0.56, 0.2, 0.1, 0.09, 0.03, 0.02)
        )
        use = self.rng.choices(uses, shares)[0]
        row: Row = {
            "standard_address_id": home.address_id,
            "use": use,
            "room_count": self.rng.randrange(1, 5) if self.rng.random() < 0.93 else None,
            "landlord_name": None,
            "landlord_phone_sealed": None,
            "landlord_phone_index": None,
            "registered_on": None,
            "safety_findings": [],
        }
        missing = [] if row["room_count"] else ["room_count"]
        if use in RENTED:
            if self.rng.random() < 0.9:
                row["landlord_name"] = self.name()
            else:
                missing.append("landlord_name")
            row["landlord_phone"] = self.phone() if self.rng.random() < 0.8 else None
            if row["landlord_phone"] is None:
                missing.append("landlord_phone")
            if self.rng.random() < 0.75:
                row["registered_on"] = self.day_before(700)
            else:
                missing.append("registered_on")
            if self.rng.random() < 0.12:
                found = ("exits", "wiring", "gas", "partitions", "fire_equipment", "charging")
                row["safety_findings"] = [self.rng.choice(found)]
        return row | self.quality(dwelling_cycle(use), missing)

    def people(self, dwellings: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """Who lives in some of the dwellings, and some who lived there before."""
        residents: list[Row] = []
        residences: list[Row] = []
        lived_in = [row for row in dwellings if row["use"] != "vacant"]
        for dwelling in lived_in:
            if self.rng.random() >= PEOPLED_SHARE:
                continue
            rented = dwelling["use"] in RENTED
            kinds = (
                ("floating", "lodging", "overseas")
                if rented
                else ("registered", "unregistered", "lodging")
            )
            for _ in range(self.rng.choices((1, 2, 3, 4), (0.3, 0.32, 0.28, 0.1))[0]):
                kind = self.rng.choices(kinds, (0.86, 0.11, 0.03))[0]
                since = self.day_before(900 if rented else 6000)
                person = self.resident(kind)
                residents.append(person)
                left = self.rng.random() < 0.06 and since < self.today - timedelta(days=60)
                earliest = self.today - timedelta(days=LEFT_DAYS)
                until = max(since + (self.today - since) / 2, earliest) if left else None
                residences.append(self.residence(person, dwelling, kind, since, until))
                if kind == "floating" and not left and self.rng.random() < 0.08:
                    # 人户分离: registered in another dwelling of the city.
                    other = lived_in[self.rng.randrange(len(lived_in))]
                    residences.append(
                        self.residence(person, other, "registered", self.day_before(6000), None)
                    )
        return residents, residences

    def resident(self, kind: str) -> Row:
        number: str | None
        if kind == "overseas":
            number, identity_kind = f"X{self.rng.randrange(10**7, 10**8)}", "other_document"
            year = self.rng.randrange(1950, 2005)
        else:
            born = self.today - timedelta(days=self.rng.randrange(200, 88 * 365))
            number, identity_kind = self.identity(born), "resident_identity"
            year = born.year
        if self.rng.random() < 0.05:
            number = None
        phone = self.phone() if self.rng.random() < 0.85 else None
        missing = [
            name for name, value in (("identity_number", number), ("phone", phone)) if value is None
        ]
        return {
            "name": self.name(),
            "identity_kind": identity_kind if number else None,
            "identity": number,
            "birth_year": year,
            "phone": phone,
            "missing": missing,
            "source": SOURCE,
            "recorded_by": SOURCE,
        }

    def residence(
        self, person: Row, dwelling: Row, kind: str, since: date, until: date | None
    ) -> Row:
        household = "1" if self.rng.random() < 0.8 else None
        return {
            "person": person,
            "standard_address_id": dwelling["standard_address_id"],
            "kind": kind,
            "household_ref": household,
            "lived_from": since,
            "lived_to": until,
        } | self.quality(kind, [] if household else ["household_ref"])

    def establishments(self, works: pd.DataFrame) -> Iterator[Row]:
        """What is at shops, offices, schools and works."""
        shares = {"shop": 0.7, "office": 0.25, "civic": 0.9, "industrial": 1.0}
        trades = {
            "shop": ("餐饮", "零售", "美容美发", "药店", "旅馆", "网吧", "修理"),
            "office": ("软件", "咨询", "贸易", "广告", "培训"),
            "civic": ("教育", "医疗", "公共服务"),
            "industrial": ("食品加工", "机械加工", "仓储"),
        }
        for serial, work in enumerate(works.itertuples(index=False), 1):
            if self.rng.random() >= shares[str(work.kind)]:
                continue
            trade = self.rng.choice(trades[str(work.kind)])
            which = {"shop": "nine_small", "office": "ordinary"}.get(str(work.kind), "key")
            code = self.credit_code() if self.rng.random() < 0.9 else None
            contact = self.name() if self.rng.random() < 0.9 else None
            phone = self.phone() if self.rng.random() < 0.8 else None
            values = {"credit_code": code, "contact_name": contact, "contact_phone": phone}
            missing = [name for name, value in values.items() if value is None]
            yield {
                "standard_address_id": work.address_id,
                "name": f"示例{trade}{serial}号",
                "establishment_class": which,
                "trade": trade,
                "occupied_from": self.day_before(2500),
                **values,
            } | self.quality(establishment_cycle(which), missing)

    def quality(self, cycle: str, missing: list[str]) -> Row:
        looked = self.rng.random() < LOOKED_SHARE
        day = self.day_before(LOOKED_DAYS) if looked else None
        return {
            "verified_on": day,
            "verified_by": SOURCE if looked else None,
            "verified_how": self.rng.choices(("visit", "call"), (0.85, 0.15))[0]
            if looked
            else None,
            "due_on": self.cycles.due_on(cycle, day) if day else self.today,
            "missing": missing,
            "source": SOURCE,
            "recorded_by": SOURCE,
        }

    def name(self) -> str:
        return self.rng.choice(self.names)

    def phone(self) -> str:
        self.phones += 1
        return f"{PHONE_RANGE}{self.phones:08}"

    def identity(self, born: date) -> str:
        self.born[f"{born:%Y%m%d}"] += 1
        body = f"{REGION}{born:%Y%m%d}{self.born[f'{born:%Y%m%d}']:03}"
        return body + ric.calc_check_digit(body + "0")

    def credit_code(self) -> str:
        self.codes += 1
        body = f"92{REGION}MX{self.codes:07}"
        return body + uscc.calc_check_digit(body)

    def day_before(self, days: int) -> date:
        """A day before today, at most so many days ago."""
        return self.today - timedelta(days=self.rng.randrange(1, days))


_SEALED: dict[type[Base], dict[str, SealedColumn]] = {
    Dwelling: {"landlord_phone": LANDLORD_PHONE},
    Resident: {"identity": RESIDENT_IDENTITY, "phone": RESIDENT_PHONE},
    Establishment: {"contact_phone": CONTACT_PHONE},
    Residence: {},
}


def _copy(session: Session, table: type[Base], rows: list[Row]) -> None:
    """Number, seal and load rows; each gets its `id`."""
    if not rows:
        return
    name, ring = table.__tablename__, keys_of(session)
    ids = session.scalars(
        text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
        {"name": name, "count": len(rows)},
    ).all()
    columns = [
        column.name
        for column in table.__table__.columns
        if column.name not in {"version", "created_at", "updated_at", "grid_code", "moved_from_id"}
        and not column.name.startswith("annulled")
        and column.name not in {"note", "ended_on", "occupied_to"}
    ]
    listed = ", ".join(columns)
    connection = session.connection()
    # Row-level security refuses COPY into the table itself.
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE demo_{name} ON COMMIT DROP AS SELECT {listed} FROM {name} WITH NO DATA"
    )
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY demo_{name} ({listed}) FROM STDIN") as copy:
        for row_id, row in zip(ids, rows, strict=True):
            row["id"] = row_id
            for field, sealed in _SEALED[table].items():
                _seal(ring, row, field, sealed)
            if table is Residence:
                row["resident_id"] = row.pop("person")["id"]
            copy.write_row([row.get(column) for column in columns])
    connection.exec_driver_sql(
        f"INSERT INTO {name} ({listed}) SELECT {listed} FROM demo_{name} ORDER BY id"
    )
    connection.exec_driver_sql(f"DROP TABLE demo_{name}")


def _seal(ring: KeyRing, row: Row, field: str, sealed: SealedColumn) -> None:
    plain = row.pop(field, None)
    assert sealed.index_column is not None
    row[sealed.column] = row[sealed.index_column] = None
    if plain is not None:
        row[sealed.column] = seal_text(ring, sealed, row["id"], plain)
        row[sealed.index_column] = blind_index(ring, sealed, plain)


def _stored(session: Session, addresses: pd.DataFrame) -> pd.DataFrame:
    """The city's addresses with the numbers they got."""
    found = session.execute(
        select(StandardAddress.source_ref, StandardAddress.id).where(
            StandardAddress.source == SOURCE, StandardAddress.status == "current"
        )
    )
    ids = {str(row.source_ref): row.id for row in found}
    plain = pd.DataFrame(addresses.drop(columns="geometry"))
    plain["address_id"] = plain["source_ref"].map(ids)
    return plain.dropna(subset=["address_id"]).astype({"address_id": int})
