"""The map that Folium builds, as it enters our page."""

from __future__ import annotations

import re

import folium
import pytest

from geo.values import LonLat
from web.maps import MAX_ZOOM, START_OF_EMPTY_STORE, MapStart, build_map, map_parts
from web.pages import FRONT_LAYERS

BOX = (112.55, 37.87, 112.56, 37.88)


def test_every_script_and_style_of_the_map_bears_the_nonce() -> None:
    parts = map_parts(build_map(MapStart.around(BOX)), "abc")
    tags = re.findall(r"<(?:script|style)\b[^>]*>", parts.header)
    assert len(tags) >= 4
    assert all('nonce="abc"' in tag for tag in tags)
    assert "user-scalable" not in parts.header  # Folium's viewport would forbid enlarging
    assert "<script" not in parts.body + parts.script


def test_the_map_loads_two_libraries_and_nothing_from_another_host() -> None:
    parts = map_parts(build_map(MapStart.around(BOX)), "abc")
    everything = parts.header + parts.body + parts.script
    assert len(re.findall(r"<script[^>]*src=", parts.header)) == 2
    assert not re.search(r"""["'(=]\s*(https?:)?//""", everything)


def test_the_same_map_is_the_same_text() -> None:
    first, second = (map_parts(build_map(MapStart.around(BOX)), "abc") for _ in range(2))
    assert first == second


def test_the_layers_come_before_what_is_drawn_around_the_map() -> None:
    script = map_parts(build_map(MapStart.around(BOX), *FRONT_LAYERS), "abc").script
    calls = re.findall(r"GridBeat\.(\w+)\(map_gridbeat", script)
    assert calls == [
        "addVectorTiles", "addAddressDensity", "addFreshness", "addHotspots", "startPageMap",
    ]  # fmt: skip
    assert f'"maxZoom": {MAX_ZOOM}' in script


def test_a_map_opens_on_what_is_stored_or_on_the_country() -> None:
    assert MapStart.around(BOX).centre == LonLat(112.555, 37.875)
    assert MapStart.around(None) is START_OF_EMPTY_STORE


def test_a_map_without_a_figure_is_refused() -> None:
    lost = folium.FeatureGroup()
    with pytest.raises(TypeError, match="Figure"):
        map_parts(lost, "abc")
