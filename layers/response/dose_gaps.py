"""Gaps by patrol dose: key places that did not get what they want, hot cells where nobody was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from geo.values import LonLat, Period
from layers.coverage.board import Occasion
from layers.routes.candidates import RECENT, Candidate
from layers.routes.problem import PlaceKind

LOOKED_BACK = timedelta(days=7)
LOOKED_AHEAD = timedelta(days=8)  # a weekly wish comes within it
VISIT_MIN = 2.0  # of patrols in a day, from which somebody was there
ROUTE = timedelta(hours=4)  # that is offered to close a gap
_WHY = {"none": "nobody", "short": "short", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class DoseGap:
    """A place that lacks patrols.

    place_id : as a route plan knows it
    why : `nobody` was there, `short` of what is wanted, `unknown`: units of the grid were silent
    since : when the first of the missed stretches in a row began; `is_older`: as far as is looked
        back, so that it may be older
    missed : stretches in a row; missing_min: of the last of them, None for a cell
    expected : incidents in the hours to come, None for a key place
    closed_by : when a stop would close it, the next time that the place wants one
    """

    place_id: str
    kind: str
    name: str
    grid_code: str | None
    place: LonLat
    why: str
    since: datetime
    is_older: bool
    missed: int
    missing_min: float | None
    expected: float | None
    closed_by: Period


def key_place_gaps(
    occasions: Sequence[Occasion],
    verdicts: pd.DataFrame,
    ahead: Sequence[Occasion],
    *,
    now: datetime,
) -> list[DoseGap]:
    """Return the key places whose last stretch was missed, the longest missed first.

    Parameters
    ----------
    occasions : stretches that have ended
    verdicts : of `uncovered_occasions` about all of them
    ahead : stretches to come or under way
    """
    told = {int(row["occasion"]): row for row in verdicts.to_dict("records")}
    by_place: dict[int, list[int]] = {}
    for number in sorted(range(len(occasions)), key=lambda k: occasions[k].ends_at):
        by_place.setdefault(occasions[number].place.key_place_id, []).append(number)
    found = []
    for key, numbers in by_place.items():
        missed: list[int] = []
        for number in reversed(numbers):
            if told[number]["state"] not in _WHY:
                break
            missed.append(number)
        coming = [each for each in ahead if each.place.key_place_id == key
                  and each.ends_at - now > timedelta(seconds=each.dose_s)]  # fmt: skip
        if not missed or not coming:
            continue
        last, place = told[missed[0]], occasions[missed[0]].place
        nearest = min(coming, key=lambda each: each.starts_at)
        found.append(
            DoseGap(
                place_id=f"key:{key}",
                kind=PlaceKind.KEY_PLACE.value,
                name=place.name,
                grid_code=place.grid_code,
                place=place.position,
                why=_WHY[last["state"]],
                since=occasions[missed[-1]].starts_at,
                is_older=len(missed) == len(numbers),
                missed=len(missed),
                missing_min=round(float(last["missing_s"]) / 60, 1),
                expected=None,
                closed_by=Period(max(nearest.starts_at, now), nearest.ends_at),
            )
        )
    return sorted(found, key=lambda gap: (-gap.missed, -(gap.missing_min or 0), gap.place_id))


def hot_cell_gaps(candidates: Sequence[Candidate], *, now: datetime) -> list[DoseGap]:
    """Return the hot cells of the hours to come in which nobody patrolled for a day, in the order
    of the candidates."""
    return [
        DoseGap(
            place_id=each.place.place_id,
            kind=PlaceKind.HOTSPOT.value,
            name=each.place.name,
            grid_code=each.grid_code,
            place=each.place.at,
            why="nobody",
            since=now - RECENT,
            is_older=True,
            missed=1,
            missing_min=None,
            expected=each.expected,
            closed_by=Period(now, now + ROUTE),
        )
        for each in candidates
        if each.recent_min is not None and each.recent_min < VISIT_MIN
    ]
