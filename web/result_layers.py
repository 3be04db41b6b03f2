"""What a result of the command line shows on a map: its shapes by class, and the same as a table.

A result is GeoJSON with the member `gridbeat` (`layers.commands.result_files`). Each kind of layer
is one function here; drawing knows none of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal, format_percent

from geo.errors import InvalidFile
from layers.commands.result_files import MEMBER
from web.texts import Texts

BYTES_MAX = 200_000_000
# The colours of web/static/js/response.js and of web/static/js/route_drawing.js.
RING_COLOURS = ("#08519c", "#4292c6", "#9ecae1", "#fdae6b")
OFF_ROAD = "#c9ced6"
OPEN, REACHED = "#de6b2d", "#9ecae1"
STATE_COLOURS = {"stands": "#0f2a4a", "new": "#1a7f4b", "closed": "#7c3aed", "unit": "#0f2a4a"}
ROUTE_COLOURS = (
    "#0072b2", "#a63d00", "#00735a", "#8f3f71", "#5b5b00", "#4b3fa0", "#7a2e2e", "#2f5d62",
)  # fmt: skip

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShownClass:
    """A line of the legend: colour, what it stands for, and its figures by column."""

    colour: str
    label: str
    figures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn: its geometry as GeoJSON has it, its class, and what a pointer over it says.

    mark : written in a point, such as the number of a stop
    """

    geometry: dict[str, Any]
    of_class: int
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ResultLayer:
    """A layer of a map file.

    heads : of the figures' columns
    facts : sentences on what the numbers assume
    """

    kind: str
    title: str
    heads: tuple[str, ...]
    classes: tuple[ShownClass, ...]
    shapes: tuple[Shape, ...]
    facts: tuple[str, ...]
    attribution: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as the script of a map file takes it."""
        return asdict(self)


@dataclass
class _Result:
    """A file's content, and words for its numbers."""

    name: str
    told: dict[str, Any]
    features: list[Feature]
    texts: Texts
    points: list[Feature] = field(default_factory=list)
    others: list[Feature] = field(default_factory=list)

    def __post_init__(self) -> None:
        for feature in self.features:
            is_point = feature["geometry"]["type"] == "Point"
            (self.points if is_point else self.others).append(feature)

    def say(self, key: str, **values: object) -> str:
        return self.texts.say(key, **values)

    def number(self, value: float) -> str:
        return format_decimal(round(value), locale=self.texts.language)

    def share(self, part: float, whole: float) -> str:
        if not whole:
            return "-"
        return format_percent(part / whole, "#,##0.0%", locale=self.texts.language)

    def duration(self, seconds: float | None) -> str:
        if seconds is None:
            return self.say("result_map.no_way")
        whole = round(seconds)
        if whole < 60:
            return self.say("response.seconds", value=whole)
        if whole % 60 == 0:
            return self.say("response.whole_minutes", minutes=whole // 60)
        return self.say("response.minutes", minutes=whole // 60, seconds=whole % 60)


def read_result(path: Path, texts: Texts) -> ResultLayer:
    """Return a result's layer.

    Raises
    ------
    InvalidFile : no GeoJSON, no result of the command line, an unknown kind of layer
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise InvalidFile(
                f"{path.name} is over {BYTES_MAX:,} bytes. Draw fewer hexagons: a lower resolution."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidFile(f"{path.name} can't be read as GeoJSON: {error}.") from error
    told = content.get(MEMBER) if isinstance(content, dict) else None
    if not isinstance(told, dict) or told.get("layer") not in KINDS:
        raise InvalidFile(
            f"{path.name} doesn't say what it shows. Wanted what --out of `gridbeat response "
            "reach`, `response gaps`, `siting solve` or `routes plan` has written."
        )
    try:
        result = _Result(path.name, told, content["features"], texts)
        if not result.features:
            raise InvalidFile(f"{path.name} holds nothing.")
        return KINDS[told["layer"]](result)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, InvalidFile):
            raise
        raise InvalidFile(
            f"{path.name} was changed since it was written: {error!r}. Write it again."
        ) from error


def _reach(result: _Result) -> ResultLayer:
    limits = [float(limit) for limit in result.told["limits_s"]]
    labels = [
        *(result.say("response.within", time=result.duration(limit)) for limit in limits),
        result.say("response.outside", time=result.duration(limits[-1])),
        result.say("response.off_road"),
    ]
    colours = [*RING_COLOURS[: len(limits)], RING_COLOURS[-1], OFF_ROAD]
    return _hexagons(
        result, labels, colours,
        lambda row: len(limits) + 1 if row["ring"] is None else int(row["ring"]),
    )  # fmt: skip


def _gaps(result: _Result) -> ResultLayer:
    limits = " / ".join(result.duration(float(limit)) for limit in result.told["limits_s"])
    labels = [
        result.say("response.outside", time=limits),
        result.say("response.within", time=limits),
        result.say("response.off_road"),
    ]
    return _hexagons(
        result, labels, [OPEN, REACHED, OFF_ROAD],
        lambda row: 2 if row["is_open"] is None else 0 if row["is_open"] else 1,
    )  # fmt: skip


def _siting(result: _Result) -> ResultLayer:
    told = result.told
    limit = result.duration(float(told["limits_s"][0]))
    labels = [
        result.say("response.within", time=limit),
        result.say("response.outside", time=limit),
        result.say("response.off_road"),
    ]
    objective, bound = float(told["objective"]), float(told["bound"])
    plan = result.say(
        "result_map.proven" if told["is_proven"] else "result_map.bound",
        objective=f"{objective:,.1f}", bound=f"{bound:,.1f}",
    )  # fmt: skip
    question = result.say(f"siting.question_{told['question']}")
    return _hexagons(
        result, labels, [RING_COLOURS[1], OPEN, OFF_ROAD],
        lambda row: 2 if row["is_covered"] is None else 0 if row["is_covered"] else 1,
        f"{question}. {plan}",
    )  # fmt: skip


def _hexagons(
    result: _Result, labels: list[str], colours: list[str], class_of: Callable[[Feature], int],
    *first_facts: str,
) -> ResultLayer:  # fmt: skip
    """A layer of hexagons in classes, and of the sites or units that set out."""
    counts, weights = [0] * len(labels), [0.0] * len(labels)
    shapes = []
    unit = _unit(result)
    for feature in result.others:
        row = feature["properties"]
        number, weight = class_of(row), float(row["weight"])
        counts[number] += 1
        weights[number] += weight
        text = f"{labels[number]} · {result.number(weight)} {unit}"
        if row["time_s"] is not None:
            text += f" · {result.duration(float(row['time_s']))}"
        shapes.append(Shape(feature["geometry"], number, text))
    whole = sum(weights)
    is_weighted = result.told["demand"] != "roads"  # there each hexagon counts 1
    classes = [
        ShownClass(
            colour, label,
            (result.number(count), *([result.number(weight)] if is_weighted else ()),
             result.share(weight, whole)),
        )
        for colour, label, count, weight in zip(colours, labels, counts, weights, strict=True)
    ]  # fmt: skip
    for state, colour in STATE_COLOURS.items():
        found = [point for point in result.points if point["properties"]["state"] == state]
        if found:
            label = result.say(f"result_map.site_{state}")
            shapes += [
                Shape(point["geometry"], len(classes), f"{point['properties']['name']} · {label}")
                for point in found
            ]
            classes.append(ShownClass(colour, label, (result.number(len(found)),)))
    count, share = result.say("result_map.count"), result.say("result_map.share")
    heads = (count, unit, share) if is_weighted else (count, share)
    return _layer(result, heads, classes, shapes, first_facts)


def _routes(result: _Result) -> ResultLayer:
    units = list(dict.fromkeys(str(f["properties"]["unit"]) for f in result.features))
    classes, shapes = [], []
    for number, unit in enumerate(units):
        of_unit = [f for f in result.features if f["properties"]["unit"] == unit]
        stops = [f for f in of_unit if f["geometry"]["type"] == "Point"]
        prize = sum(float(stop["properties"]["prize"]) for stop in stops)
        colour = ROUTE_COLOURS[number % len(ROUTE_COLOURS)]
        classes.append(ShownClass(colour, unit, (result.number(len(stops)), f"{prize:,.1f}")))
        for feature in of_unit:
            row = feature["properties"]
            if feature["geometry"]["type"] != "Point":
                shapes.append(Shape(feature["geometry"], number, unit))
                continue
            begin = result.duration(60 * float(row["begin_min"]))
            text = result.say(
                "result_map.stop", unit=unit, number=row["number"], name=row["name"], time=begin,
                prize=f"{float(row['prize']):,.1f}",
            )  # fmt: skip
            shapes.append(Shape(feature["geometry"], number, text, str(row["number"])))
    heads = (result.say("result_map.stops"), result.say("result_map.prize"))
    return _layer(result, heads, classes, shapes, ())


def _unit(result: _Result) -> str:
    """What is counted: households, roads' hexagons or points of a file."""
    demand = str(result.told["demand"])
    if demand in {"register", "roads"}:
        return result.say(f"result_map.demand_{demand}")
    return result.say("result_map.demand_file", file=demand)


def _layer(
    result: _Result, heads: tuple[str, ...], classes: Iterable[ShownClass],
    shapes: Iterable[Shape], first_facts: tuple[str, ...],
) -> ResultLayer:  # fmt: skip
    told = result.told
    modes = "、" if result.texts.language == "zh" else ", "
    said = modes.join(result.say(f"response.mode_{mode}") for mode in told["modes"])
    hour = told["hour"]
    when = (
        result.say("result_map.no_hour") if hour is None
        else result.say("result_map.hour", hour=f"{int(hour):02d}:00")
    )  # fmt: skip
    facts = (
        *first_facts,
        result.say("result_map.method", network=told["network"], modes=said, hour=when),
        *dict.fromkeys(str(source) for source in told["speeds"]),
        result.say("result_map.file", name=result.name),
    )
    kind = str(told["layer"])
    return ResultLayer(
        kind, result.say(f"result_map.layer_{kind}"), heads, tuple(classes), tuple(shapes), facts,
        told.get("attribution"),
    )  # fmt: skip


KINDS: dict[str, Callable[[_Result], ResultLayer]] = {
    "reach": _reach,
    "gaps": _gaps,
    "siting": _siting,
    "routes": _routes,
}
