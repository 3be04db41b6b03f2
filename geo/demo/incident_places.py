"""Where incidents of the demo city happen: homes, shops, markets, junctions, a street of bars.

Each name of `PLACES` draws positions in one list of spots: the city's addresses, then the junctions
of its roads. Within each, some spots are far busier than others, as places are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.demo.city import DemoCity
from geo.demo.plane import CityPlane, FloatArray

BAR_SHOPS_MIN = 40
BAR_STREET_M = (250.0, 600.0)  # as long as one walks from one to the next
BAR_QUARTER_M = 170.0
MOVING_REACH_M = 180.0  # how wide the hotspot is that moves
STATION_REACH_M = 450.0  # officers find what is this near to their station
MARKET_REACH_M = 150.0
_CROSSING_CLASSES = ("primary", "secondary", "tertiary")

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Planted:
    """What was put into the city on purpose, so that it can be looked for.

    Points are longitude and latitude [degrees, WGS 84].
    """

    bar_street: str
    bar_street_at: tuple[float, float]
    markets_at: tuple[tuple[float, float], ...]
    square_at: tuple[float, float]
    moving_from: tuple[float, float]
    moving_to: tuple[float, float]
    building_site_at: tuple[float, float]
    disputed_refs: tuple[str, ...]
    """`source_ref` of the homes with repeated disputes."""


class IncidentPlaces:
    """The spots of a city, with weights by the name of a kind of place.

    `xy_m` : (n,) metres in the city's plane; `texts` : (n,) what is written down;
    `is_address` : (n,) the others are junctions
    """

    def __init__(self, city: DemoCity, plane: CityPlane, rng: np.random.Generator) -> None:
        self._city, self._plane, self._rng = city, plane, rng
        addresses = city.addresses
        homes_xy = plane.from_lonlat(shapely.get_coordinates(addresses.geometry.to_numpy()))
        junctions, names = _junctions(city)
        self.xy_m: FloatArray = np.vstack([homes_xy, plane.from_lonlat(junctions)])
        self.address_count = len(addresses)
        self.texts = addresses["address_text"].tolist() + names
        kinds = addresses["kind"].to_numpy()
        is_leaf = (addresses["room"] != "").to_numpy() | (addresses["village_group"] != "")
        at = np.arange(len(addresses))
        self._weights: dict[str, tuple[Ints, FloatArray]] = {}
        homes = at[np.isin(kinds, ("residential", "dormitory")) & is_leaf]
        estate = addresses["estate"].where(addresses["estate"] != "", addresses["road"])
        self._spread("homes", homes, estate.to_numpy()[homes], 0.7)
        shops = at[kinds == "shop"]
        self._spread("shops", shops, addresses["road"].to_numpy()[shops], 0.6, each=0.8)
        offices = at[kinds == "office"]
        self._spread("offices", offices, addresses["road"].to_numpy()[offices], 0.8)
        whole = at[(kinds == "residential") & (addresses["estate"] != "") & ~is_leaf]
        self._spread("estates", whole, estate.to_numpy()[whole], 0.6)
        works = at[np.isin(kinds, ("industrial",))]
        self._spread("works", works, works, 0.5)
        campus = at[kinds == "campus"]
        self._spread("campus", campus, campus, 0.3)
        crossings = np.arange(self.address_count, len(self.xy_m))
        self._spread("junctions", crossings, crossings, 0.7)
        self._name_the_busy(shops)

    def _spread(
        self, name: str, spots: Ints, group: NDArray[np.generic], sigma: float, *, each: float = 0.4
    ) -> None:
        """Give spots weights that differ by group, and within it.

        A house with a hundred rooms or shops isn't a hundred times as busy as one with one.
        """
        groups, of = np.unique(group, return_inverse=True)
        weight = self._rng.lognormal(0.0, sigma, len(groups))[of] / self._alike(spots) ** 0.5
        self._weights[name] = (spots, weight * self._rng.lognormal(0.0, each, len(spots)))

    def _alike(self, spots: Ints) -> FloatArray:
        """Return how many of some spots are at each one's point."""
        _, of, count = np.unique(self.xy_m[spots], axis=0, return_inverse=True, return_counts=True)
        return np.asarray(count[of.ravel()], dtype=float)

    def _name_the_busy(self, shops: Ints) -> None:
        places = self._city.places
        points = self._plane.from_lonlat(shapely.get_coordinates(places.geometry.to_numpy()))
        of_class = places["feature_class"].to_numpy()
        markets = points[of_class == "marketplace"]
        busiest = markets[self._rng.permutation(len(markets))[:3]]
        square = points[of_class == "square"][0]
        self._round("markets", busiest, MARKET_REACH_M, (0.5, 0.3, 0.2))
        self._round("square", square[None], MARKET_REACH_M, (1.0,))
        road = self._bar_street(shops)
        bars = shops[self._city.addresses["road"].to_numpy()[shops] == road]
        self._spread("bar_street", bars, bars, 0.5)
        away, _ = cKDTree(self.xy_m[bars]).query(self.xy_m[shops])
        quarter = shops[away < BAR_QUARTER_M]
        self._spread("bar_quarter", quarter, quarter, 0.3)
        self.stations = points[of_class == "police"]
        estates, _ = self._weights["estates"]
        at = self.xy_m[estates]
        # From a western to an eastern quarter, at a height where people live at both ends.
        west, east = np.quantile(at[:, 0], (0.15, 0.85))
        middle = float(np.median(at[:, 1]))
        self._moving = np.array([[west, middle], [east, middle]])
        far = np.hypot(*(at - np.median(at, axis=0)).T)
        self.building_site = at[int(np.argsort(far)[len(far) // 3])]
        homes, weight = self._weights["homes"]
        self._homes_by_place = cKDTree(self.xy_m[homes])
        self.disputed = self._rng.choice(homes, 6, replace=False, p=weight / weight.sum())
        lonlat = self._plane.to_lonlat
        self.planted = Planted(
            bar_street=road,
            bar_street_at=_point(lonlat(self.xy_m[bars].mean(axis=0)[None])),
            markets_at=tuple(_point(lonlat(one[None])) for one in busiest),
            square_at=_point(lonlat(square[None])),
            moving_from=_point(lonlat(self._moving[:1])),
            moving_to=_point(lonlat(self._moving[1:])),
            building_site_at=_point(lonlat(self.building_site[None])),
            disputed_refs=tuple(self._city.addresses["source_ref"].to_numpy()[self.disputed]),
        )

    def _round(self, name: str, centres: FloatArray, reach_m: float, share: tuple[float, ...]) -> (
        None
    ):  # fmt: skip
        """The addresses round some centres, each centre with its share."""
        found, weights = [], []
        at = self.xy_m[: self.address_count]
        for centre, part in zip(centres, share, strict=True):
            away = np.hypot(*(at - centre).T)
            near = np.flatnonzero(away <= max(reach_m, float(away.min())))
            weight = np.exp(-2 * away[near] / reach_m) / self._alike(near)
            found.append(near)
            weights.append(part * weight / weight.sum())
        self._weights[name] = (np.concatenate(found), np.concatenate(weights))

    def _bar_street(self, shops: Ints) -> str:
        """The side street with the most shops to the metre: short, and known for its nights."""
        roads = self._city.roads
        side = roads[~roads["feature_class"].isin(["primary", "secondary"]) & (roads["name"] != "")]
        plane = shapely.transform(side.geometry.to_numpy(), self._plane.from_lonlat)
        lengths = shapely.length(plane)
        of_road: dict[str, float] = defaultdict(float)
        for name, length in zip(side["name"], lengths, strict=True):
            of_road[name] += float(length)
        counts = self._city.addresses["road"].iloc[shops].value_counts()
        shortest, longest = BAR_STREET_M
        dense = {
            road: count / of_road[road]
            for road, count in counts.items()
            if shortest <= of_road.get(road, 0.0) <= longest and count >= BAR_SHOPS_MIN
        }
        return str(max(sorted(dense), key=lambda road: dense[road]))

    def draw(self, name: str, fraction: FloatArray) -> Ints:
        """Return a spot for each of n incidents.

        Parameters
        ----------
        name : `moving` moves with time, the others stay
        fraction : (n,) of the two years that had passed, 0 to 1
        """
        if name == "moving":
            return self._draw_moving(fraction)
        spots, weight = self._weights[name]
        return self._rng.choice(spots, len(fraction), p=weight / weight.sum())

    def draw_by_station(self, spots: Ints) -> Ints:
        """Return other spots of the same list as those given, near to a police station."""
        away = np.min(
            [np.hypot(*(self.xy_m[spots] - station).T) for station in self.stations], axis=0
        )
        weight = np.exp(-away / STATION_REACH_M)
        return self._rng.choice(spots, len(spots), p=weight / weight.sum())

    def near_home(self, home: int, scale_m: float) -> int:
        """Return a home near another, the nearer the likelier; often itself."""
        homes, _ = self._weights["homes"]
        near = homes[np.sort(self._homes_by_place.query_ball_point(self.xy_m[home], 4 * scale_m))]
        weight = np.exp(-np.hypot(*(self.xy_m[near] - self.xy_m[home]).T) / scale_m)
        return int(self._rng.choice(near, p=weight / weight.sum()))

    def near_site(self, count: int, reach_m: float) -> Ints:
        """Return homes round the building site."""
        homes, _ = self._weights["homes"]
        away = np.hypot(*(self.xy_m[homes] - self.building_site).T)
        return self._rng.choice(homes[away < reach_m], count)

    def _draw_moving(self, fraction: FloatArray) -> Ints:
        spots, weight = self._weights["estates"]
        found = np.empty(len(fraction), dtype=np.int64)
        step = np.floor(fraction * 24).astype(int)  # about a month each
        for month in np.unique(step):
            which = step == month
            share = (month + 0.5) / 24
            centre = self._moving[0] * (1 - share) + self._moving[1] * share
            away = np.hypot(*(self.xy_m[spots] - centre).T)
            near = weight * np.exp(-0.5 * (away / MOVING_REACH_M) ** 2)
            found[which] = self._rng.choice(spots, int(which.sum()), p=near / near.sum())
        return found


def _junctions(city: DemoCity) -> tuple[FloatArray, list[str]]:
    """Return where wider streets cross, and how one would call the place."""
    meeting: dict[tuple[float, float], set[str]] = defaultdict(set)
    wide = city.roads[
        city.roads["feature_class"].isin(_CROSSING_CLASSES) & (city.roads["name"] != "")
    ]
    for name, line in zip(wide["name"], wide.geometry, strict=True):
        for end in (line.coords[0], line.coords[-1]):
            meeting[end].add(name)
    crossings = sorted((at, sorted(names)) for at, names in meeting.items() if len(names) > 1)
    return (
        np.array([at for at, _ in crossings]),
        ["与".join(names[:2]) + "路口" for _, names in crossings],
    )


def _point(lonlat: FloatArray) -> tuple[float, float]:
    return float(lonlat[0, 0]), float(lonlat[0, 1])
