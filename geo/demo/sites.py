"""The demo city's response sites: its police stations, posts, and places where one might be."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
from sqlalchemy.orm import Session

from geo.response_sites import Site, store_sites
from geo.values import LonLat

_POST_EVERY = 4  # of the committees' houses one holds a post; the others might
_MIGHT = ("townhall", "square", "marketplace", "mall", "community_centre", "park")


def store_demo_sites(session: Session, places: gpd.GeoDataFrame, *, valid_from: date) -> int:
    """Put the demo city's sites into the store; return how many.

    Parameters
    ----------
    places : as `DemoCity.places`
    """
    sites: list[Site] = []
    counts = {"station": 0, "post": 0, "candidate": 0}
    committees = 0
    for row in places.itertuples(index=False):
        name, place_class = str(row.name), str(row.feature_class)
        kind = "candidate"
        if place_class == "police":
            kind = "station"
        elif place_class not in _MIGHT:
            continue
        elif place_class == "townhall":
            committees += 1
            if committees % _POST_EVERY == 1:
                kind, name = "post", f"{name.removesuffix('居民委员会')}警务站"
        counts[kind] += 1
        code = f"{kind[:4].upper()}-{counts[kind]:02}"
        sites.append(Site(code, name, kind, LonLat(row.geometry.x, row.geometry.y)))
    return store_sites(session, sites, valid_from=valid_from)
