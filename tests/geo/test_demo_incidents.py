"""The demo city's incidents: two years, no persons, and the planted structure can be found."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from geo.demo import DemoCity, generate_city
from geo.demo.city import CENTRE
from geo.demo.incident_kinds import CATEGORIES, KINDS
from geo.demo.incidents import DAYS, ZONE, DemoIncidents, generate_incidents
from geo.h3_cells import lonlat_to_h3_cell
from layers.neighbours import h3_neighbours
from layers.statistics.local import getis_ord_gi_star, hot_and_cold_spots
from layers.statistics.near_repeat import knox_table

TODAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def city() -> DemoCity:
    return generate_city()


@pytest.fixture(scope="module")
def made(city: DemoCity) -> DemoIncidents:
    return generate_incidents(city, today=TODAY)


def of_kind(made: DemoIncidents, *codes: str) -> pd.DataFrame:
    rows = made.rows
    return rows[rows["category_code"].isin(codes)].reset_index(drop=True)


def metres(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(CENTRE.from_lonlat(rows[["lon", "lat"]].to_numpy()))


def away_m(rows: pd.DataFrame, lonlat: tuple[float, float]) -> np.ndarray:
    return np.asarray(np.hypot(*(metres(rows) - CENTRE.from_lonlat(np.array([lonlat]))).T))


def local(rows: pd.DataFrame, name: str = "occurred_from") -> pd.Series:
    return rows[name].dt.tz_convert(ZONE)


def test_two_years_of_sound_rows(made: DemoIncidents) -> None:
    rows = made.rows
    assert 15_000 < len(rows) < 30_000
    assert not rows["source_ref"].duplicated().any()
    assert rows["reported_at"].is_monotonic_increasing
    assert local(rows, "reported_at").max().date() < TODAY
    assert local(rows).min().date() >= TODAY - timedelta(days=DAYS)
    for earlier, later in (
        ("occurred_from", "occurred_to"), ("occurred_to", "reported_at"),
        ("reported_at", "dispatched_at"), ("dispatched_at", "arrived_at"),
        ("arrived_at", "cleared_at"),
    ):  # fmt: skip
        assert (rows[later].dropna() >= rows[earlier].loc[rows[later].notna()]).all(), later
    # What is closed was cleared; hardly anything old is open.
    assert rows.loc[rows["status"] == "closed", "cleared_at"].notna().all()
    assert set(rows["category_code"]) == {kind.code for kind in KINDS}
    assert {kind.code for kind in KINDS} < {category.code for category in CATEGORIES}
    officers = (rows["source"] == "officer_initiated").mean()
    assert 0.05 < officers < 0.2
    # It takes minutes to arrive, not seconds or days.
    taken = (rows["arrived_at"] - rows["reported_at"]).dt.total_seconds()
    assert 300 < taken[rows["source"] == "resident_reported"].median() < 1_200


def test_the_same_seed_and_day_give_the_same(city: DemoCity, made: DemoIncidents) -> None:
    assert generate_incidents(city, today=TODAY).rows.equals(made.rows)


def test_no_column_tells_of_a_person(made: DemoIncidents) -> None:
    assert set(made.rows) == {
        "source_ref", "category_code", "source", "status", "reported_at", "occurred_from",
        "occurred_to", "dispatched_at", "arrived_at", "cleared_at", "address_text", "address_ref",
        "lon", "lat", "duplicate_of",
    }  # fmt: skip


def test_knox_finds_that_burglaries_are_followed_by_others_near_by(made: DemoIncidents) -> None:
    def table(code: str) -> tuple[float, float]:
        rows = of_kind(made, code)
        day = rows["occurred_from"].astype("int64").to_numpy() / 86_400e6
        found = knox_table(
            *metres(rows).T, day, random=np.random.default_rng(1),
            distances_m=(60.0, 200.0), days=(7.0, 14.0, 28.0), n_permutations=99,
        )  # fmt: skip
        return float(found.ratio[0, 0]), float(found.p[0, 0])

    ratio, p = table("theft_burglary")
    assert ratio > 1.5 and p <= 0.02
    ratio, _ = table("fraud_telecom")  # nothing was planted there
    assert ratio < 1.25


def test_gi_star_finds_the_street_of_bars(made: DemoIncidents) -> None:
    fights = of_kind(made, "violence_fight")
    everywhere = lonlat_to_h3_cell(made.rows["lon"], made.rows["lat"], 10)
    cells = np.unique(everywhere)
    held = lonlat_to_h3_cell(fights["lon"], fights["lat"], 10)
    counts = np.bincount(np.searchsorted(cells, held), minlength=len(cells)).astype(float)
    neighbours = h3_neighbours(cells)
    spots = hot_and_cold_spots(getis_ord_gi_star(counts, neighbours), counts, neighbours)
    lon, lat = made.planted.bar_street_at
    at = int(np.searchsorted(cells, lonlat_to_h3_cell(lon, lat, 10)))
    assert spots.is_hot[at]
    assert 0 < spots.is_hot.sum() < len(cells) / 5


def test_hours_weekdays_and_seasons(made: DemoIncidents) -> None:
    fights = local(of_kind(made, "violence_fight"))
    late = (fights.dt.hour >= 20) | (fights.dt.hour < 4)
    assert late.mean() > 0.7
    crashes = local(of_kind(made, "traffic_collision"))
    rush = crashes.dt.hour.isin([7, 8, 9, 17, 18, 19])
    assert rush.mean() > 0.5
    bikes = local(of_kind(made, "theft_ebike")).dt.month
    assert bikes.isin([6, 7, 8]).mean() > 1.8 * bikes.isin([12, 1, 2]).mean()
    pockets = of_kind(made, "theft_pickpocket")
    at_markets = np.min([away_m(pockets, one) for one in made.planted.markets_at], axis=0) < 160
    assert at_markets.mean() > 0.4


def test_one_hotspot_moves_through_the_city(made: DemoIncidents) -> None:
    bikes = of_kind(made, "theft_ebike")
    early = local(bikes) < pd.Timestamp(TODAY - timedelta(days=600), tz=ZONE)
    late = local(bikes) > pd.Timestamp(TODAY - timedelta(days=130), tz=ZONE)
    first, last = made.planted.moving_from, made.planted.moving_to

    def near(which: pd.Series, point: tuple[float, float]) -> float:
        return float((away_m(bikes[which], point) < 500).mean())

    assert near(early, first) > 3 * near(late, first)
    assert near(late, last) > 3 * near(early, last)


def test_disputes_come_back_and_some_are_open(made: DemoIncidents) -> None:
    rows = made.rows[made.rows["address_ref"].isin(made.planted.disputed_refs)]
    disputes = rows[rows["category_code"].str.startswith("dispute")]
    counts = disputes["address_ref"].value_counts()
    assert len(counts) == len(made.planted.disputed_refs) and counts.min() >= 6
    assert (disputes["status"] == "open").any()


def test_noise_grew_round_the_building_site(made: DemoIncidents) -> None:
    noise = of_kind(made, "nuisance_noise")
    there = away_m(noise, made.planted.building_site_at) < 250
    lately = local(noise) > pd.Timestamp(TODAY - timedelta(days=60), tz=ZONE)
    before = ~lately & (local(noise) > pd.Timestamp(TODAY - timedelta(days=120), tz=ZONE))
    assert (there & lately).sum() > 4 * max((there & before).sum(), 1)


def test_some_calls_are_told_twice(made: DemoIncidents) -> None:
    rows = made.rows.set_index("source_ref")
    told = rows[rows["duplicate_of"].notna()]
    assert 30 < len(told) < 80
    first = rows.loc[told["duplicate_of"]]
    apart = (told["occurred_from"].to_numpy() - first["occurred_from"].to_numpy()) / pd.Timedelta(
        minutes=1
    )
    assert (apart > 0).all() and (apart < 60).all()
    assert (told["category_code"].to_numpy() == first["category_code"].to_numpy()).all()


def test_officers_find_things_near_their_stations(city: DemoCity, made: DemoIncidents) -> None:
    police = city.places[city.places["feature_class"] == "police"].geometry
    stations = [(point.x, point.y) for point in police]
    away = np.min([away_m(made.rows, one) for one in stations], axis=0)
    by_officers = (made.rows["source"] == "officer_initiated").to_numpy()
    assert np.median(away[by_officers]) < 0.7 * np.median(away[~by_officers])
