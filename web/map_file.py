"""A map as one file that a person opens: results of the command line, with nothing to fetch.

Folium builds the map as it does for the pages; its libraries, our scripts and styles and the data
are written into the file, and its content security policy lets it ask nobody for anything.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from babel.numbers import format_decimal
from markupsafe import Markup

from web.assets import IMPORTED, load_assets
from web.maps import MapLayer, MapStart, build_plain_map, map_parts
from web.rendering import templates
from web.result_layers import ResultLayer
from web.road_ground import Box, RoadGround
from web.texts import Texts

SCRIPT = "js/map_file.js"
STYLES = ("vendor/leaflet/leaflet.css", "css/base.css", "css/panels.css", "css/map_file.css")
_STATIC = re.compile(r'<script nonce="[^"]*" src="/static/\w+/([^"]+)"></script>')
_LINKED = re.compile(r'<link rel="stylesheet" href="/static/[^"]+"\s*/>')
_PICTURE = re.compile(r"url\(([\w./-]+)\)")


def map_file(
    layers: Sequence[ResultLayer],
    ground: RoadGround | None,
    texts: Texts,
    *,
    box: Box,
    made_at: datetime,
    attribution: str | None = None,
    title: str | None = None,
) -> str:
    """Return an HTML file that shows layers over roads.

    Parameters
    ----------
    ground : roads beneath; None: none
    box : what it opens on: west, south, east, north [degrees, WGS 84]
    attribution : whose roads they are; those of the layers are named as well
    title : of the page; else the layers' names
    """
    nonce = secrets.token_urlsafe(18)
    platform_map = build_plain_map(MapStart.around(box), MapLayer("showResults"))
    parts = map_parts(platform_map, nonce)
    header = _STATIC.sub(lambda found: _script(found[1], nonce), _LINKED.sub("", parts.header))
    if "/static/" in header:
        raise AssertionError(f"Folium links a file in another way than before: {header[:500]}")
    whose = [attribution, *(layer.attribution for layer in layers)]
    return (
        templates()
        .get_template("map_file.html")
        .render(
            texts=texts,
            say=texts.say,
            number=lambda value: format_decimal(value, locale=texts.language),
            nonce=nonce,
            title=title or " · ".join(layer.title for layer in layers),
            header=Markup(header),  # noqa: S704 - written by Folium and our own files alone
            map_body=parts.body,
            map_script=parts.script,
            styles=Markup("\n".join(_style(name) for name in STYLES)),  # noqa: S704 - our own files
            modules={
                name: _data_url(source.encode(), "text/javascript")
                for name, source in _modules(SCRIPT).items()
            },
            entry=PurePosixPath(SCRIPT).name,
            layers=layers,
            data={
                "layers": [layer.as_data() for layer in layers],
                "ground": ground.as_data() if ground else None,
            },
            ground=ground,
            box=[[box[1], box[0]], [box[3], box[2]]],
            attributions=list(dict.fromkeys(text for text in whose if text)),
            made_at=made_at,
        )
    )


def _script(name: str, nonce: str) -> str:
    source = load_assets().files[name].content.decode()
    if "</script" in source.lower():
        raise AssertionError(f"{name} can't stand in a page: it holds </script.")
    return f'<script nonce="{nonce}">{source}</script>'


def _style(name: str) -> str:
    """Return a style sheet with its pictures in it."""
    folder = PurePosixPath(name).parent

    def picture(found: re.Match[str]) -> str:
        asset = load_assets().files[str(folder / found[1])]
        return f"url({_data_url(asset.content, asset.media_type)})"

    return _PICTURE.sub(picture, load_assets().files[name].content.decode())


def _modules(entry: str) -> dict[str, str]:
    """Return a module and all it imports by file name; a neighbour `./x.js` is called `x.js`,
    since a module that lies in the page itself has no folder to look into."""
    found: dict[str, str] = {}
    waiting = [entry]
    folder = PurePosixPath(entry).parent
    for name in waiting:
        source = load_assets().files[name].content.decode()
        waiting += [
            neighbour
            for each in IMPORTED.findall(source)
            if (neighbour := str(folder / each)) not in waiting
        ]
        found[PurePosixPath(name).name] = re.sub(r'(\bfrom ")\./([\w.]+";)', r"\1\2", source)
    return found


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
