"""Which building goes on which parcel, grid by grid."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import shapely

from geo.demo import estates, workplaces
from geo.demo.blocks import GridPlot
from geo.demo.frontage import Front, Gate
from geo.demo.names import NameDrawer
from geo.demo.parcels import Parcel
from geo.demo.register import Register, Site

_HOMES = ("walkup", "tower", "lanes")
# Homes wanted in a grid of homes: 300 to 500 households at the share that is lived in.
_HOMES_A_GRID = (660.0, 790.0)
_BEHIND_FRONTS_M = 7.0


def build_on_parcels(
    plots: list[GridPlot],
    parcels: list[Parcel],
    gates: list[Gate | None],
    fronts: list[Front],
    register: Register,
    names: NameDrawer,
    rng: np.random.Generator,
) -> None:
    """Build the fronts along the streets and what lies behind them."""
    fronts_of: dict[int, list[Front]] = defaultdict(list)
    for front in fronts:
        fronts_of[front.parcel].append(front)
    plot_position = {id(plot): k for k, plot in enumerate(plots)}
    targets = rng.uniform(*_HOMES_A_GRID, len(plots))
    sites: list[Site] = []
    for index, (parcel, gate) in enumerate(zip(parcels, gates, strict=True)):
        plot = plot_position[id(parcel.plot)]
        sites.append(Site(plot, parcel, gate, _inner(parcel, fronts_of[index])))
    layouts: dict[int, list[estates.HomeLayout]] = defaultdict(list)
    for site in sites:
        if site.parcel.use in _HOMES:
            layouts[site.plot].append(estates.lay_out_homes(site, site.parcel.use, rng))
    homes: dict[int, tuple[estates.HomeLayout, float]] = {}
    for plot, own in layouts.items():
        for layout, storeys in zip(own, estates.choose_storeys(own, targets[plot]), strict=True):
            homes[id(layout.site)] = (layout, storeys)
    named = [site for site in sites if site.parcel.use in ("walkup", "tower")]
    estate_name = dict(zip(map(id, named), estates.estate_names(named, names, rng), strict=True))
    serial: dict[str, int] = defaultdict(int)
    groups: dict[str, int] = defaultdict(int)
    for index, site in enumerate(sites):
        use = site.parcel.use
        if site.gate is None and use not in ("old_town", "village"):
            continue  # a scrap of ground that no named street touches stays open
        if use in ("old_town", "village"):
            house, shop = _split(fronts_of[index], use)
            estates.build_courtyards(site.plot, house, register, rng)
            workplaces.build_shops(site.plot, shop, register, names, rng)
        else:
            workplaces.build_shops(site.plot, fronts_of[index], register, names, rng)
        if use in _HOMES:
            layout, storeys = homes[id(site)]
            estates.build_homes(layout, storeys, estate_name.get(id(site), ""), register, rng)
        elif use == "village":
            community = site.parcel.plot.community_code
            groups[community] += 1
            estates.build_village(site, groups[community], register, rng)
        elif use in ("office", "office_building"):
            workplaces.build_offices(site, register, names, rng)
        elif use == "mall":
            workplaces.build_mall(site, register, names, rng)
        elif use == "industry":
            workplaces.build_works(site, register, names, rng)
        elif use == "campus":
            workplaces.build_campus(site, register, names, rng)
        elif use == "park":
            workplaces.build_park(site, register, names, rng)
        elif use == "green":
            workplaces.build_green(site, register, names)
        elif use != "old_town":
            workplaces.build_civic(site, use, serial[use], register, names, rng)
            serial[use] += 1


def _inner(parcel: Parcel, fronts: list[Front]) -> shapely.Polygon:
    """The ground behind the fronts, its largest piece."""
    ground: shapely.Geometry = shapely.buffer(parcel.ground, -5.0)
    if fronts:
        taken = shapely.union_all([shapely.buffer(f.outline, _BEHIND_FRONTS_M) for f in fronts])
        ground = shapely.difference(ground, taken)
    parts = shapely.get_parts(ground)
    if len(parts) == 0:
        return shapely.Polygon()
    largest = parts[np.argmax(shapely.area(parts))]
    return largest if isinstance(largest, shapely.Polygon) else shapely.Polygon()


def _split(fronts: list[Front], use: str) -> tuple[list[Front], list[Front]]:
    """Houses and shops: shops stand on the wider streets, and on every sixth place of a lane."""
    house: list[Front] = []
    shop: list[Front] = []
    for position, front in enumerate(fronts):
        wide = front.road.road_class in ("primary", "secondary", "tertiary")
        is_shop = wide or (use == "old_town" and position % 6 == 0)
        (shop if is_shop else house).append(front)
    return house, shop
