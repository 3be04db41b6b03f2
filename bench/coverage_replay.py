"""Real positions through the store: a log of vehicles becomes coverage that the map shows.

    GRIDBEAT_DATA_FOLDER=/tmp/replay GRIDBEAT_DEMO=false \\
        python -m bench.coverage_replay --avl FILE [--first DAY --last DAY] [--again DAYS]

The file (parquet: vehicle_id, time_utc, longitude, latitude) is moved by whole weeks, so that it
ends some days ago: hours and weekdays stay. Squares of 1 km with positions in them become grids,
squares of 3 km communities; each vehicle a unit of the grids it was in most, each of its days a
shift from its first to its last fix. Day after day positions go in as the intake stores them, past
HTTP; then the follower computes what is due. The first `--again` days come twice: after the first
time all is forgotten and comes in shuffled tenths, a tenth of each twice, and must come to the same
bytes. At the end one fix comes late into a full day. Who stops it after that beginning goes on at
the next day with the same command. Afterwards `./gridbeat run` with the same variables and
GRIDBEAT_POSITIONS_KEPT_DAYS=3650 shows it at /coverage.

Nothing of the file is shipped, nor what is made of it: see the licence of the data.

RESULT: fixes, days (of this run), units, shifts; store_per_s (fixes a second into the table, with
the trigger); fixes_per_s, fixes_per_cpu_s (from there to presence and coverage in the store, wall
and processor of this process; the database's own work is in the wall); late_s (one late fix into a
full day, from stored to computed), same_bytes (1 or 0), hours_of_units, rows_of_grids,
kb_a_unit_day.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from rich.console import Console
from rich.table import Table
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from geo.commands.context import open_store
from geo.demo.load import store_is_empty
from geo.errors import StoreNotEmpty
from geo.grid_draft import GridDraft
from geo.grid_versions import load_open_grids, lock_grid_writes, store_grid_version
from geo.settings import load_settings
from geo.store.bulk import copy_table
from geo.store.database import Database
from geo.tables import (
    Area,
    Base,
    CoverageJump,
    DutyShift,
    GridCoverage,
    PatrolUnit,
    StoreNote,
    UnitPresence,
)
from layers.coverage.follower import CoverageFollower
from layers.coverage.keeping import KeptUp

GRID_DEG, COMMUNITY_GRIDS = 0.01, 3
FIRST_DAY = date(2020, 1, 1)
NOTE = "coverage_replay"  # when it began: the same log is moved by the same weeks
MARGIN = timedelta(minutes=2)
SHIFT_MAX = timedelta(hours=47)
BEAT_GRIDS = 12


@dataclass(frozen=True, slots=True)
class Log:
    """Fixes as columns, times moved; `grid` numbers the squares of 1 km."""

    unit: Any
    at: Any
    lon: Any
    lat: Any
    grid: Any
    names: list[str]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--avl", type=Path, required=True)
    arguments.add_argument("--first", type=date.fromisoformat)
    arguments.add_argument("--last", type=date.fromisoformat)
    arguments.add_argument("--again", type=int, default=2, help="days that come once more")
    given = arguments.parse_args()
    settings = load_settings()
    with open_store(settings) as database:
        with database.session() as session:
            begun = session.get(StoreNote, NOTE)
            if begun is None and not store_is_empty(session):
                raise StoreNotEmpty("Replay into a store of its own: GRIDBEAT_DATA_FOLDER=…")
            now = datetime.now(UTC) if begun is None else datetime.fromisoformat(begun.value["now"])
            log = read_log(given.avl, given.first, given.last, now)
            if begun is None:
                codes = store_squares(session, log)
                store_units(session, log, codes, ZoneInfo(settings.time_zone))
                session.execute(text("DELETE FROM coverage_due"))
            ids = [
                session.scalars(select(PatrolUnit.id).where(PatrolUnit.code == f"AVL-{name}")).one()
                for name in log.names
            ]
            shifts = session.scalar(select(func.count()).select_from(DutyShift)) or 0
        result = {} if begun else first_days_twice(database, settings, log, ids, given.again)
        if begun is None:
            with database.session() as session:
                session.add(StoreNote(name=NOTE, value={"now": now.isoformat()}))
        result |= replay(database, settings, log, ids)
        result |= {"units": len(ids), "shifts": shifts}
    table = Table(title=f"{result['fixes']:,} fixes of {len(ids)} units, {shifts:,} shifts")
    for heading in ("figure", "value"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, value in result.items():
        table.add_row(name, f"{value:,}")
    Console().print(table)
    print("RESULT " + json.dumps(result))


def read_log(path: Path, first: date | None, last: date | None, now: datetime) -> Log:
    frame = pd.read_parquet(path)[["vehicle_id", "time_utc", "longitude", "latitude"]]
    day = frame.time_utc.dt.date
    frame = frame[(day >= (first or day.min())) & (day <= (last or day.max()))]
    frame = frame.drop_duplicates(["vehicle_id", "time_utc"])
    # Not into the last days, of which nothing can be purged.
    ago = pd.Timestamp(now).tz_localize(None) - pd.Timedelta(days=3) - frame.time_utc.max()
    weeks = ago // pd.Timedelta(days=7)
    at = (frame.time_utc + weeks * pd.Timedelta(days=7)).dt.tz_localize("UTC")
    unit, names = pd.factorize(frame.vehicle_id, sort=True)
    x = np.floor(frame.longitude / GRID_DEG).astype(int)
    y = np.floor(frame.latitude / GRID_DEG).astype(int)
    return Log(
        unit, at, frame.longitude.to_numpy(), frame.latitude.to_numpy(),
        list(zip(x, y, strict=True)), [str(each) for each in names],
    )  # fmt: skip


def store_squares(session: Session, log: Log) -> dict[tuple[int, int], str]:
    """Store the squares as grids and communities; return their codes."""
    squares = sorted(set(log.grid))
    west, south = (min(each[axis] for each in squares) for axis in (0, 1))
    codes = {}
    communities: dict[str, None] = {}
    for x, y in squares:
        column, row = (x - west) // COMMUNITY_GRIDS, (y - south) // COMMUNITY_GRIDS
        community = f"990100{1 + row // 5:03}{1 + column + 20 * (row % 5):03}"
        communities[community] = None
        codes[x, y] = f"{community}{(x - west) % COMMUNITY_GRIDS + 1:02}{(y - south) + 1:03}"
    towns = sorted({code[:9] for code in communities})
    session.add_all(
        Area(code=code, level=level, name=f"{name}{code[-3:]}", parent_code=None,
             valid_from=FIRST_DAY, source="replay")
        for level, name, some in (("township", "区块", towns), ("community", "方格", communities))
        for code in some
    )  # fmt: skip
    session.flush()
    lock_grid_writes(session)
    store_grid_version(
        session,
        [
            GridDraft(
                row=number, grid_code=codes[x, y], name=f"方格{number}", kind="base",
                community_code=codes[x, y][:12], person_in_charge=None, contact=None,
                household_count=None,
                geometry=shapely.MultiPolygon([shapely.box(
                    round(x * GRID_DEG, 6), round(y * GRID_DEG, 6),
                    round((x + 1) * GRID_DEG, 6), round((y + 1) * GRID_DEG, 6),
                )]),
            )
            for number, (x, y) in enumerate(squares, start=1)
        ],
        valid_from=FIRST_DAY, today=FIRST_DAY, source="replay",
        replaced=load_open_grids(session, on=FIRST_DAY),
    )  # fmt: skip
    return codes


def store_units(
    session: Session, log: Log, codes: dict[tuple[int, int], str], zone: ZoneInfo
) -> tuple[list[int], int]:
    """Store a unit a vehicle, and a shift a local day; return the units and how many shifts."""
    frame = pd.DataFrame(
        {"unit": log.unit, "at": log.at, "grid": [codes[each] for each in log.grid]}
    )
    most = {
        int(str(unit)): sorted(of_unit.grid.value_counts().index[:BEAT_GRIDS].tolist())
        for unit, of_unit in frame.groupby("unit")
    }
    units = [
        PatrolUnit(code=f"AVL-{name}", name=f"车辆{name}", kind="car",
                   grid_codes=most[number])
        for number, name in enumerate(log.names)
    ]  # fmt: skip
    session.add_all(units)
    session.flush()
    frame["day"] = frame["at"].dt.tz_convert(zone).dt.date
    count = 0
    for unit, of_unit in frame.groupby("unit"):
        ended = None
        for _, of_day in of_unit.groupby("day"):
            start = of_day["at"].min() - MARGIN
            end = min(of_day["at"].max() + MARGIN, start + SHIFT_MAX)
            start = start if ended is None else max(start, ended)
            if end <= start:
                continue
            session.add(DutyShift(unit_id=units[int(str(unit))].id, starts_at=start.to_pydatetime(),
                                  ends_at=end.to_pydatetime(), planned_by="replay"))  # fmt: skip
            ended, count = end, count + 1
    session.flush()
    return [unit.id for unit in units], count


def positions_of(log: Log, ids: list[int]) -> pa.Table:
    count = len(log.lon)
    at = pa.array(log.at.dt.tz_localize(None).to_numpy("datetime64[us]"), pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "unit_id": pa.array(np.asarray(ids, np.int64)[log.unit]),
            "fixed_at": at, "device_id": pa.array(np.zeros(count, np.int64)), "received_at": at,
            "skew_s": pa.array(np.zeros(count, np.float32)),
            "lon": pa.array(log.lon), "lat": pa.array(log.lat),
            "source": pa.array(["replay"] * count),
        }
    )  # fmt: skip


def first_days_twice(
    database: Database, settings: Any, log: Log, ids: list[int], days: int
) -> dict[str, Any]:
    """Let some days come at once, and after that shuffled and doubled; tell whether they are the
    same bytes."""
    rows = positions_of(log, ids)
    follower = CoverageFollower(database, settings)
    follower.places()
    warm(database, follower, rows)
    day = days_of(log, settings)
    first = rows.take(pa.array(np.flatnonzero(np.isin(day, np.unique(day)[:days]))))
    if first.num_rows == 0:
        return {}
    with database.session() as session:
        copy_table(session, Base.metadata.tables["patrol_position"], first)
    follower.catch_up()
    whole = state_of(database)
    forget(database)
    rng = np.random.default_rng(1)
    for part in np.array_split(rng.permutation(first.num_rows), 10):
        again = np.concatenate([part, rng.choice(part, len(part) // 10)])
        put_again(database, first.take(pa.array(again)))
        follower.catch_up()
    return {"same_bytes": int(state_of(database) == whole)}


def days_of(log: Log, settings: Any) -> Any:
    """The local day of each fix."""
    return log.at.dt.tz_convert(settings.time_zone).dt.date.to_numpy().astype("datetime64[D]")


def replay(database: Database, settings: Any, log: Log, ids: list[int]) -> dict[str, Any]:
    """Let the days come that are not there yet; return what was measured."""
    rows = positions_of(log, ids)
    day = days_of(log, settings)
    with database.session() as session:
        last = session.scalar(text("SELECT max(fixed_at) FROM patrol_position"))
    here = date.min if last is None else last.astimezone(ZoneInfo(settings.time_zone)).date()
    days = [each for each in np.unique(day) if each > np.datetime64(here)]
    follower = CoverageFollower(database, settings)
    follower.places()
    follower.catch_up()  # what a run that was stopped left
    stored_s = wall = cpu = 0.0
    fixes = 0
    done = KeptUp(0, 0, 0, 0)
    for each in days:
        of_day = rows.take(pa.array(np.flatnonzero(day == each)))
        started = time.perf_counter()
        with database.session() as session:
            copy_table(session, Base.metadata.tables["patrol_position"], of_day)
        stored_s += time.perf_counter() - started
        started, started_cpu = time.perf_counter(), time.process_time()
        done += follower.catch_up()
        wall += time.perf_counter() - started
        cpu += time.process_time() - started_cpu
        fixes += of_day.num_rows
        print(f"{each}  {of_day.num_rows:7,} fixes  {fixes / wall:8,.0f} fixes/s", flush=True)
    with database.session() as session:
        size = session.scalar(
            select(func.sum(func.length(UnitPresence.pieces) + func.length(UnitPresence.visits)))
        )
        unit_days = session.scalar(select(func.count()).select_from(DutyShift))
    return {
        "fixes": fixes,
        "days": len(days),
        "store_per_s": round(fixes / max(stored_s, 1e-9)),
        "fixes_per_s": round(fixes / max(wall, 1e-9)),
        "fixes_per_cpu_s": round(fixes / max(cpu, 1e-9)),
        "late_s": round(late_fix(database, follower, rows), 3),
        "hours_of_units": done.changed_hours,
        "rows_of_grids": done.changed_grids,
        "kb_a_unit_day": round((size or 0) / max(unit_days or 1, 1) / 1000, 1),
    }


def warm(database: Database, follower: CoverageFollower, rows: pa.Table) -> None:
    """Compile what is compiled, on a few fixes that are taken out again."""
    with database.session() as session:
        copy_table(session, Base.metadata.tables["patrol_position"], rows.slice(0, 500))
    follower.catch_up()
    forget(database)


def forget(database: Database) -> None:
    """Take positions and all that was computed away again."""
    with database.session() as session:
        for table in (UnitPresence, GridCoverage, CoverageJump):
            session.execute(delete(table))
    # The application may delete no position; a purge is the owner's, of days that are over.
    with database.session() as session:
        session.execute(text("SELECT position_purge_before((now() AT TIME ZONE 'UTC')::date - 1)"))
        session.execute(text("DELETE FROM coverage_due"))


def put_again(database: Database, rows: pa.Table) -> None:
    """Store rows of which some are there."""
    columns = rows.column_names
    with database.session() as session:
        session.execute(
            text(
                f"INSERT INTO patrol_position ({', '.join(columns)}) SELECT * FROM unnest("
                "CAST(:unit_id AS bigint[]), CAST(:fixed_at AS timestamptz[]), "
                "CAST(:device_id AS bigint[]), CAST(:received_at AS timestamptz[]), "
                "CAST(:skew_s AS real[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]), "
                "CAST(:source AS text[])) ON CONFLICT DO NOTHING"
            ),
            {name: rows[name].to_pylist() for name in columns},
        )


def late_fix(database: Database, follower: CoverageFollower, rows: pa.Table) -> float:
    """How long one more fix takes that comes into the middle of a day that is computed."""
    middle = rows.slice(rows.num_rows // 2, 1).to_pydict()
    middle["fixed_at"] = [middle["fixed_at"][0] + timedelta(seconds=7)]
    started = time.perf_counter()
    put_again(database, pa.table(middle, schema=rows.schema))
    follower.catch_up()
    return time.perf_counter() - started


def state_of(database: Database) -> list[tuple[Any, ...]]:
    with database.session() as session:
        return [
            tuple(row)
            for table in (UnitPresence, GridCoverage, CoverageJump)
            for row in session.execute(
                select(*table.__table__.columns).order_by(*table.__table__.primary_key)
            )
        ]


if __name__ == "__main__":
    main()
