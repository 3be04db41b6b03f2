"""`gridbeat map FILE…`: results of the command line as a map in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import numpy as np
import shapely
import typer
from rich.console import Console

from geo.commands.context import open_store
from geo.errors import RoadNetworkNotFound
from geo.importers.roads import read_roads
from geo.roads.build import build_road_network
from geo.roads.network import RoadNetwork
from geo.roads.store import get_road_version, load_road_network
from geo.settings import load_settings
from web.map_file import map_file
from web.result_layers import ResultLayer, read_result
from web.road_ground import Box, road_ground
from web.texts import DEFAULT_LANGUAGE, LANGUAGES, load_texts

OUTSIDE = 0.05  # share of the shapes on each side that a map doesn't open on
MARGIN = 0.03  # of the box, so that nothing lies on its rim


def map_(
    file: Annotated[
        list[Path],
        typer.Argument(
            help="What --out of `response reach`, `response gaps`, `siting solve` or `routes plan` "
            "wrote; several become layers."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The map: one HTML file.")],
    roads: Annotated[
        Path | None, typer.Option(help="Roads to draw beneath; else those of the store.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Of the file of roads.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the map.")] = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = DEFAULT_LANGUAGE,
) -> None:
    """Draw results on a map: one file that a browser opens, and that asks nobody for anything."""
    if language not in LANGUAGES:
        raise typer.BadParameter(f"language is {language!r}, wanted {' or '.join(LANGUAGES)}.")
    texts = load_texts(language)
    layers = [read_result(each, texts) for each in file]
    settings = load_settings()
    now = datetime.now(UTC)
    console = Console(stderr=True)
    with console.status("Roads …"):
        network, attribution = _roads(roads, layer, now)
    whole, opened = boxes_of(layers)
    ground = None if network is None else road_ground(network, whole)
    out.write_text(
        map_file(
            layers,
            ground,
            texts,
            box=opened,
            made_at=now.astimezone(ZoneInfo(settings.time_zone)),
            attribution=attribution,
            title=title,
        ),
        encoding="utf-8",
    )
    told = "no roads" if ground is None else f"{ground.line_count:,} roads"
    Console().print(
        f"{out}: {len(layers)} layers, {sum(len(one.shapes) for one in layers):,} shapes over "
        f"{told}, {out.stat().st_size / 1e6:.1f} MB. Open it in a browser.",
        highlight=False,
        soft_wrap=True,
    )


def boxes_of(layers: list[ResultLayer]) -> tuple[Box, Box]:
    """Return the box that holds all shapes, and the one a map opens on: west, south, east, north.

    A road that leads far out of a city makes the city small, so a map opens on all but the
    outermost shapes of each side; the rest is there for who zooms out.
    """
    bounds = np.array(
        [shapely.geometry.shape(each.geometry).bounds for one in layers for each in one.shapes]
    )
    low = np.quantile(bounds[:, :2], (0.0, OUTSIDE), axis=0)
    high = np.quantile(bounds[:, 2:], (1.0, 1.0 - OUTSIDE), axis=0)
    aside = np.maximum(MARGIN * (high - low), 1e-3)
    whole, opened = np.hstack((low - aside, high + aside)).tolist()
    return tuple(whole), tuple(opened)


def _roads(
    file: Path | None, layer: str | None, now: datetime
) -> tuple[RoadNetwork | None, str | None]:
    """The roads of a file, else the store's of today; and whose they are."""
    if file is not None:
        return build_road_network(read_roads(file, table_name=layer).lines), None
    settings = load_settings()
    with open_store(settings) as store, store.session() as session:
        on = settings.local_day(now)
        try:
            attribution = get_road_version(session, on=on).attribution
            return load_road_network(session, on=on).network, attribution
        except RoadNetworkNotFound:
            return None, None
