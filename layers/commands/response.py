"""`gridbeat response …` and `gridbeat siting …`: rings, gaps and sites from the command line."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from geo.commands.context import open_store
from geo.crs import parse_datum
from geo.errors import InvalidInput
from geo.response_sites import Site, end_sites, load_sites, read_sites, store_sites
from geo.roads.modes import TravelMode
from geo.roads.snapping import SnappedPlaces
from geo.roads.store import get_road_version
from geo.settings import Settings, load_settings
from geo.tables.response_site import SITE_KINDS
from geo.values import GridScope, LonLat
from layers.commands.result_files import hexagon_features, site_features, write_result
from layers.demand.cells import RESOLUTION, Demand, load_demand
from layers.demand.points import demand_of_roads, read_demand
from layers.response.gap_board import GapBoard, Post
from layers.response.reach import UNKNOWN
from layers.response.units import ResponseUnit
from layers.response.who_reaches import (
    RING_COUNT,
    SITE,
    ReachRules,
    ResponseReach,
    Source,
    reach_response,
    times_from,
)
from layers.siting import SitingPlan, SitingProblem, compare_plans
from layers.siting.stages import Question, SitingQuestion, solve_in_stages
from layers.travel.stored import StoredTravel

response = typer.Typer(no_args_is_help=True, help="Rings and gaps, by road.")
siting = typer.Typer(no_args_is_help=True, help="Sites: list, import, and where they should be.")

DemandWord = Annotated[
    str,
    typer.Option(
        help="What is to be reached: `register` (households of the store), `roads` (each hexagon "
        "with a road counts 1), or a CSV file with lon, lat and, where they differ, weight."
    ),
]
SitesWord = Annotated[
    Path | None, typer.Option(help="CSV of sites (code, name, kind, lon, lat); else the store's.")
]
ResolutionWord = Annotated[int, typer.Option(min=7, max=11, help="H3 resolution of the hexagons.")]
OutWord = Annotated[Path | None, typer.Option(help="Write GeoJSON, for `gridbeat map`.")]
HourWord = Annotated[
    int | None, typer.Option(min=0, max=23, help="Hour of the day; else without rush hours.")
]


class _Ground:
    """What each verb begins with: roads, rules, demand."""

    def __init__(self, session: Session, settings: Settings, hour: int | None) -> None:
        self.session, self.settings = session, settings
        now = datetime.now(UTC)
        roads = StoredTravel.of_settings(settings.time_zone, settings.road_speeds_file)
        self.roads, self.is_hourly = roads, hour is not None
        local = now.astimezone(roads.zone)
        self.at = local if hour is None else local.replace(hour=hour)
        self.on = settings.local_day(now)
        self.rules = ReachRules.of(settings.reach_kinds)
        self.network = roads.roads(session, at=self.at).network

    def travel(self, mode: TravelMode) -> Any:
        return self.roads.travel(self.session, mode, at=self.at, hourly=self.is_hourly)

    def facts(self, needs: Demand, word: str, modes: Sequence[TravelMode]) -> dict[str, Any]:
        """What the numbers of a result assume, as a file of it says."""
        version = get_road_version(self.session, on=self.on)
        return {
            "network": version.name,
            "attribution": version.attribution,
            "modes": [mode.value for mode in modes],
            "hour": self.at.hour if self.is_hourly else None,
            "speeds": [self.roads.speeds[mode].source for mode in modes],
            "demand": word if word in {"roads", "register"} else Path(word).name,
            "resolution": needs.resolution,
        }

    def demand(self, word: str, resolution: int) -> Demand:
        if word == "roads":
            return demand_of_roads(self.network, resolution=resolution)
        if word == "register":
            return load_demand(
                self.session, scope=GridScope.everything(), resolution=max(resolution, 8)
            )
        return read_demand(Path(word), resolution=resolution)

    def crossings(self, count: int) -> list[Site]:
        """Candidates at crossings spread over the city: numbers of nodes follow the ground."""
        inside = np.flatnonzero(self.network.main_component(TravelMode.CAR))
        chosen = inside[np.linspace(0, len(inside) - 1, min(count, len(inside))).astype(int)]
        return [
            Site(f"X-{k:04d}", f"X-{k:04d}", "candidate", LonLat(float(lon), float(lat)))
            for k, (lon, lat) in enumerate(self.network.node_xy[chosen], 1)
        ]

    def sites(self, file: Path | None, kinds: tuple[str, ...] | None = None) -> list[Site]:
        found = read_sites(file, kind="post") if file else load_sites(
            self.session, on=self.on, kinds=kinds
        )  # fmt: skip
        if not found:
            raise InvalidInput("There are no sites. Give --sites FILE, or import some.")
        return found


@response.command()
def reach(
    demand: DemandWord = "register",
    sites: SitesWord = None,
    without: Annotated[
        str | None, typer.Option(help="Code of a site that is thought away.")
    ] = None,
    resolution: ResolutionWord = RESOLUTION,
    hour: HourWord = None,
    out: OutWord = None,
) -> None:
    """Who is reached from the sites within the rings, and what only one of them reaches."""
    begun = time.perf_counter()
    with open_store() as store, store.session() as session:
        ground = _Ground(session, load_settings(), hour)
        found = ground.sites(sites)
        codes = [site.code for site in found]
        if without is not None and without not in codes:
            raise InvalidInput(f"There is no site {without[:40]}.")
        needs = ground.demand(demand, resolution)
        mode = ground.rules.kinds[SITE].mode
        facts = ground.facts(needs, demand, [mode])
        sources = [Source(SITE, site.place) for site in found]
        result = reach_response(needs, sources, {mode: ground.travel(mode)}, ground.rules)
        lost = [result.lost_by(k)["households"] for k in range(len(found))]
        shown = result if without is None else result.without(codes.index(without))
    console = Console()
    console.print(
        f"{len(found)} sites, {len(needs):,} hexagons of resolution {resolution}, "
        f"{mode.value.replace('_', ' ')}, {time.perf_counter() - begun:.1f} s.",
        highlight=False,
    )
    console.print(_rings(shown, ground.rules, _counted(demand)))
    table = Table("site", "lost if it leaves")
    for k in sorted(range(len(found)), key=lambda k: -lost[k])[:10]:
        table.add_row(found[k].name, f"{lost[k]:,.0f}")
    console.print(table)
    if out is not None:
        ring = np.where(shown.ring == UNKNOWN, np.nan, shown.ring)
        states = ["closed" if site.code == without else "stands" for site in found]
        write_result(
            out, "reach", facts | {"limits_s": list(ground.rules.kinds[SITE].rings_s)},
            hexagon_features(needs, {"ring": ring, "time_s": shown.time_s})
            + site_features(found, states),
        )  # fmt: skip


@response.command()
def gaps(
    units: Annotated[Path, typer.Argument(help="CSV of units: code, name, kind, lon, lat.")],
    demand: DemandWord = "register",
    sites: SitesWord = None,
    resolution: ResolutionWord = RESOLUTION,
    hour: HourWord = None,
    out: OutWord = None,
) -> None:
    """Where nobody of a file of units comes in time, and who would reach more from where.

    Units are of kind car unless the file says motorcycle, foot, volunteer or emergency_unit.
    """
    with open_store() as store, store.session() as session:
        ground = _Ground(session, load_settings(), hour)
        now = datetime.now(UTC)
        standing = read_sites(units, kind="car")
        rows = [
            ResponseUnit(
                id=k, code=site.code, name=site.name, kind=_kind(site.kind), status="free",
                on_duty=True, place=site.place, place_source="position", at=now, state="fresh",
                since=None, readiness=None, why_not=None,
            )
            for k, site in enumerate(standing)
        ]  # fmt: skip
        needs = ground.demand(demand, resolution)
        board = GapBoard(needs, ground.rules)
        modes = {ground.rules.kinds[unit.kind].mode for unit in rows}
        facts = ground.facts(needs, demand, sorted(modes))
        begun = time.perf_counter()
        board.update(rows, {mode: ground.travel(mode) for mode in modes}, now=now)
        took = time.perf_counter() - begun
        posts = [Post(s.code, s.name, s.place) for s in ground.sites(sites, SITE_KINDS)]
        moves = board.move_ups(posts)
    households = needs.weights["households"]
    is_open = board.is_open
    console = Console()
    console.print(
        f"{len(rows)} units, {len(needs):,} hexagons: {households[is_open].sum():,.0f} of "
        f"{households.sum():,.0f} open ({households[is_open].sum() / households.sum():.1%}); "
        f"the board took {took:.2f} s.",
        highlight=False,
    )
    table = Table("move-up", "to", "gained", "lost meanwhile", "way")
    for move in moves:
        way = "-" if move.way_s is None else f"{move.way_s / 60:.1f} min"
        table.add_row(move.name, move.post, f"{move.gain:,.0f}", f"{move.cost:,.0f}", way)
    console.print(table if moves else "No move-up would help much.")
    if out is not None:
        state = board.state(now)
        # A hexagon on no road is neither open nor reached: nobody can say.
        is_open_or_unknown = np.where(board.off_road, np.nan, state.is_open)
        limits = sorted({ground.rules.kinds[unit.kind].rings_s[-1] for unit in rows})
        write_result(
            out, "gaps", facts | {"limits_s": limits},
            hexagon_features(needs, {"is_open": is_open_or_unknown, "time_s": state.time_s})
            + site_features(standing, ["unit"] * len(standing)),
        )  # fmt: skip


@siting.command("import")
def import_sites(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8: code, name, kind, lon, lat.")],
    kind: Annotated[
        str | None, typer.Option(help=f"Where the file has none: {', '.join(SITE_KINDS)}.")
    ] = None,
    datum: Annotated[
        str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.")
    ] = "WGS84",
) -> None:
    """Import sites and candidates; a known code is changed."""
    settings = load_settings()
    found = read_sites(file, datum=parse_datum(datum), kind=kind)
    with open_store(settings) as store, store.session() as session:
        count = store_sites(session, found, valid_from=settings.local_day(datetime.now(UTC)))
    Console().print(f"{count} sites.")


@siting.command("list")
def list_() -> None:
    """List the sites and candidates."""
    settings = load_settings()
    with open_store(settings) as store, store.session() as session:
        found = load_sites(session, on=settings.local_day(datetime.now(UTC)), kinds=SITE_KINDS)
    table = Table("code", "name", "kind", "lon", "lat")
    for site in found:
        table.add_row(
            site.code, site.name, site.kind, f"{site.place.longitude:.5f}",
            f"{site.place.latitude:.5f}",
        )  # fmt: skip
    Console().print(table if found else "There are no sites.")


@siting.command()
def end(code: Annotated[list[str], typer.Argument(help="Codes of sites.")]) -> None:
    """End sites from today on."""
    settings = load_settings()
    with open_store(settings) as store, store.session() as session:
        count = end_sites(session, code, on=settings.local_day(datetime.now(UTC)))
    Console().print(f"{count} sites ended.")


@siting.command()
def solve(
    question: Annotated[
        Question,
        typer.Option(help="How many bring all; which bring most (busy); nearest."),
    ] = Question.MOST,
    wanted: Annotated[int, typer.Option(min=1, help="Sites (or units) in all.")] = 5,
    limit_s: Annotated[float, typer.Option(min=1, help="Reached within this [s].")] = 300.0,
    share: Annotated[float, typer.Option(help="Of the demand, for how_many.")] = 1.0,
    busy_share: Annotated[float, typer.Option(help="Share of time a unit is busy.")] = 0.3,
    fix: Annotated[list[str] | None, typer.Option(help="Code of a site that stays.")] = None,
    forbid: Annotated[list[str] | None, typer.Option(help="Code that is never opened.")] = None,
    keep: Annotated[bool, typer.Option(help="Whether all sites that are, stay.")] = True,
    mode: Annotated[TravelMode, typer.Option(help="How units set out.")] = TravelMode.EMERGENCY_CAR,
    demand: DemandWord = "register",
    sites: SitesWord = None,
    resolution: ResolutionWord = 9,
    crossings: Annotated[
        int, typer.Option(min=0, help="Take this many crossings as candidates, too.")
    ] = 0,
    hour: HourWord = None,
    sites_out: Annotated[
        Path | None, typer.Option(help="Write the chosen sites as CSV, for reach and gaps.")
    ] = None,
    out: OutWord = None,
) -> None:
    """Where sites should be, among those that are and the candidates; the bound is always said.

    Ctrl-C stops with the best so far.
    """
    console = Console()
    with open_store() as store, store.session() as session:
        ground = _Ground(session, load_settings(), hour)
        found = ground.crossings(crossings)
        if sites is not None or not found:
            found = ground.sites(sites, SITE_KINDS) + found
        needs = ground.demand(demand, resolution)
        facts = ground.facts(needs, demand, [mode])
        cells = ground.travel(mode).snap(needs.lon, needs.lat)
        problem, standing = _problem(
            ground, found, needs, cells, mode, fix or [], forbid or [], keep
        )
    asked = SitingQuestion(question, limit_s, wanted, share, busy_share)
    begun, best = time.perf_counter(), None
    try:
        for best in solve_in_stages(problem, asked):
            console.print(
                f"{time.perf_counter() - begun:6.1f} s  {_said(best, question)}", highlight=False
            )
    except KeyboardInterrupt:
        if best is None:
            raise
        console.print("Stopped; this is the best so far.")
    assert best is not None
    _tell_plan(console, best, found, standing)
    if standing:
        change = compare_plans(problem, standing, best.sites, limit_s=limit_s)
        whole = float(problem.demand.sum())
        console.print(
            f"Within {limit_s:g} s before {change.covered_before / whole:.2%}, after "
            f"{change.covered_after / whole:.2%}; mean {change.mean_s_before:.0f} s, then "
            f"{change.mean_s_after:.0f} s, over what both reach at all.",
            highlight=False,
        )
    if sites_out is not None:
        _write_sites(sites_out, [found[k] for k in sorted(set(best.sites))])
    if out is not None:
        nearest = problem.times_s[list(best.sites)].min(axis=0)
        is_covered = np.where(cells.is_on_road, nearest <= limit_s, np.nan)
        shown = sorted({*best.sites, *standing})
        states = [
            "closed" if k not in best.sites else "stands" if k in standing else "new" for k in shown
        ]
        write_result(
            out, "siting",
            facts | {
                "limits_s": [limit_s], "question": question.value, "objective": best.objective,
                "bound": best.bound, "is_proven": best.is_proven,
            },
            hexagon_features(needs, {"time_s": nearest, "is_covered": is_covered})
            + site_features([found[k] for k in shown], states),
        )  # fmt: skip


def _problem(
    ground: _Ground, found: list[Site], needs: Demand, cells: SnappedPlaces, mode: TravelMode,
    fix: list[str], forbid: list[str], keep: bool,
) -> tuple[SitingProblem, list[int]]:  # fmt: skip
    travel = ground.travel(mode)
    travel.prepare()
    times = times_from(travel, [s.place for s in found], cells)
    codes = {site.code: k for k, site in enumerate(found)}
    for code in (*fix, *forbid):
        if code not in codes:
            raise InvalidInput(f"There is no site {code[:40]}.")
    standing = [k for k, site in enumerate(found) if site.kind != "candidate"]
    closed = {codes[code] for code in forbid}
    fixed = {codes[code] for code in fix} | (set(standing) - closed if keep else set())
    problem = SitingProblem(times, needs.weights["households"], frozenset(fixed), frozenset(closed))
    return problem, standing


def _tell_plan(console: Console, plan: SitingPlan, found: list[Site], standing: list[int]) -> None:
    table = Table("site", "kind", "")
    for k in sorted(set(plan.sites)):
        count = plan.sites.count(k)
        mark = "stays" if k in standing else "new"
        table.add_row(
            found[k].name, found[k].kind, f"{mark}{f', {count} units' if count > 1 else ''}"
        )
    console.print(table)
    for k in standing:
        if k not in plan.sites:
            console.print(f"Closed: {found[k].name}")
    console.print(f"Found by {plan.method}.", highlight=False)


def _said(plan: SitingPlan, question: Question) -> str:
    unit = {"how_many": "sites", "nearest": "s in the mean"}.get(question.value, "covered")
    proof = "proven best" if plan.is_proven else f"gap {plan.gap:.3%}"
    return f"{plan.objective:,.1f} {unit}; bound {plan.bound:,.1f}; {proof}"


def _counted(demand: str) -> str:
    """What a demand counts, by its word."""
    return {"register": "households", "roads": "with a road"}.get(demand, "points")


def _rings(reach_: ResponseReach, rules: ReachRules, counted: str) -> Table:
    limits = rules.kinds[SITE].rings_s
    table = Table("ring", "hexagons", counted, "share")
    for row in reach_.totals():
        ring = row["ring"]
        name = (
            "on no road" if ring is None
            else f"beyond {limits[-1]:g} s" if ring == RING_COUNT
            else f"within {limits[int(str(ring))]:g} s"
        )  # fmt: skip
        part = row["households_share"]
        table.add_row(
            name, f"{row['cell_count']:,}", f"{row['households']:,.0f}",
            "-" if part is None else f"{part:.2%}",
        )  # fmt: skip
    return table


def _write_sites(path: Path, chosen: list[Site]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "name", "kind", "lon", "lat"))
        for site in chosen:
            kind = "post" if site.kind == "candidate" else site.kind
            place = site.place
            writer.writerow((site.code, site.name, kind, place.longitude, place.latitude))


def _kind(word: str) -> str:
    return "car" if word in SITE_KINDS else word
