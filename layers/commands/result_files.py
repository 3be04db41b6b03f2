"""What the verbs by road write: GeoJSON that says what it shows, so that it can be drawn.

A collection may have members of its own (RFC 7946, 6.1). Ours is `gridbeat`: the kind of layer and
what its numbers assume. `gridbeat map FILE…` draws such files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.h3_cells import h3_cell_polygons, h3_cell_to_text
from geo.response_sites import Site
from geo.values import LonLat
from layers.demand.cells import Demand

MEMBER = "gridbeat"
Feature = dict[str, Any]


def write_result(
    path: Path, layer: str, facts: Mapping[str, Any], features: Iterable[Feature]
) -> None:
    """Write a result as GeoJSON, WGS 84.

    Parameters
    ----------
    layer : reach, gaps, siting or routes (`web.result_layers`)
    facts : what the numbers assume: `network`, `attribution`, `modes`, `hour`, `limits_s`, …
    """
    collection = {
        "type": "FeatureCollection",
        MEMBER: {"layer": layer, **facts},
        "features": list(features),
    }
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")


def hexagon_features(needs: Demand, values: Mapping[str, Any]) -> list[Feature]:
    """Return a hexagon for each row of a demand, with its weight and values; not finite is null."""
    outlines = shapely.transform(h3_cell_polygons(needs.h3_cell), lambda xy: np.round(xy, 6))
    weights = needs.weights["households"]
    return [
        {
            "type": "Feature",
            "id": h3_cell_to_text(int(needs.h3_cell[k])),
            "geometry": json.loads(shapely.to_geojson(outlines[k])),
            "properties": {
                "weight": float(weights[k]),
                **{name: float(v[k]) if np.isfinite(v[k]) else None for name, v in values.items()},
            },
        }
        for k in range(len(needs))
    ]


def site_features(sites: Iterable[Site], states: Iterable[str]) -> list[Feature]:
    """Return a point for each site, with a state such as `stands`, `new`, `closed`, `unit`."""
    return [
        {
            "type": "Feature",
            "id": site.code,
            "geometry": {"type": "Point", "coordinates": _xy(site.place)},
            "properties": {"name": site.name, "kind": site.kind, "state": state},
        }
        for site, state in zip(sites, states, strict=True)
    ]


def _xy(place: LonLat) -> list[float]:
    return [round(place.longitude, 6), round(place.latitude, 6)]
