"""Check a set of grids before it is stored, and picture what is wrong with it.

`check_grids` asks all questions at once, so that a person mends a file once: codes and their
order, communities, overlaps, gaps, slivers. Rings are judged earlier, one polygon at a time
(`geo.ring_faults`), since a broken one can't be laid beside the others.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geo.code_faults import (
    find_duplicate_codes,
    find_unknown_communities,
    find_unusual_households,
    find_wrong_codes,
    find_wrong_order,
)
from geo.codes import CodeStandard
from geo.coverage_faults import (
    Coverage,
    find_gaps,
    find_leaving_grids,
    find_overlaps,
    find_thin_grids,
    limited,
)
from geo.faults import FaultKind, FaultLimits, GridFault, Severity
from geo.grid_draft import GridDraft

__all__ = ["FaultKind", "FaultLimits", "GridFault", "Severity", "check_grids", "fault_counts",
           "faults_to_geojson", "has_errors", "write_faults"]  # fmt: skip

Progress = Callable[[int, int | None], None]

_COLOURS = {Severity.ERROR: "#c62828", Severity.WARNING: "#ef6c00"}
_GRID_COLOUR = "#607d8b"
_COORDINATE_DIGITS = 9  # 0.1 mm


def check_grids(
    drafts: Sequence[GridDraft],
    *,
    standard: CodeStandard,
    limits: FaultLimits,
    standing: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame,
    progress: Progress | None = None,
) -> list[GridFault]:
    """Return what is wrong with grids as a set, errors first.

    Parameters
    ----------
    drafts : those without a geometry take part only in what needs none
    standing : (n,) index `grid_code`, column `community_code`, polygons, EPSG:4326: the grids in
        force that stay
    communities : (n,) index `code`, polygons or None, EPSG:4326: the communities stored

    Returns
    -------
    faults in the order: errors, warnings; in each as the checks stand here, then by row
    """
    standing_codes = tuple(str(code) for code in standing.index)
    checks: list[tuple[str, Iterator[GridFault]]] = [
        ("wrong codes", find_wrong_codes(drafts, standard)),
        (
            "codes that stand twice",
            find_duplicate_codes(
                drafts, dict(zip(standing_codes, standing["community_code"], strict=True))
            ),
        ),
        (
            "unknown communities",
            find_unknown_communities(drafts, frozenset(str(code) for code in communities.index)),
        ),
        ("unusual counts of households", find_unusual_households(drafts, limits)),
        ("numbers out of order", find_wrong_order(drafts, standard)),
        *_shape_checks(drafts, limits, standing, standing_codes, communities),
    ]
    found: list[GridFault] = []
    for done, (what, faults) in enumerate(checks, 1):
        found += limited(faults, limits, what)
        if progress is not None:
            progress(done, len(checks))
    return in_order(found)


def _shape_checks(
    drafts: Sequence[GridDraft],
    limits: FaultLimits,
    standing: gpd.GeoDataFrame,
    standing_codes: tuple[str, ...],
    communities: gpd.GeoDataFrame,
) -> list[tuple[str, Iterator[GridFault]]]:
    drawn = [draft for draft in drafts if draft.geometry is not None]
    if not drawn:
        return []
    coverage = Coverage.of(
        tuple(draft.grid_code or f"row {draft.row}" for draft in drawn),
        tuple(draft.row for draft in drawn),
        np.array([draft.geometry for draft in drawn], dtype=object),
        standing_codes,
        np.asarray(standing.geometry.to_numpy(), dtype=object),
    )
    own = {draft.community_code for draft in drawn}
    borders = {
        str(code): polygon
        for code, polygon in communities.geometry.items()
        if code in own and polygon is not None and not polygon.is_empty
    }
    codes = tuple(draft.community_code or "" for draft in drawn)
    return [
        ("slivers", find_thin_grids(coverage, limits)),
        ("overlaps", find_overlaps(coverage, limits)),
        ("grids beyond their community", find_leaving_grids(coverage, codes, borders, limits)),
        ("gaps", find_gaps(coverage, borders, limits)),
    ]


def in_order(faults: Iterable[GridFault]) -> list[GridFault]:
    """Return faults with errors first, else in their order."""
    return sorted(faults, key=lambda fault: not fault.is_error)


def has_errors(faults: Iterable[GridFault]) -> bool:
    """Whether any fault is an error."""
    return any(fault.is_error for fault in faults)


def fault_counts(faults: Iterable[GridFault]) -> dict[str, int]:
    """Return how many faults of each kind there are, most first."""
    return dict(Counter(fault.kind.value for fault in faults).most_common())


def faults_to_geojson(
    faults: Sequence[GridFault], drafts: Sequence[GridDraft] = ()
) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection of the faults, styled so that any viewer shows them.

    The grids concerned stand first, in grey (`role`: grid), the faults above them (`role`:
    fault), red for errors, orange for warnings. Style names are those of simplestyle-spec 1.1;
    faults without a place have a null geometry and still say what is wrong.
    """
    concerned = {code for fault in faults for code in fault.grid_codes}
    features = [
        _feature(
            draft.geometry,
            {
                "role": "grid",
                "grid_code": draft.grid_code,
                "title": draft.grid_code,
                "name": draft.name,
                "stroke": _GRID_COLOUR,
                "stroke-width": 1,
                "fill": _GRID_COLOUR,
                "fill-opacity": 0.1,
            },
        )
        for draft in drafts
        if draft.geometry is not None and draft.grid_code in concerned
    ]
    features += [_fault_feature(number, fault) for number, fault in enumerate(faults, 1)]
    return {"type": "FeatureCollection", "features": features}


def write_faults(path: Path, faults: Sequence[GridFault], drafts: Sequence[GridDraft] = ()) -> Path:
    """Write `faults_to_geojson` as a file: whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(faults_to_geojson(faults, drafts), file, ensure_ascii=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _fault_feature(number: int, fault: GridFault) -> dict[str, Any]:
    colour = _COLOURS[fault.severity]
    return _feature(
        fault.geometry,
        {
            "role": "fault",
            "number": number,
            "kind": fault.kind.value,
            "severity": fault.severity.value,
            "title": f"{number}. {fault.kind.value.replace('_', ' ')}",
            "description": fault.text,
            "grid_codes": list(fault.grid_codes),
            "rows": list(fault.rows),
            "column": fault.column,
            "area_m2": None if fault.area_m2 is None else round(fault.area_m2, 2),
            "width_m": None if fault.width_m is None else round(fault.width_m, 3),
            "stroke": colour,
            "stroke-width": 3,
            "fill": colour,
            "fill-opacity": 0.5,
            "marker-color": colour,
        },
    )


def _feature(geometry: Any | None, properties: dict[str, Any]) -> dict[str, Any]:
    place = None
    if geometry is not None and not shapely.is_empty(geometry):
        place = _rounded(shapely.geometry.mapping(geometry))
    return {"type": "Feature", "properties": properties, "geometry": place}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _COORDINATE_DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_rounded(part) for part in value]
    return value
