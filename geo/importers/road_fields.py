"""Columns of a file of roads, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.importers.mapping import FieldRule
from geo.roads.access import CLASS_MODES, road_class_of

MPH_KMH = 1.609344
LIMIT_KMH_MAX = 200.0

FIELDS: Mapping[str, FieldRule] = {
    "from": FieldRule(("from", "u", "fromnode", "source", "start", "startnode", "fnode", "起点")),
    "to": FieldRule(("to", "v", "tonode", "target", "end", "endnode", "tnode", "终点")),
    "highway": FieldRule(
        ("highway", "fclass", "roadclass", "class", "type", "kind", "道路等级", "道路类型", "等级")
    ),
    "name": FieldRule(("name", "roadname", "路名", "名称", "道路名称", "namezh")),
    "oneway": FieldRule(("oneway", "单行", "单行线", "是否单行")),
    "maxspeed": FieldRule(("maxspeed", "speedlimit", "limitkmh", "限速", "maxspeedkmh")),
    "id": FieldRule(("osmid", "wayid", "rawid", "raweid", "id", "eid", "edgeid", "fid", "编号")),
    "length_m": FieldRule(("lengthm", "length", "lenm", "长度", "dist", "distance")),
    "from_lon": FieldRule(("fromlon", "ulon", "startlon", "lon1", "x1", "fromx", "起点经度")),
    "from_lat": FieldRule(("fromlat", "ulat", "startlat", "lat1", "y1", "fromy", "起点纬度")),
    "to_lon": FieldRule(("tolon", "vlon", "endlon", "lon2", "x2", "tox", "终点经度")),
    "to_lat": FieldRule(("tolat", "vlat", "endlat", "lat2", "y2", "toy", "终点纬度")),
    "wkt": FieldRule(("wkt", "geometry", "geom", "thegeom", "线")),
    "other_tags": FieldRule(("othertags",)),
}
END_FIELDS = ("from_lon", "from_lat", "to_lon", "to_lat")

# Words of other makers for OpenStreetMap's classes and directions.
_CLASS_WORDS: Mapping[str, str] = {
    "高速公路": "motorway", "高速": "motorway", "快速路": "trunk", "城市快速路": "trunk",
    "国道": "trunk", "省道": "primary", "主干路": "primary", "主干道": "primary",
    "县道": "secondary", "次干路": "secondary", "次干道": "secondary", "乡道": "tertiary",
    "支路": "tertiary", "村道": "unclassified", "街巷": "residential", "小区路": "service",
    "内部道路": "service", "步行街": "pedestrian", "人行道": "footway", "非机动车道": "cycleway",
    "unknown": "road", "unclassified_link": "unclassified",
}  # fmt: skip
_ONE_WAY_WORDS: Mapping[str, str] = {
    "f": "yes", "ft": "yes", "t": "-1", "tf": "-1", "b": "no", "是": "yes", "单行": "yes",
    "否": "no", "双向": "no", "0": "no", "1": "yes", "y": "yes", "n": "no",
}  # fmt: skip
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_SPEED = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(mph|km/?h|kph)?", re.IGNORECASE)


def class_of_value(value: str | None) -> str | None:
    """Return the class of road of a cell; None: no road.

    >>> class_of_value("主干路"), class_of_value("track_grade2"), class_of_value("proposed")
    ('primary', 'track', None)
    """
    if value is None:
        return road_class_of(None)
    word = value.strip().lower()
    word = "track" if word.startswith("track_") else _CLASS_WORDS.get(word, word)
    return road_class_of(word)


def one_way_of_value(value: str | None) -> str | None:
    """Return OpenStreetMap's word for a cell of a one-way column."""
    if value is None:
        return None
    word = value.strip().lower()
    return _ONE_WAY_WORDS.get(word, word)


def limit_kmh_of_value(value: str | None) -> float:
    """Return a posted limit [km/h]; 0 where the cell names none.

    >>> limit_kmh_of_value("50"), round(limit_kmh_of_value("30 mph"), 1), limit_kmh_of_value("none")
    (50.0, 48.3, 0.0)
    """
    found = _SPEED.match(value or "")
    if found is None:
        return 0.0
    limit = float(found[1]) * (MPH_KMH if (found[2] or "").lower() == "mph" else 1.0)
    return limit if 0 < limit <= LIMIT_KMH_MAX else 0.0


def tags_of_pairs(value: str | None) -> dict[str, str]:
    """Return the tags of a cell of GDAL's `other_tags`, `"key"=>"value","key"=>"value"`."""
    return dict(_PAIR.findall(value)) if value else {}


def texts(column: pd.Series) -> list[str | None]:
    """Return a column's cells, None where empty."""
    cells = column.to_numpy(object, copy=True)
    cells[pd.isna(cells)] = None
    found: list[str | None] = cells.tolist()
    return found


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """Return a column's numbers, NaN where a cell is none."""
    return np.asarray(pd.to_numeric(column, errors="coerce"), float)


def node_keys(column: pd.Series) -> NDArray[np.int64]:
    """Return a key for each node of a column; one text, one key.

    A hash of 64 bits: among two million nodes two share one by chance once in nine million files.
    """
    hashed: Any = pd.util.hash_array(column.to_numpy(object), categorize=False)
    return np.asarray(hashed).view(np.int64)


def is_class_word(value: str) -> bool:
    """Whether a cell is a word for a class of road."""
    found = class_of_value(value)
    return found is not None and found in CLASS_MODES
