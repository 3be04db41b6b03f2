"""The map, built by Folium: what it shows, where it starts, and how it enters our page.

No data of the store goes into a Folium element: branca renders what an element has rendered a
second time, as a template, so a name holding `{{ … }}` would be run on the server. The map takes
its data from the API, by address, and the scripts write it as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

import folium
from branca.element import Figure, MacroElement
from jinja2 import Template
from markupsafe import Markup

from geo.values import LonLat
from web.folium_assets import install_choke_point

# Metres a pixel at zoom 20 is 0.13 m at 30° N: finer than any address is surveyed.
MAX_ZOOM = 20
MIN_ZOOM = 3
# Tiles are asked for up to this zoom and enlarged beyond it: the last from which something new is
# drawn (house numbers). Its tiles have steps of 0.07 m, so nothing is lost by enlarging them.
MAX_TILE_ZOOM = 17

BASEMAP_TILES = "/v1/tiles/basemap/{z}/{x}/{y}.mvt"
GRID_TILES = "/v1/tiles/grids/{z}/{x}/{y}.mvt"


@dataclass(frozen=True, slots=True)
class MapStart:
    """Where a map opens when its address names no place: a box [degrees, WGS 84]."""

    south_west: LonLat
    north_east: LonLat

    @classmethod
    def around(cls, bounds: tuple[float, float, float, float] | None) -> MapStart:
        """The start that shows a box (west, south, east, north), or the country for None."""
        if bounds is None:
            return START_OF_EMPTY_STORE
        west, south, east, north = bounds
        return cls(LonLat(west, south), LonLat(east, north))

    @property
    def centre(self) -> LonLat:
        return LonLat(
            (self.south_west.longitude + self.north_east.longitude) / 2,
            (self.south_west.latitude + self.north_east.latitude) / 2,
        )


# Shown when a store has nothing in it: the whole country.
START_OF_EMPTY_STORE = MapStart(LonLat(73.0, 18.0), LonLat(135.0, 54.0))


class PlatformMap(folium.Map):
    """Folium's map with the two libraries it needs here.

    Folium's own list adds jQuery, two versions of Bootstrap and two icon fonts, for pop-ups and
    markers of a kind this map doesn't use: some 700 kB on a phone.
    """

    default_js = [  # noqa: RUF012 - Folium declares these lists on the class
        ("leaflet", "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js"),
        (
            "protomaps_leaflet",
            "https://unpkg.com/protomaps-leaflet@5.1.0/dist/protomaps-leaflet.js",
        ),
    ]
    default_css = [  # noqa: RUF012 - as above
        ("leaflet_css", "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css"),
    ]


class PlainMap(folium.Map):
    """Folium's map with Leaflet alone."""

    default_js = PlatformMap.default_js[:1]
    default_css = PlatformMap.default_css


class ScriptedLayer(MacroElement):
    """A map layer drawn by one of our scripts: `GridBeat.<function>(map, options)`."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "GridBeat.{{ this.function }}({{ this._parent.get_name() }}, {{ this.options|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, function: str, **options: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # branca annotates it not
        self._name = "ScriptedLayer"
        self.function = function
        self.options = options


@dataclass(frozen=True, slots=True)
class MapLayer:
    """A layer of a page's map: a function of the page's module, and what it is given besides.

    options : what is sent to everybody who may see the page; never data of the store
    """

    function: str
    options: dict[str, Any] = field(default_factory=dict)


GROUND = MapLayer(
    "addVectorTiles",
    {"basemapUrl": BASEMAP_TILES, "gridsUrl": GRID_TILES, "maxTileZoom": MAX_TILE_ZOOM},
)


@dataclass(frozen=True, slots=True)
class MapParts:
    """What a page takes from a Folium map."""

    header: Markup
    body: Markup
    script: Markup


def build_map(
    start: MapStart, *layers: MapLayer, start_function: str = "startPageMap"
) -> PlatformMap:
    """Return a map: own base map and grids, the layers of its page, and the frame around it.

    Parameters
    ----------
    start : where it opens unless the page's address says otherwise
    start_function : of the page's module, called last, with the box that the map opens on
    """
    frame = MapLayer(
        start_function,
        {
            "bounds": [
                [start.south_west.latitude, start.south_west.longitude],
                [start.north_east.latitude, start.north_east.longitude],
            ]
        },
    )
    return _scripted_map(PlatformMap, start, GROUND, *layers, frame)


def build_plain_map(start: MapStart, *layers: MapLayer) -> PlainMap:
    """Return a map with nothing but its layers, for a file that must ask nobody for tiles."""
    return _scripted_map(PlainMap, start, *layers)


_AnyMap = TypeVar("_AnyMap", bound=folium.Map)


def _scripted_map(kind: type[_AnyMap], start: MapStart, *layers: MapLayer) -> _AnyMap:
    install_choke_point()
    platform_map = kind(
        location=(start.centre.latitude, start.centre.longitude),
        zoom_start=12,
        tiles=None,
        prefer_canvas=True,
        zoom_control=False,
        # camel case: without tiles Folium drops its own `max_zoom`, which Leaflet needs
        maxZoom=MAX_ZOOM,
        minZoom=MIN_ZOOM,
        attributionControl=False,
    )
    platform_map._id = "gridbeat"
    for number, layer in enumerate(layers):
        scripted = ScriptedLayer(layer.function, **layer.options)
        scripted._id = str(number)
        platform_map.add_child(scripted)
    return platform_map


def map_parts(platform_map: folium.Map, nonce: str) -> MapParts:
    """Return the map's header, body and script, each script and style bearing the nonce.

    Folium's viewport is left out: it forbids enlarging the page with two fingers.
    """
    figure = platform_map.get_root()
    if not isinstance(figure, Figure):
        raise TypeError(f"The map hangs in a {type(figure).__name__}, wanted branca's Figure.")
    for child in figure._children.values():
        child.render()
    header = re.sub(r"<meta\b[^>]*>", "", figure.header.render())
    header = re.sub(r"<(script|style)\b", rf'<\1 nonce="{nonce}"', header)
    return MapParts(
        header=Markup(header),  # noqa: S704 - written by Folium from our constants alone
        body=Markup(figure.html.render()),  # noqa: S704 - as above
        script=Markup(figure.script.render()),  # noqa: S704 - as above
    )
