"""Doors left out of a register, and where the engine then puts them.

    python -m bench.door_interpolation REGISTER [--count N] [--sides auto|parity|none] [--by-gap]

REGISTER: CSV or TSV with id, text, lon, lat (WGS 84), or a GeoPackage whose layer `buildings` has
`addr_street` and `addr_housenumber` (with `--head`, the divisions before them). Every door of a
road (road and door number, of one county) that has a point is a case: all its rows are taken out,
and road and number with its divisions are asked. Cases are drawn in tenths of the register's doors,
each tenth left out together, so that one index serves many; `--count` draws fewer. The truth is
the middle of the door's rows.

- ours: `geo.addresses.match.match_standard_address`, answers with the reason `interpolated`
- middle: the middle of the road's remaining doors; nearest: the door of the nearest number

RESULT keys: `doors` asked, `answered` (share interpolated), `median_m`, `p90_m`, `inside` (share
within the stated radius), `radius_m` (median), `beyond`, `gap`, `scattered` (shares), `per_s`
(CPU); of the answered: `middle_median_m, middle_p90_m, nearest_median_m, nearest_p90_m`.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import geopandas
from rich.console import Console
from rich.table import Table

from bench.address_resolve import Row, distance_m, read_rows
from geo.addresses.door_interpolation import DOOR_SIDES, read_door_number
from geo.addresses.match import match_standard_address
from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_keys import number_key
from geo.addresses.row_groups import LEVEL_RANK
from geo.values import GridScope

EVERYTHING = GridScope.everything()
FOLDS = 10
GAPS_M = (50, 100, 200, 300, 500)

Point = tuple[float, float]
Road = tuple[str, str, str, str]


@dataclass(frozen=True)
class Door:
    """A door of the register: its road (province, city, county, road), key, text, point, rows."""

    road: Road
    key: str
    text: str
    point: Point
    ids: frozenset[int]


def find_doors(rows: list[Row]) -> list[Door]:
    """Return the doors of roads that have a point, in the order of the register."""
    found: dict[tuple[Road, str], list[Row]] = defaultdict(list)
    texts: dict[tuple[Road, str], str] = {}
    for row in rows:
        parsed = parse(row[1])
        said = parsed.components()
        key = number_key("door", said["door"]) if "road" in said and "door" in said else None
        if key is None or read_door_number(key) is None or row[2] is None or row[3] is None:
            continue
        road = (said.get("province", ""), said.get("city", ""), said.get("county", ""),
                said["road"])  # fmt: skip
        found[road, key].append(row)
        texts[road, key] = "".join(
            part.text for part in parsed.parts
            if LEVEL_RANK[part.level.value] <= LEVEL_RANK["door"]
            and part.level.value not in ("community", "village_group")
        )  # fmt: skip
    return [
        Door(road, key, texts[road, key], _middle(of), frozenset(row[0] for row in of))
        for (road, key), of in found.items()
    ]


def read_buildings(path: Path, head: str) -> list[Row]:
    """Return a row for each building of a map that has a road and a plain number."""
    frame = geopandas.read_file(path, layer="buildings").drop_duplicates("osm_id")
    frame = frame[frame["addr_street"].notna() & frame["addr_housenumber"].notna()]
    points = frame.geometry.representative_point()
    found: list[Row] = []
    for road, number, lon, lat in zip(
        frame["addr_street"], frame["addr_housenumber"].str.strip(), points.x, points.y, strict=True
    ):
        if number.rstrip("号弄").isdigit():
            counted = number if number[-1] in "号弄" else f"{number}号"
            found.append((len(found) + 1, f"{head}{road}{counted}", float(lon), float(lat)))
    return found


def _middle(rows: list[Row]) -> Point:
    points = [(row[2], row[3]) for row in rows if row[2] is not None and row[3] is not None]
    longitudes, latitudes = zip(*points, strict=True)
    return (min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("register", type=Path)
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--sides", choices=DOOR_SIDES, default="auto")
    parser.add_argument("--head", default="", help="such as 上海市, before roads of a GeoPackage")
    parser.add_argument("--by-gap", action="store_true")
    given = parser.parse_args()
    is_map = given.register.suffix == ".gpkg"
    rows = read_buildings(given.register, given.head) if is_map else read_rows(given.register)
    doors = find_doors(rows)
    random.Random(2026).shuffle(doors)
    kinds: Counter[str] = Counter()
    off: dict[str, list[float]] = defaultdict(list)
    stated: list[float] = []
    cpu_s, asked = 0.0, 0
    for fold in range(FOLDS):
        out = doors[fold::FOLDS]
        gone = {row_id for door in out for row_id in door.ids}
        index = RegisterIndex.from_rows([row for row in rows if row[0] not in gone])
        left: dict[Road, list[Door]] = defaultdict(list)
        for door in doors:
            if not door.ids & gone:
                left[door.road].append(door)
        for door in out[: None if given.count is None else given.count // FOLDS]:
            asked += 1
            started = time.process_time()
            best = match_standard_address(
                door.text, index, scope=EVERYTHING, door_sides=given.sides
            ).best
            cpu_s += time.process_time() - started
            codes = {reason.code for reason in best.reasons} if best is not None else {"nothing"}
            kinds.update(codes & {"interpolated", "door_beyond", "door_gap", "door_scattered"})
            others = left[door.road]
            if best is None or best.lonlat is None or "interpolated" not in codes or not others:
                continue
            stated.append(best.radius_m or 0.0)
            answered = (best.lonlat.longitude, best.lonlat.latitude)
            off["ours"].append(distance_m(answered, door.point))
            points = [other.point for other in others]
            middle = tuple((min(axis) + max(axis)) / 2 for axis in zip(*points, strict=True))
            off["middle"].append(distance_m((middle[0], middle[1]), door.point))
            nearest = min(others, key=lambda each: (_apart(each, door), each.key))
            off["nearest"].append(distance_m(nearest.point, door.point))
    _report(kinds, off, stated, asked, cpu_s, by_gap=given.by_gap)


def _apart(one: Door, other: Door) -> float:
    a, b = read_door_number(one.key), read_door_number(other.key)
    assert a is not None and b is not None
    return abs(a.place - b.place) + (1e7 if a.is_lane != b.is_lane else 0)


def _report(
    kinds: Counter[str],
    off: dict[str, list[float]],
    stated: list[float],
    asked: int,
    cpu_s: float,
    *,
    by_gap: bool,
) -> None:
    result: dict[str, float | int | None] = {"doors": asked}
    result["answered"] = round(kinds["interpolated"] / asked, 4) if asked else None
    table = Table("method", "median m", "p90 m", "inside its radius")
    inside = [error <= radius for error, radius in zip(off["ours"], stated, strict=True)]
    for name, errors in off.items():
        if not errors:
            continue
        ordered = sorted(errors)
        median, p90 = statistics.median(ordered), ordered[int(0.9 * (len(ordered) - 1))]
        prefix = "" if name == "ours" else f"{name}_"
        result |= {f"{prefix}median_m": round(median, 1), f"{prefix}p90_m": round(p90, 1)}
        share = f"{statistics.fmean(inside):.3f}" if name == "ours" else "–"
        table.add_row(name, f"{median:.1f}", f"{p90:.1f}", share)
    Console().print(table)
    if by_gap and stated:
        gaps = Table("radius up to m", "doors", "median error m", "inside")
        low = 0.0
        for high in (*GAPS_M, float("inf")):
            at = [i for i, radius in enumerate(stated) if low <= radius < high]
            low = high
            if at:
                gaps.add_row(
                    f"{high:.0f}", str(len(at)),
                    f"{statistics.median(off['ours'][i] for i in at):.1f}",
                    f"{statistics.fmean(inside[i] for i in at):.3f}",
                )  # fmt: skip
        Console().print(gaps)
    if stated:
        result["inside"] = round(statistics.fmean(inside), 4)
        result["radius_m"] = round(statistics.median(stated), 1)
    for code in ("beyond", "gap", "scattered"):
        result[code] = round(kinds[f"door_{code}"] / asked, 4) if asked else None
    result["per_s"] = round(asked / max(cpu_s, 1e-9), 1)
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
