"""`gridbeat routes plan`: a shift's routes over roads and places from files, without a store."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from geo.errors import InvalidFile, InvalidInput
from geo.h3_cells import h3_cell_centres, h3_cell_to_text, lonlat_to_h3_cell
from geo.importers.roads import read_roads
from geo.roads.build import build_road_network
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.speeds import DEFAULT_SPEEDS
from geo.values import LonLat
from layers.commands.result_files import write_result
from layers.routes.checking import plan_faults
from layers.routes.matrix import road_times
from layers.routes.near_equal import near_equal_plans
from layers.routes.plan import PatrolPlan
from layers.routes.problem import PatrolPlace, PlaceKind, RouteProblem, RouteUnit, Slot
from layers.routes.ways import legs_of
from layers.travel.times import TravelTimes

RESOLUTION = 10  # of the cells that points are counted in
LON_NAMES, LAT_NAMES = ("lon", "longitude", "x", "经度"), ("lat", "latitude", "y", "纬度")

app = typer.Typer(help="Patrol routes: which unit stops where and when.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, so that the verb below keeps its name."""


@app.command()
def plan(
    roads: Annotated[Path, typer.Argument(help="Roads, as `gridbeat roads check` reads them.")],
    home: Annotated[str, typer.Option(help="Where units start and end: LON,LAT; may be several, "
                                           "parted by blanks.")],
    points: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet of longitude and latitude: counted by H3 cell, or taken "
                          "as they are where there is a column prize. Without it crossings drawn "
                          "at random stand in."),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Of the file of roads.")] = None,
    cells: Annotated[int, typer.Option(min=1, max=500, help="Places at most.")] = 60,
    within_km: Annotated[float, typer.Option(min=0.1, help="Of the first home [km].")] = 5.0,
    units: Annotated[int, typer.Option(min=0, max=60, help="How many, shared among homes.")] = 3,
    mode: Annotated[TravelMode, typer.Option(help="How they move.")] = TravelMode.CAR,
    hour: Annotated[int, typer.Option(min=0, max=23, help="Whose speeds are taken.")] = 10,
    hours: Annotated[float, typer.Option(min=0.5, max=24, help="The shift's length.")] = 8.0,
    slots: Annotated[int, typer.Option(min=1, max=12, help="Parts of the shift.")] = 3,
    dwell: Annotated[int, typer.Option(min=1, max=120, help="A stop [min].")] = 12,
    gap: Annotated[int, typer.Option(min=0, max=480, help="Between visits of a place [min].")] = 60,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="To search for.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Of search and draw.")] = 1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="GeoJSON, for `gridbeat map`.")
    ] = None,
) -> None:  # fmt: skip
    """Plan a shift's routes and print what they collect; nothing is stored."""
    console = Console(stderr=True)
    with console.status("Roads …"):
        network = build_road_network(read_roads(roads, table_name=layer).lines)
        travel = {mode: TravelTimes.of(network, mode, hour=hour)}
    homes = [_point(text) for text in home.split()]
    found = (
        _from_file(points, homes[0], cells, within_km)
        if points is not None
        else _crossings(network, homes[0], cells, within_km, seed)
    )
    length = round(hours * 3600)
    edges = [round(k * length / slots) for k in range(slots + 1)]
    places = tuple(
        PatrolPlace(
            name, LonLat(lon, lat), PlaceKind.HOTSPOT, dwell * 60,
            tuple(Slot(edges[k], edges[k + 1], prize / slots) for k in range(slots)),
            gap_min_s=gap * 60, name=name,
        )
        for name, lon, lat, prize in found
    )  # fmt: skip
    crew = tuple(
        RouteUnit(f"unit {u + 1}", mode, homes[u % len(homes)], 0, length,
                  end=homes[u % len(homes)])
        for u in range(units)
    )  # fmt: skip
    at = list(RouteProblem.points_of(places, crew))
    with console.status("Times by road …"):
        times = road_times(travel, at)
    problem = RouteProblem(places, crew, times.travel_s)
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("Routes", total=1.0)
        answer = near_equal_plans(
            problem, seconds=seconds, seed=seed,
            on_progress=lambda told: bar.update(task, completed=told.share),
        )  # fmt: skip
    chosen = answer.plan
    faults = plan_faults(problem, chosen)
    if faults:
        raise AssertionError(faults[0])
    off_road = sum(row < len(places) for row in times.off_road[mode])
    facts = {
        "network": roads.name,
        "attribution": None,
        "modes": [mode.value],
        "hour": hour,
        "speeds": [DEFAULT_SPEEDS[mode].source],
    }
    _tell(problem, chosen, travel, output, facts)
    told = answer.predictability
    typer.echo(
        f"{len(places)} places ({off_road} on no road) x {slots}; {chosen.visits} visits, "
        f"{_share(chosen.prize, chosen.prize_asked)} of the prize; {told.plans} near-equal plans, "
        f"{told.choice_bits:.2f} bits by the choice, an observer's hit rate {told.hit_rate:.0%}; "
        f"seed {seed}, drawn {answer.drawn + 1}."
    )
    typer.echo(
        "RESULT "
        + json.dumps(
            {
                "places": len(places),
                "off_road": off_road,
                "visits": chosen.visits,
                "prize_share": round(chosen.prize / max(chosen.prize_asked, 1e-9), 4),
                "travel_h": round(chosen.travel_s / 3600, 2),
                "near_equal": told.plans,
                "choice_bits": round(told.choice_bits, 3),
                "hit_rate": round(told.hit_rate, 3),
            }
        )
    )


