"""The choke point between Folium and the network: every link it writes points at this origin.

Folium and branca write `<script src="https://cdn…">` through two classes, and nothing else. Their
constructors are wrapped once: a known address becomes the file we serve, any other raises. So a
new plugin fails in a test on our desks, and not in a police station without Internet.
`default_js` on an instance is no place for this: it is a list of the class, branca's colormaps
pass it by, and a second rendering adds the links again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from branca.element import CssLink, JavascriptLink, Link

from web.assets import load_assets

# The address Folium 0.20 writes, or the one our own layers name -> file in web/assets.py.
LOCAL_FILES = {
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js": "vendor/leaflet/leaflet.js",
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css": "vendor/leaflet/leaflet.css",
    "https://unpkg.com/protomaps-leaflet@5.1.0/dist/protomaps-leaflet.js": (
        "vendor/protomaps/protomaps-leaflet.js"
    ),
}


class OutsideLink(RuntimeError):
    """Folium wants a file from another host. A fault of ours, never of a user's input."""


def local_url(url: str) -> str:
    """Return the address on this origin for an address Folium writes.

    Raises
    ------
    OutsideLink : the file isn't among those we serve
    """
    if url in LOCAL_FILES:
        return load_assets().url(LOCAL_FILES[url])
    if url.startswith("/static/"):
        return url
    raise OutsideLink(
        f"A map wants {url}, which this platform does not serve, and no page may ask another "
        "host. Add the library to web/package.json, its file to web/assets.py and this address "
        "to LOCAL_FILES in web/folium_assets.py, or leave the plugin out."
    )


def install_choke_point() -> None:
    """Wrap branca's two link classes. A second call changes nothing."""
    for link_class in (JavascriptLink, CssLink):
        if not hasattr(link_class.__init__, "__wrapped__"):
            wrapped = _localised(link_class.__init__)
            link_class.__init__ = wrapped  # type: ignore[method-assign] # to wrap it is the point


def _localised(constructor: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(constructor)
    def construct(link: Link, url: str, download: bool = False, **options: Any) -> None:
        # `download` would fetch the file while rendering: there is no network to fetch it from
        constructor(link, local_url(url), False, **options)

    return construct
