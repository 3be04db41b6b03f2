"""The demo city: deterministic, labelled, exactly tiled, and consistent in itself."""

from __future__ import annotations

import os
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.addresses.parse import parse
from geo.codes import CodeStandard
from geo.demo import DemoCity, digest_city, generate_city
from geo.demo.names import NameDrawer, person_in_charge
from geo.faults import FaultKind, FaultLimits
from geo.grid_draft import GridDraft
from geo.grid_faults import check_grids
from geo.tables import ADDRESS_COMPONENTS, BASEMAP_KINDS, GRID_KINDS

DIGEST = "import sys; from geo.demo import *; print(digest_city(generate_city(int(sys.argv[1]))))"


@pytest.fixture(scope="module")
def city() -> DemoCity:
    return generate_city()


def test_same_seed_same_bytes_whatever_the_hash_seed(city: DemoCity) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST, str(city.seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "31337")
    ]
    digests = {process.communicate()[0].strip() for process in running}
    assert digests == {digest_city(city)}


def test_another_seed_is_another_city(city: DemoCity) -> None:
    other = generate_city(1)
    assert digest_city(other) != digest_city(city)
    assert list(other.grids["grid_code"]) == list(city.grids["grid_code"])
    assert 40_000 < len(other.addresses) < 65_000


def test_has_the_promised_size(city: DemoCity) -> None:
    levels = city.areas["level"].value_counts().to_dict()
    assert levels == {"community": 12, "township": 3, "county": 1, "city": 1, "province": 1}
    assert len(city.grids) == 60
    assert 47_000 < len(city.addresses) < 57_000
    for frame in city.frames().values():
        assert frame.crs == "EPSG:4326"
        assert frame.geometry.is_valid.all()
        assert not frame.geometry.is_empty.any()


def test_coordinates_have_seven_decimals(city: DemoCity) -> None:
    for frame in city.frames().values():
        lonlat = shapely.get_coordinates(frame.geometry.to_numpy())
        assert np.array_equal(lonlat, np.round(lonlat, 7))
        assert (np.abs(lonlat - (112.585, 37.875)) < (0.04, 0.03)).all()


def test_grids_tile_their_communities_without_gap_or_overlap(city: DemoCity) -> None:
    grids = city.grids.geometry.to_numpy()
    pairs = shapely.STRtree(grids).query(grids, predicate="overlaps")
    assert pairs.size == 0
    assert shapely.coverage_is_valid(grids)
    for community in city.areas[city.areas["level"] == "community"].itertuples():
        own = city.grids[city.grids["community_code"] == community.code].geometry.to_numpy()
        assert len(own) == 5
        assert shapely.equals(shapely.coverage_union_all(own), community.geometry)
        assert _vertices([community.geometry]) <= _vertices(own)


def test_areas_tile_their_parents(city: DemoCity) -> None:
    for level, below in (("township", "community"), ("county", "township")):
        for parent in city.areas[city.areas["level"] == level].itertuples():
            own = city.areas[
                (city.areas["level"] == below) & (city.areas["parent_code"] == parent.code)
            ].geometry.to_numpy()
            assert shapely.coverage_is_valid(own)
            assert shapely.equals(shapely.coverage_union_all(own), parent.geometry)
            assert _vertices([parent.geometry]) <= _vertices(own)


def test_borders_share_every_vertex(city: DemoCity) -> None:
    """A vertex that lies on a neighbour's border is a vertex of the neighbour too."""
    grids = city.grids.geometry.to_numpy()
    vertices = shapely.points(np.array(sorted(_vertices(grids))))
    point, grid = shapely.STRtree(grids).query(vertices, predicate="intersects")
    own = [_vertices([polygon]) for polygon in grids]
    for p, g in zip(point, grid, strict=True):
        assert (vertices[p].x, vertices[p].y) in own[g]


def test_codes_belong_to_no_province_and_follow_the_standard(city: DemoCity) -> None:
    # No province begins with 99 (GB/T 2260).
    assert city.areas["code"].str.startswith("99").all()
    assert city.grids["grid_code"].str.fullmatch(r"\d{15}").all()
    assert (city.grids["grid_code"].str[:12] == city.grids["community_code"]).all()
    for community, own in city.grids.groupby("community_code"):
        assert sorted(own["grid_code"]) == [f"{community}{k:03d}" for k in range(1, 6)]
    assert set(city.grids["kind"]) <= set(GRID_KINDS)