def _tell(
    problem: RouteProblem, chosen: PatrolPlan, travel: dict[TravelMode, TravelTimes],
    output: Path | None, facts: dict[str, Any],
) -> None:  # fmt: skip
    table = Table()
    for column in ("unit", "stops", "prize", "km", "on the way [h]", "waiting [h]", "back at [h]"):
        table.add_column(column, justify="right")
    places = {place.place_id: place for place in problem.places}
    features: list[dict[str, Any]] = []
    for unit, route in zip(problem.units, chosen.routes, strict=True):
        legs = legs_of(route, unit, places, travel)
        table.add_row(
            unit.unit_id, str(len(route.stops)), f"{sum(s.prize for s in route.stops):.1f}",
            f"{sum(leg.length_m for leg in legs) / 1000:.1f}", f"{route.travel_s / 3600:.2f}",
            f"{sum(stop.wait_s for stop in route.stops) / 3600:.2f}", f"{route.home_s / 3600:.2f}",
        )  # fmt: skip
        line = [list(point) for leg in legs for point in leg.line]
        if len(line) > 1:
            features.append(
                _feature({"type": "LineString", "coordinates": line}, unit=unit.unit_id)
            )
        for number, stop in enumerate(route.stops, start=1):
            place = places[stop.place_id or ""]
            features.append(
                _feature(
                    {"type": "Point", "coordinates": [place.at.longitude, place.at.latitude]},
                    unit=unit.unit_id,
                    number=number,
                    begin_min=round(stop.begin_s / 60, 1),
                    prize=round(stop.prize, 2),
                    name=place.name,
                )
            )
    Console().print(table)
    if output is not None:
        write_result(output, "routes", facts, features)


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _point(text: str) -> LonLat:
    try:
        lon, lat = (float(each) for each in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no point. Write LON,LAT in degrees.") from error
    return LonLat(lon, lat)


def _column(frame: pd.DataFrame, names: tuple[str, ...], path: Path) -> NDArray[np.float64]:
    for name in frame.columns:
        if str(name).strip().lower() in names:
            return pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
    raise InvalidFile(f"{path.name} has none of the columns {', '.join(names)}. Name one so.")


def _from_file(
    path: Path, home: LonLat, wanted: int, within_km: float
) -> list[tuple[str, float, float, float]]:
    """Places of a file near home, what is worth most first: name, longitude, latitude, prize."""
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{path.name} can't be read: {error}.") from error
    lon, lat = _column(frame, LON_NAMES, path), _column(frame, LAT_NAMES, path)
    near = _near(lon, lat, home, within_km)
    lon, lat = lon[near], lat[near]
    prizes = [name for name in frame.columns if str(name).lower() == "prize"]
    if prizes:
        prize = pd.to_numeric(frame[prizes[0]], errors="coerce").fillna(0).to_numpy(float)[near]
        order = np.argsort(-prize, kind="stable")[:wanted]
        return [(f"place {k + 1}", float(lon[k]), float(lat[k]), float(prize[k])) for k in order]
    cells, counts = np.unique(lonlat_to_h3_cell(lon, lat, RESOLUTION), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:wanted]
    x, y = h3_cell_centres(cells[order])
    return [
        (h3_cell_to_text(int(cell)), float(x[k]), float(y[k]), float(counts[order[k]]))
        for k, cell in enumerate(cells[order].tolist())
    ]


def _crossings(
    network: RoadNetwork, home: LonLat, wanted: int, within_km: float, seed: int
) -> list[tuple[str, float, float, float]]:
    """Crossings near home drawn by a seed, worth a number drawn as well: a stand-in for demand."""
    lon, lat = network.node_xy.T
    random = np.random.default_rng(seed)
    near = np.flatnonzero(_near(lon, lat, home, within_km))
    drawn = random.permutation(near)[:wanted]
    prize = np.round(random.gamma(1.5, 10.0, len(drawn)) + 1, 1)
    return [
        (f"crossing {int(node)}", float(lon[node]), float(lat[node]), float(prize[k]))
        for k, node in enumerate(drawn.tolist())
    ]


def _near(
    lon: NDArray[np.float64], lat: NDArray[np.float64], home: LonLat, within_km: float
) -> NDArray[np.bool_]:
    east = (lon - home.longitude) * 111.3 * math.cos(math.radians(home.latitude))
    north = (lat - home.latitude) * 111.3
    near: NDArray[np.bool_] = np.hypot(east, north) <= within_km  # a NaN is nowhere
    return near
