"""A store with many units on duty and many leaders signed in, for `bench.live`.

Ten by ten grids of some 600 m, ten grids a community, as many units in each grid; the leaders see
between one grid and everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.accounts.passwords import new_token, token_hash
from geo.tables import (
    UNIT_KINDS,
    UNIT_STATUSES,
    Account,
    AccountAssignment,
    AccountSession,
    Area,
    DutyShift,
    PatrolDevice,
    PatrolUnit,
)

WEST, SOUTH = 112.50, 37.80
SIDE_LON, SIDE_LAT = 0.0068, 0.0054  # some 600 m each
SIDE_GRIDS = 10
FIRST_DAY = date(2020, 1, 1)
TOWN = "140105001"
# Of each hundred leaders so many see everything, so many a community; the others 1 to 3 grids.
ALL_SEEING, COMMUNITY_LEADERS = 2, 28

_GRIDS = text("""
    WITH version AS (
        INSERT INTO grid_version (source, valid_from, grid_count)
        VALUES ('bench', '2020-01-01', :side * :side) RETURNING id
    )
    INSERT INTO grid (version_id, grid_code, name, community_code, area_m2, valid_from, geom)
    SELECT version.id, :town || lpad((y + 1)::text, 3, '0') || lpad((x + 1)::text, 5, '0'),
           'grid ' || x || '-' || y, :town || lpad((y + 1)::text, 3, '0'), 360000, '2020-01-01',
           ST_Multi(ST_MakeEnvelope(:west + x * :lon, :south + y * :lat,
                                    :west + (x + 1) * :lon, :south + (y + 1) * :lat, 4326))
    FROM version, generate_series(0, :side - 1) AS x, generate_series(0, :side - 1) AS y
""")


@dataclass
class LiveWorld:
    """What was made: of each unit its device's token, its place and its grid; of each leader the
    token of the sign-in and how many units they see."""

    device_tokens: list[str] = field(default_factory=list)
    unit_grids: list[int] = field(default_factory=list)
    lon: list[float] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    session_tokens: list[str] = field(default_factory=list)
    scopes: list[frozenset[int]] = field(default_factory=list)

    def viewers_of(self, unit: int) -> int:
        """How many leaders see a unit."""
        return self._viewers[self.unit_grids[unit]]

    def count_viewers(self) -> None:
        self._viewers = [
            sum(grid in scope for scope in self.scopes) for grid in range(SIDE_GRIDS**2)
        ]


def grid_code(number: int) -> str:
    x, y = number % SIDE_GRIDS, number // SIDE_GRIDS
    return f"{TOWN}{y + 1:03}{x + 1:05}"


def make_live_world(session: Session, *, units: int, leaders: int, now: datetime) -> LiveWorld:
    """Put grids, units on duty with a device each, and leaders who are signed in into a store."""
    rng = np.random.default_rng(6)
    world = LiveWorld()
    for code, level, parent in (
        ("140000", "province", None), ("140100", "city", "140000"), ("140105", "county", "140100"),
        (TOWN, "township", "140105"),
        *((f"{TOWN}{y + 1:03}", "community", TOWN) for y in range(SIDE_GRIDS)),
    ):  # fmt: skip
        session.add(Area(code=code, level=level, name=f"区{code}", parent_code=parent,
                         valid_from=FIRST_DAY, source="bench"))  # fmt: skip
        session.flush()
    session.execute(_GRIDS, {"side": SIDE_GRIDS, "town": TOWN, "west": WEST, "south": SOUTH,
                             "lon": SIDE_LON, "lat": SIDE_LAT})  # fmt: skip
    made = []
    for number in range(units):
        grid = number % SIDE_GRIDS**2
        made.append(
            PatrolUnit(
                code=f"U{number:04}", name=f"Unit {number}", grid_codes=[grid_code(grid)],
                kind=UNIT_KINDS[number % len(UNIT_KINDS)],
                status=UNIT_STATUSES[number // 7 % (len(UNIT_STATUSES) - 1)],
            )
        )  # fmt: skip
        world.unit_grids.append(grid)
        world.lon.append(WEST + SIDE_LON * (grid % SIDE_GRIDS + rng.uniform(0.1, 0.9)))
        world.lat.append(SOUTH + SIDE_LAT * (grid // SIDE_GRIDS + rng.uniform(0.1, 0.9)))
    session.add_all(made)
    session.flush()
    for unit in made:
        token = new_token()
        world.device_tokens.append(token)
        session.add(PatrolDevice(unit_id=unit.id, name=None, rank=0, token_hash=token_hash(token)))
        session.add(DutyShift(unit_id=unit.id, starts_at=now - timedelta(hours=2),
                              ends_at=now + timedelta(hours=10), planned_by="bench"))  # fmt: skip
    for number in range(leaders):
        if number % 100 < ALL_SEEING:
            seen: list[str | None] = [None]
            scope = frozenset(range(SIDE_GRIDS**2))
        elif number % 100 < ALL_SEEING + COMMUNITY_LEADERS:
            row = int(rng.integers(SIDE_GRIDS))
            seen = [f"{TOWN}{row + 1:03}"]
            scope = frozenset(range(SIDE_GRIDS * row, SIDE_GRIDS * (row + 1)))
        else:
            scope = frozenset(rng.integers(SIDE_GRIDS**2, size=rng.integers(1, 4)).tolist())
            seen = [grid_code(grid) for grid in scope]
        world.scopes.append(scope)
        account = Account(
            name=f"leader{number}", shown_name=f"Leader {number}", password_hash="none",
            role="chief" if seen == [None] else "patrol_leader",
        )  # fmt: skip
        session.add(account)
        session.flush()
        session.add_all(
            AccountAssignment(account_id=account.id, area_code=code, valid_from=FIRST_DAY)
            for code in seen
        )
        token = new_token()
        world.session_tokens.append(token)
        session.add(AccountSession(account_id=account.id, token_hash=token_hash(token),
                                   created_at=now, seen_at=now))  # fmt: skip
    world.count_viewers()
    return world
