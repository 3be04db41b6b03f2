"""Gaps by patrol dose: where patrols did not come, since when, and what would close it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from api.callers import SignedInCaller
from api.dependencies import ReadSession, Scope, ServicesDep, now
from api.endpoints.units import require_lead
from api.geojson import rounded
from api.plan_drafts import candidates_of
from api.schemas.errors import error_responses
from api.schemas.gaps import DoseGaps, DoseGapShown
from geo.coverage.key_places import find_key_places
from geo.coverage.reading import load_coverage, load_duty_hours
from geo.grids import load_grids
from geo.values import Period
from layers.coverage.answers import hours_asked
from layers.coverage.board import occasions_of, uncovered_occasions
from layers.response.dose_gaps import (
    LOOKED_AHEAD,
    LOOKED_BACK,
    ROUTE,
    hot_cell_gaps,
    key_place_gaps,
)

router = APIRouter(prefix="/gaps", tags=["layers"])

HOT_CELLS = 10
METHOD = (
    "Key places whose register asks for patrols, and that got less in the last stretch in which "
    "they want them, of the last 7 days; the ten cells in which most incidents are expected in the "
    "next 4 hours, where nobody patrolled for two minutes in the last 24 hours."
)


@router.get(
    "/doses",
    operation_id="list_dose_gaps",
    summary="Places that lack patrols",
    responses=error_responses(404),
)
def list_dose_gaps(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    moment: Annotated[datetime, Depends(now)],
) -> DoseGaps:  # fmt: skip
    """Key places that were missed the last time they wanted a patrol, and hot cells where nobody
    was for a day: why, since when, and when a stop would close it. For who leads units."""
    require_lead(caller)
    zone = services.settings.time_zone
    asked = hours_asked(Period(moment - LOOKED_BACK, moment), time_zone=zone)
    places = find_key_places(session, scope=scope)
    wanted = occasions_of(places, asked.period, time_zone=zone, now=moment)
    until = moment + LOOKED_AHEAD
    ahead = occasions_of(places, Period(moment - ROUTE * 6, until), time_zone=zone, now=until)
    verdicts = uncovered_occasions(
        wanted, load_coverage(session, asked.starts, kind="key_place"), asked,
        load_duty_hours(session, asked.starts), only_uncovered=False,
    )  # fmt: skip
    hot = candidates_of(
        session, services, Period(moment, moment + ROUTE), scope, moment, HOT_CELLS, 1, 720, 0
    )
    grids = load_grids(session, on=services.settings.local_day(moment), scope=scope)
    names = dict(zip(grids.index.astype(str), grids["name"], strict=True))
    found = [
        *key_place_gaps(wanted, verdicts, ahead, now=moment),
        *hot_cell_gaps(hot.found, now=moment),
    ]
    return DoseGaps(
        gaps=[
            DoseGapShown(
                place_id=gap.place_id,
                kind=gap.kind,
                name=gap.name,
                grid_code=gap.grid_code,
                grid_name=names.get(gap.grid_code or ""),
                lon=rounded(gap.place.longitude),
                lat=rounded(gap.place.latitude),
                why=gap.why,
                since=gap.since,
                is_older=gap.is_older,
                missed=gap.missed,
                missing_min=gap.missing_min,
                expected=gap.expected,
                closed_from=gap.closed_by.start,
                closed_until=gap.closed_by.end,
            )
            for gap in found
        ],
        at=moment,
        method=METHOD,
    )