def test_its_grids_pass_the_checks_of_an_import(city: DemoCity) -> None:
    """No overlap, gap, sliver, wrong code or wrong order; parks and works have few households."""
    drafts = [
        GridDraft(
            row=row, grid_code=grid.grid_code, name=grid.name, kind=grid.kind,
            community_code=grid.community_code, person_in_charge=grid.person_in_charge,
            contact=None, household_count=int(grid.household_count),
            geometry=shapely.MultiPolygon([grid.geometry]),
        )
        for row, grid in enumerate(city.grids.itertuples(), start=1)
    ]  # fmt: skip
    communities = city.areas[city.areas["level"] == "community"].set_index("code")[["geometry"]]
    faults = check_grids(
        drafts,
        standard=CodeStandard.DB11T2157,
        limits=FaultLimits(),
        standing=gpd.GeoDataFrame({"community_code": []}, geometry=[], crs="EPSG:4326"),
        communities=communities,
    )
    assert {fault.kind for fault in faults} <= {FaultKind.HOUSEHOLDS_UNUSUAL}


def test_grids_have_people_in_charge_whom_nobody_can_be(city: DemoCity) -> None:
    people = city.grids["person_in_charge"]
    assert people.is_unique
    assert people.str.startswith("示例·").all()
    assert len({person_in_charge(k) for k in range(120)}) == 120


def test_most_grids_have_300_to_500_households(city: DemoCity) -> None:
    households = city.grids["household_count"]
    assert ((households >= 300) & (households <= 500)).mean() > 0.6
    assert (households >= 0).all()


def test_every_address_lies_in_its_grid_and_nowhere_else(city: DemoCity) -> None:
    joined = gpd.sjoin(
        city.addresses[["grid_code", "geometry"]],
        city.grids[["grid_code", "geometry"]],
        predicate="intersects",
    )
    assert len(joined) == len(city.addresses)
    assert (joined["grid_code_left"] == joined["grid_code_right"]).all()


def test_addresses_are_distinct_and_whole(city: DemoCity) -> None:
    addresses = city.addresses
    assert not addresses.duplicated(list(ADDRESS_COMPONENTS)).any()
    assert not addresses["address_text"].duplicated().any()
    assert addresses["source_ref"].is_unique
    assert (addresses["address_text"].str.startswith("示例省云汀市澄岚区")).all()
    for finer, coarser in (("room", "door"), ("entrance", "building"), ("building", "door")):
        assert (addresses.loc[addresses[finer] != "", coarser] != "").all()
    used = {level for level in ADDRESS_COMPONENTS if (addresses[level] != "").any()}
    assert used == set(ADDRESS_COMPONENTS)
    for form in ("号楼", "幢", "栋", "弄", "附", "一期", "西区", "单元", "层", "组"):
        assert addresses["address_text"].str.contains(form).any(), form


def test_its_components_are_what_the_parser_reads(city: DemoCity) -> None:
    """Below the (invented) divisions, the reading of the written text gives the bare values."""
    below = ADDRESS_COMPONENTS[6:]
    sample = city.addresses.iloc[::211]
    for row in sample.to_dict("records"):
        text = row["address_text"].split("街道")[-1].split("杏溪镇")[-1].split("开发区")[-1]
        got = parse("浙江省杭州市西湖区" + text).components()
        wanted = {level: row[level] for level in below if row[level]}
        assert {level: got[level] for level in below if level in got} == wanted, text


def test_buildings_stand_apart_and_off_the_streets(city: DemoCity) -> None:
    outlines = city.buildings.geometry.to_numpy()
    tree = shapely.STRtree(outlines)
    assert tree.query(outlines, predicate="overlaps").size == 0
    streets = city.roads.geometry.to_numpy()
    assert tree.query(streets, predicate="intersects").size == 0


def test_street_network_is_one_piece(city: DemoCity) -> None:
    """Junctions are shared vertices: from every street one can drive to every other."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    lines = city.roads.geometry.to_numpy()
    ends = np.vstack([shapely.get_coordinates(line)[[0, -1]] for line in lines])
    _, node = np.unique(ends, axis=0, return_inverse=True)
    node = node.reshape(-1, 2)
    graph = coo_array((np.ones(len(node)), (node[:, 0], node[:, 1])), shape=(node.max() + 1,) * 2)
    count, _ = connected_components(graph, directed=False)
    assert count == 1


def test_land_can_be_drawn(city: DemoCity) -> None:
    assert set(city.land["kind"]) == {"water", "green", "built"}
    assert {"water", "green"} <= set(BASEMAP_KINDS)
    assert "river" in set(city.land["feature_class"])


def test_names_are_drawn_once() -> None:
    drawer = NameDrawer(np.random.default_rng(0))
    stems = [drawer.stem() for _ in range(600)]
    assert len(set(stems)) == 600


def _vertices(geometries: object) -> set[tuple[float, float]]:
    return set(map(tuple, shapely.get_coordinates(geometries).tolist()))
