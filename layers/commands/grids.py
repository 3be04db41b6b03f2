"""`gridbeat grids balance`, beside the other verbs of grids."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import typer
from rich.console import Console
from rich.table import Table

from geo.commands.context import open_store
from geo.commands.grids import app
from geo.crs import WGS84
from geo.errors import InvalidFile, InvalidInput
from geo.importers.polygons import polygons_to_wgs84, read_polygons
from geo.importers.roads import read_roads
from geo.importers.upload_safety import UploadLimits
from geo.roads.build import build_road_network
from geo.settings import load_settings
from geo.values import GridScope
from layers.balanced_grids.dividers import BIG_CLASSES, BLOCK_CLASSES, base_class
from layers.balanced_grids.drawn_grids import draw_grids, match_to_now, reading_order
from layers.balanced_grids.measures import (
    BorderLength,
    Evenness,
    borders_of_polygons,
    evenness,
    shapes_of_polygons,
)
from layers.balanced_grids.road_lines import crossings_of, roads_of_network
from layers.balanced_grids.solving import STAGES
from layers.balanced_grids.stored_blocks import COLUMNS, WorkHours, load_area
from layers.balanced_grids.suggestion import AREA, BalanceQuestion, Suggestion, suggest
from layers.demand.points import read_weighted_points

CROSSINGS = "crossings"
FILE_COLUMNS = ("weight",)


@app.command()
def balance(
    area: Annotated[
        str | None, typer.Argument(help="Code of a community, or of an area above some.")
    ] = None,
    weight: Annotated[
        str, typer.Option(help="What is balanced: households, addresses, key_places, workload.")
    ] = "households",
    count: Annotated[int | None, typer.Option(min=1, max=500, help="Grids wanted.")] = None,
    a_grid: Annotated[
        float, typer.Option(help="What a grid is to hold, where --count isn't given.")
    ] = 400.0,
    tolerance: Annotated[
        float, typer.Option(help="Largest deviation from the mean, a fraction.")
    ] = 0.1,
    stay: Annotated[
        float, typer.Option(help="0: the grids of now don't count; 1: as much as all borders.")
    ] = 0.0,
    stages: Annotated[int, typer.Option(min=1, max=len(STAGES), help="How hard to try.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another plan.")] = 1,
    boundary: Annotated[
        Path | None, typer.Option(help="Area from a file, instead of the store: WGS 84.")
    ] = None,
    boundary_layer: Annotated[str | None, typer.Option(help="Its layer.")] = None,
    where: Annotated[
        str | None, typer.Option(help="column=value: only these rows of the boundary.")
    ] = None,
    roads: Annotated[Path | None, typer.Option(help="Roads from a file.")] = None,
    roads_layer: Annotated[str | None, typer.Option(help="Their layer.")] = None,
    points: Annotated[
        str | None,
        typer.Option(help="CSV or Parquet with lon, lat, weight; or `crossings` of the roads."),
    ] = None,
    now: Annotated[Path | None, typer.Option(help="Grids of now from a file, to compare.")] = None,
    now_layer: Annotated[str | None, typer.Option(help="Their layer.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the grids as GeoJSON.")] = None,
) -> None:
    """Suggest grids that carry alike, along roads; nothing is stored.

    Of an area of the store, or of files (--boundary, --roads, --points). Ctrl-C stops with the best
    so far.
    """
    question = BalanceQuestion(
        weight=weight, grid_count=count, a_grid=a_grid, tolerance=tolerance, stay=stay, seed=seed
    )
    console = Console()
    if boundary is not None:
        shape, lines, places = _of_files(
            boundary, boundary_layer, where, roads, roads_layer, points
        )
        columns: tuple[str, ...] = FILE_COLUMNS
        question = replace(question, weight=FILE_COLUMNS[0])
        standing = None if now is None else _within(_rows(now, now_layer, None), shape)
    elif area is not None:
        settings = load_settings()
        with open_store(settings) as store, store.session() as session:
            stored = load_area(
                session, area, on=settings.local_day(datetime.now(UTC)),
                scope=GridScope.everything(), hours=WorkHours(),
            )  # fmt: skip
        shape, lines, places = stored.shape, stored.roads, stored.points
        columns = COLUMNS
        standing = stored.grids if len(stored.grids) else None
    else:
        raise InvalidInput(
            "Name an area of the store, or give --boundary FILE (and --roads, --points).",
            field="area",
        )
    begun, best = time.perf_counter(), None
    try:
        for best in suggest(
            shape, lines, places, question, columns=columns, stages=STAGES[:stages]
        ):
            assert best.plan is not None
            console.print(
                f"{time.perf_counter() - begun:6.1f} s  {len(best.blocks):,} blocks, "
                f"{best.grid_count} grids: largest deviation {best.plan.deviation:.1%}, borders "
                f"cost {best.plan.cut:,.0f}",
                highlight=False,
            )
    except KeyboardInterrupt:
        if best is None:
            raise
        console.print("Stopped; this is the best so far.")
    assert best is not None
    _tell(console, best, lines, standing)
    if out is not None:
        _write(out, best)
        console.print(f"Written to {out}.", highlight=False)


def _of_files(
    boundary: Path, layer: str | None, where: str | None, roads: Path | None,
    roads_layer: str | None, points: str | None,
) -> tuple[Any, gpd.GeoDataFrame | None, pd.DataFrame]:  # fmt: skip
    shape = shapely.union_all(_rows(boundary, layer, where).geometry.to_numpy())
    lines, network = None, None
    if roads is not None:
        network = build_road_network(read_roads(roads, table_name=roads_layer).lines)
        lines = roads_of_network(network)
        lines = lines[shapely.intersects(shape.envelope, lines.geometry.to_numpy())]
    found = np.zeros((0, 3))
    if points == CROSSINGS:
        if network is None:
            raise InvalidInput("`crossings` are those of --roads. Give a file.", field="points")
        crossings = crossings_of(network)
        found = np.column_stack((crossings, np.ones(len(crossings))))
    elif points is not None:
        found = read_weighted_points(Path(points))
    inside = shapely.intersects_xy(shape, found[:, 0], found[:, 1])
    found = found[inside]
    places = pd.DataFrame(
        {
            "lon": found[:, 0],
            "lat": found[:, 1],
            "weight": found[:, 2],
            "building": [str(k) for k in range(len(found))],
        }
    )
    return shape, lines, places


def _rows(path: Path, layer: str | None, where: str | None) -> gpd.GeoDataFrame:
    table = read_polygons(path, limits=UploadLimits(), layer=layer)
    shapes = shapely.make_valid(polygons_to_wgs84(table, WGS84).geometries)
    frame = gpd.GeoDataFrame(table.values, geometry=shapes, crs="EPSG:4326")
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    if where is not None:
        column, _, value = where.partition("=")
        if column not in frame.columns:
            raise InvalidFile(
                f"{path.name} has no column {column[:40]}; it has {', '.join(table.columns)[:200]}."
            )
        frame = frame[frame[column].astype(str) == value]
    if frame.empty:
        raise InvalidFile(f"{path.name} has no polygon {where or ''}. Check --where.")
    return frame


def _within(rows: gpd.GeoDataFrame, shape: Any) -> gpd.GeoDataFrame:
    """Those that lie in an area by half at least."""
    polygons = rows.geometry.to_numpy()
    inside = shapely.area(shapely.intersection(polygons, shape))
    return rows[inside > shapely.area(polygons) / 2]


def _tell(
    console: Console, best: Suggestion, lines: gpd.GeoDataFrame | None,
    standing: gpd.GeoDataFrame | None,
) -> None:  # fmt: skip
    plan = best.plan
    assert plan is not None
    polygons = draw_grids(best.blocks, plan.label, best.grid_count)
    area_m2, compact = shapes_of_polygons(polygons)
    loads = area_m2 if best.balanced == AREA else best.loads(best.balanced)
    even = evenness(loads)
    table = Table("grid", best.balanced, "deviation", r"area \[ha]", "compactness")
    for number, k in enumerate(reading_order(polygons), 1):
        table.add_row(
            str(number), f"{loads[k]:,.0f}", f"{even.deviation[k]:+.1%}",
            f"{area_m2[k] / 1e4:,.1f}", f"{compact[k]:.2f}",
        )  # fmt: skip
    console.print(table)
    names = ["largest deviation", "CV", "compactness, mean", r"borders \[km]", "along roads",
             "along big roads"]  # fmt: skip
    after = _figures(even, compact, _borders(polygons, best.blocks.area, lines))
    before = [""] * len(names)
    if standing is not None:
        shapes = standing.geometry.to_numpy()
        held = _held(best, standing)
        area_now, compact_now = shapes_of_polygons(shapes)
        even_now = evenness(area_now if best.balanced == AREA else held)
        before = _figures(even_now, compact_now, _borders(shapes, best.blocks.area, lines))
    figures = Table("", "before", "after")
    for row in zip(names, before, after, strict=True):
        figures.add_row(*row)
    console.print(figures)
    if best.now_codes and best.balanced in best.now:
        overlap = best.overlap(best.balanced)
        match = match_to_now(overlap)
        goes_on = match >= 0
        moved = overlap.sum() - overlap[np.flatnonzero(goes_on), match[goes_on]].sum()
        console.print(f"{moved:,.0f} of {overlap.sum():,.0f} change grid.", highlight=False)
    for said in _notes(best):
        console.print(said, highlight=False)


def _held(best: Suggestion, standing: gpd.GeoDataFrame) -> Any:
    """What each grid of now holds: of the store's grids by their codes, of a file's by blocks."""
    if best.now_codes:
        at = {code: k for k, code in enumerate(best.now_codes)}
        now = best.now.get(best.balanced)
        return [0.0 if now is None or c not in at else now[:, at[c]].sum() for c in standing.index]
    middles = shapely.point_on_surface(best.blocks.polygons)
    _, grid = shapely.STRtree(standing.geometry.to_numpy()).query_nearest(
        middles, all_matches=False
    )
    return np.bincount(grid, best.weight, minlength=len(standing))


def _borders(polygons: Any, area: Any, lines: gpd.GeoDataFrame | None) -> BorderLength:
    if lines is None or lines.empty:
        return borders_of_polygons(polygons, area, np.zeros(0, object), np.zeros(0, bool))
    classes = [base_class(name) for name in lines["road_class"]]
    chosen = np.array([name in BLOCK_CLASSES for name in classes], bool)
    is_big = np.array([name in BIG_CLASSES for name in classes], bool)
    return borders_of_polygons(polygons, area, lines.geometry.to_numpy()[chosen], is_big[chosen])


def _figures(even: Evenness, compact: Any, border: BorderLength) -> list[str]:
    return [
        f"{even.most:.1%}", f"{even.cv:.1%}", f"{compact.mean():.2f}",
        f"{border.length_m / 1000:,.2f}", f"{border.road_share:.1%}", f"{border.big_share:.1%}",
    ]  # fmt: skip


def _notes(best: Suggestion) -> list[str]:
    plan, blocks = best.plan, best.blocks
    assert plan is not None
    said = []
    if best.balanced == AREA:
        said.append("Nothing here weighs anything: areas are balanced.")
    if not plan.is_balanced:
        said.append(
            f"Not within {best.question.tolerance:.0%}: no plan of these blocks gets below "
            f"{plan.bound:.1%}. Ask for fewer grids, or a larger --tolerance."
        )
    if blocks.is_by_cells:
        said.append("No road and no building parts the area: hexagons do.")
    if blocks.parted_count:
        said.append(f"{blocks.parted_count} blocks were parted between their buildings.")
    if blocks.part_count > 1:
        said.append(f"The area consists of {blocks.part_count} pieces.")
    if best.outside:
        said.append(f"{best.outside:,} points lie outside of the area.")
    return said


def _write(out: Path, best: Suggestion) -> None:
    plan = best.plan
    assert plan is not None
    polygons = draw_grids(best.blocks, plan.label, best.grid_count)
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(polygons[k])),
            "properties": {
                "grid_code": f"{number:03d}",
                "name": f"{number:03d}",
                best.balanced: round(float(plan.load[k]), 2),
                "deviation": round(float(plan.load[k] / plan.load.mean() - 1), 4),
            },
        }
        for number, k in enumerate(reading_order(polygons), 1)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    out.write_text(text, encoding="utf-8")
