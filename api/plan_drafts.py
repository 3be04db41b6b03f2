"""What a plan is drafted from: places that a shift could hold, units on the roster."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from api.dependencies import lonlat_of
from api.schemas.patrol_plans import NewPlan
from api.services import Services
from geo.errors import InvalidInput
from geo.incidents.categories import CategoryTree
from geo.roads.modes import TravelMode
from geo.values import GridScope, Period
from layers.hotspots.ground import HotspotGround
from layers.routes.candidates import (
    Candidate,
    Candidates,
    GridFinder,
    hot_candidates,
    key_candidates,
    named_by_road,
    recent_presence,
    route_unit,
    units_on_duty,
)
from layers.routes.kept import KeptPlan
from layers.routes.planning import extra_place, places_of

KEY_PRIZE_LEAST = 5.0  # of a key place where nothing is forecast
PLAN_READERS = ("grid_worker", "patrol_leader", "chief")


def candidates_of(
    session: Session, services: Services, period: Period, scope: GridScope, moment: datetime,
    hot_cells: int, slots: int, dwell_s: int, gap_s: int,
) -> Candidates:  # fmt: skip
    """Return what a shift's plan could stop at, best first: hot cells, then key places."""
    zone = ZoneInfo(services.settings.time_zone)
    grids = GridFinder(session, on=services.settings.local_day(period.start), scope=scope)
    hot = hot_candidates(
        services.hotspots,
        services.incidents.current(),
        period=period,
        grids=grids,
        ground=HotspotGround(session, scope=scope, on=services.settings.local_day(moment)),
        hidden=_hidden_kinds(session),
        zone=zone,
        now=moment,
        wanted=hot_cells,
        slots=slots,
        dwell_s=dwell_s,
        gap_s=gap_s,
        recent_min=recent_presence(session, before=min(period.start, moment)),
    )
    best = max((each.place.slots[0].prize for each in hot.found), default=KEY_PRIZE_LEAST)
    keys = key_candidates(session, period=period, scope=scope, zone=zone, prize=best)
    travel = services.roads.travel(session, TravelMode.CAR, at=period.start)
    return Candidates(
        tuple(named_by_road([*hot.found, *keys], travel)), too_few=hot.too_few
    )  # fmt: skip


def _hidden_kinds(session: Session) -> frozenset[str]:
    """Kinds of incidents whose points not all see who see a plan: leaders, chiefs, and the members
    of the units that drive it."""
    tree = CategoryTree.load(session)
    return frozenset(
        row.code
        for row in tree.rows()
        if not all(tree.may_see_point(row.code, role) for role in PLAN_READERS)
    )


def drafted(
    session: Session, services: Services, period: Period, scope: GridScope, moment: datetime,
    given: NewPlan,
) -> tuple[KeptPlan, set[str]]:  # fmt: skip
    """Return an unsolved plan of what was asked, and the grids that its places lie in.

    Raises
    ------
    InvalidInput : a place that is no candidate or lies in none of the caller's grids; a unit that
        isn't on the roster, or has no home
    """
    found = candidates_of(
        session, services, period, scope, moment, given.hot_cells, given.slots,
        given.dwell_min * 60, given.gap_min * 60,
    )  # fmt: skip
    chosen: list[Candidate] = list(places_of(found.found, given.place_ids, given.must_ids))
    length = int((period.end - period.start).total_seconds())
    points = [lonlat_of(each.lon, each.lat, "WGS84") for each in given.extra]
    grids = GridFinder(session, on=services.settings.local_day(period.start), scope=scope)
    codes = grids.codes_of([p.longitude for p in points], [p.latitude for p in points])
    for number, (each, point, code) in enumerate(zip(given.extra, points, codes, strict=True)):
        if code is None and not scope.is_everything:
            raise InvalidInput(
                f"{each.name} lies in none of your grids. Choose another point.", field="extra"
            )
        place = extra_place(number, each.name, point, length_s=length, dwell_s=each.dwell_min * 60)
        chosen.append(Candidate(place, code, None))
    on_duty = {unit.id: (unit, duty) for unit, duty in units_on_duty(session, period, scope=scope)}
    units = []
    for unit_id in dict.fromkeys(given.unit_ids):
        if unit_id not in on_duty:
            raise InvalidInput(
                f"The unit {unit_id} is not on the roster in this period. Plan its shift first.",
                unit_id=unit_id,
            )
        unit, duty = on_duty[unit_id]
        units.append(
            route_unit(
                unit,
                duty,
                period,
                mode=services.roads.mode_of_kind(unit.kind),
                break_s=given.break_min * 60,
            )
        )
    kept = KeptPlan(
        places=tuple(each.place for each in chosen),
        units=tuple(units),
        seed=secrets.randbelow(1 << 30),
    )
    grid_codes = {each.grid_code for each in chosen if each.grid_code is not None}
    if not grid_codes and scope.grid_codes is not None:
        # Nothing to stop at: the plan is its units' grids, as far as the caller has them.
        grid_codes = {code for unit_id in given.unit_ids for code in on_duty[unit_id][0].grid_codes
                      if scope.covers(code)}  # fmt: skip
    return kept, grid_codes
