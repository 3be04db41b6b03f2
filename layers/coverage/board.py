"""What a leader asks of coverage: which key places were missed when, whether patrols are where
residents call, how long units were in their communities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from geo.coverage.key_places import PlacedKeyPlace
from geo.coverage.reading import CoverageRows, DutyHours
from geo.incidents.columns import IncidentColumns
from geo.values import GridScope, Period
from layers.coverage.answers import CoverageHours, local_days
from layers.coverage.checkpoints import KNOWN_SHARE_MIN
from layers.coverage.duty import share_verdict
from layers.coverage.key_places import find_uncovered
from layers.coverage.mismatch import Mismatch, find_mismatch
from layers.discovered import MODEL_SOURCES

SLOT_HOURS = 4  # of the matrix: six parts of a day
SLOTS = tuple(f"{first:02}-{first + SLOT_HOURS:02}" for first in range(0, 24, SLOT_HOURS))


@dataclass(frozen=True, slots=True)
class Occasion:
    """A stretch of a day in which a key place wants a dose."""

    place: PlacedKeyPlace
    starts_at: datetime
    ends_at: datetime
    dose_s: int


def occasions_of(
    places: Sequence[PlacedKeyPlace], period: Period, *, time_zone: str, now: datetime
) -> list[Occasion]:
    """Return the stretches in a period, those that have ended, in which something is wanted."""
    zone = ZoneInfo(time_zone)
    found = []
    for day in local_days(Period(period.start - timedelta(days=1), period.end), time_zone):
        here = day.astimezone(zone)
        for place in places:
            for dose in place.doses:
                if here.isoweekday() not in dose.weekdays:
                    continue
                hours = (dose.end_hour - dose.first_hour - 1) % 24 + 1
                # By the clock on the wall, which a change of summer time moves.
                start = here.replace(hour=dose.first_hour)
                end = start + timedelta(hours=hours)
                if period.start <= start and end <= min(period.end, now):
                    found.append(Occasion(place, start, end, dose.dose_s))
    return found


def uncovered_occasions(
    occasions: Sequence[Occasion],
    rows: CoverageRows,
    asked: CoverageHours,
    duty: DutyHours,
    *,
    only_uncovered: bool = True,
) -> pd.DataFrame:
    """Return how the doses were met, most lacking first: `occasion` (position in those given) and
    the columns of `find_uncovered`; `state` also `unknown`: nobody was there as far as is known,
    and of the grid's units less than half of the duty time is known.

    Parameters
    ----------
    rows : of kind `key_place`, in all hours of the period
    """
    hour_of = {start: number for number, start in enumerate(asked.starts)}
    by_key: dict[int, np.ndarray] = {}
    for place in np.unique(rows.sums["place"]):
        own = rows.sums["place"] == place
        table = np.zeros((len(asked.starts), 2))
        ms = rows.sums["ms"][own] / 1000
        np.add.at(table, rows.hour[own], np.stack([ms[:, :3].sum(1), ms[:, 3:].sum(1)], axis=1))
        by_key[int(place)] = table
    slots, required, unknown = [], [], set()
    for number, each in enumerate(occasions):
        hours = _hours_within(each, hour_of)
        key = each.place.key_place_id
        required.append((key, number, float(each.dose_s)))
        if key in by_key:
            certain, uncertain = by_key[key][hours].sum(axis=0)
            slots.append((key, number, float(certain), float(uncertain)))
        on_duty, known = duty.of_grids(hours).get(each.place.grid_code, (0.0, 0.0))
        if on_duty > 0 and known < KNOWN_SHARE_MIN * on_duty:
            unknown.add(number)
    found = find_uncovered(
        pd.DataFrame(slots, columns=pd.Index(["place", "slot", "certain_s", "uncertain_s"])),
        pd.DataFrame(required, columns=pd.Index(["place", "slot", "dose_s"])),
        only_uncovered=only_uncovered,
    )
    is_unknown = (found.state == "none") & found.slot.isin(unknown)
    found.loc[is_unknown, "state"] = "unknown"
    return found.rename(columns={"slot": "occasion"})


def demand_mismatch(
    covered: CoverageRows,
    asked: CoverageHours,
    incidents: IncidentColumns,
    *,
    demand: Period,
    scope: GridScope,
    time_zone: str,
) -> Mismatch:
    """Return how far presence and residents' reports are apart, by grid and part of the day.

    Parameters
    ----------
    covered : of kind `grid`
    demand : from when to when reports count; longer than the presence, since reports are few

    Raises
    ------
    NotEnoughData
    """
    zone = ZoneInfo(time_zone)
    slot_of = np.array([start.astimezone(zone).hour // SLOT_HOURS for start in asked.starts], int)
    ms = covered.sums["ms"] / 1000
    presence = pd.DataFrame(
        {
            "place": [covered.grid_codes[grid] for grid in covered.grid],
            "slot": slot_of[covered.hour] if len(covered.hour) else np.zeros(0, int),
            "patrolling_s": ms[:, 0] + ms[:, 3],
            "stationary_s": ms[:, 1] + ms[:, 4],
        }
    )
    presence = presence[presence.place != ""].groupby(["place", "slot"], as_index=False).sum()
    own = incidents.within(scope)
    rows = own.rows_in(demand)
    reported = own.one_of(frozenset(MODEL_SOURCES), own.source, own.sources, rows)
    reported &= own.grid[rows] >= 0
    calls = pd.DataFrame(
        {
            "place": np.array([*own.grids, ""], object)[own.grid[rows][reported]],
            "slot": own.week_hour[rows][reported] % 24 // SLOT_HOURS,
        }
    )
    return find_mismatch(presence, calls)


def weekly_shares(
    duty: DutyHours, station_of: Mapping[str, str], targets: Mapping[str, float]
) -> pd.DataFrame:
    """Return by station and kind of unit how much of the duty time was in the community.

    Parameters
    ----------
    duty : of the hours of a week
    station_of : grid code → code of its station's area
    targets : kind → share wanted

    Returns
    -------
    DataFrame by `station`, `kind`: `unit_count`, `duty_s`, `known_s`, `community_s`, `beat_s`,
    `responding_s`, `share` (community / duty), `share_high` (were all that is unknown inside),
    `beat_share`, `target` (missing where none), `verdict` (`met`, `missed`, `unknown`)
    """
    table = pd.DataFrame(
        {
            "station": [station_of.get(unit.grid_codes[0], "") if unit.grid_codes else ""
                        for unit in duty.units],
            "kind": [unit.kind for unit in duty.units],
            "unit_count": 1,
            **{name: getattr(duty, name).sum(axis=1) for name in
               ("duty_s", "known_s", "community_s", "beat_s", "responding_s")},
        }
    )  # fmt: skip
    found = table.groupby(["station", "kind"], as_index=False).sum()
    found["share"] = found.community_s / found.duty_s
    found["share_high"] = np.minimum(
        1.0, (found.community_s + found.duty_s - found.known_s) / found.duty_s
    )
    found["beat_share"] = found.beat_s / found.duty_s
    found["target"] = [targets.get(kind, np.nan) for kind in found.kind]
    found["verdict"] = [
        None if np.isnan(target) else share_verdict(share, high, target)
        for share, high, target in zip(found.share, found.share_high, found.target, strict=True)
    ]
    return found


def _hours_within(each: Occasion, hour_of: Mapping[datetime, int]) -> list[int]:
    """Hours that begin in an occasion; occasions begin and end at whole hours."""
    count = round((each.ends_at - each.starts_at).total_seconds() / 3600)
    starts = (each.starts_at + timedelta(hours=k) for k in range(count))
    return [hour_of[start] for start in starts if start in hour_of]
