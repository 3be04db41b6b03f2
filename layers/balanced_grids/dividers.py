"""What a border between two grids runs along, and what a metre of it costs.

A border along a big road costs least: people of a grid then cross small ones only. The prices are
this project's choice, not a standard's; what they lead to is measured in docs/balanced_grids.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

NO_ROAD = "none"  # through a block, between two buildings
NO_ROAD_PRICE = 2.0
OTHER_ROAD_PRICE = 1.0

# Price of a metre of border, relative to one along a lane. Links cost what their road costs.
PRICES: Mapping[str, float] = {
    "motorway": 0.25, "trunk": 0.25, "rail": 0.25, "light_rail": 0.25, "river": 0.25,
    "canal": 0.25, "primary": 0.4, "secondary": 0.5, "tertiary": 0.7, "unclassified": 0.9,
    "residential": 1.0, "living_street": 1.0, "road": 1.0,
}  # fmt: skip

# Roads that part blocks unless a person says otherwise: those that have a name on a map. Yard ways
# and paths run through a block, they don't end it.
BLOCK_CLASSES = tuple(PRICES)

BIG_CLASSES = frozenset(
    {"motorway", "trunk", "primary", "secondary", "rail", "light_rail", "river", "canal"}
)


def base_class(road_class: str) -> str:
    """Return a class without its link: `primary_link` runs along `primary`.

    >>> base_class("primary_link")
    'primary'
    """
    return road_class.removesuffix("_link")


def price_of(road_class: str) -> float:
    """Return what a metre of border along a class of road costs."""
    if road_class == NO_ROAD:
        return NO_ROAD_PRICE
    return PRICES.get(base_class(road_class), OTHER_ROAD_PRICE)


def prices_of(road_classes: Iterable[str]) -> NDArray[np.float64]:
    """Return `price_of` of many."""
    known: dict[str, float] = {}
    return np.array([known.setdefault(c, price_of(c)) for c in road_classes], float)
