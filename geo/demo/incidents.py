"""Two years of incidents of the demo city, with structure that statistics can find.

Planted, and told in `Planted`: markets, a square and a street of bars that are busier than chance;
a hotspot of stolen e-bikes that moves across the city in the two years; burglaries followed by
others near by within days; homes with dispute after dispute; noise round a building site in the
last nine weeks; calls told twice. Officers find things near their stations. No person is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.demo.city import CENTRE, DemoCity, stage_streams
from geo.demo.incident_kinds import KINDS, IncidentKind
from geo.demo.incident_places import IncidentPlaces, Planted
from geo.demo.plane import FloatArray

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = 730
OFFSPRING = 0.5  # burglaries that follow one, in the mean
OFFSPRING_DELAY_D, OFFSPRING_REACH_M = 5.0, 60.0
SITE_DAYS, SITE_COUNT, SITE_REACH_M = 63, 110, 220.0
REPEAT_DAYS = 320  # the repeated disputes began so long ago
TOLD_TWICE, TOLD_TWICE_LATELY = 50, 8
OPEN_DAYS = 3  # what is younger may still be open

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DemoIncidents:
    """Generated incidents.

    `rows` : by `reported_at`; columns `source_ref`, `category_code`, `source`, `status`,
        `reported_at`, `occurred_from`, `occurred_to`, `dispatched_at`, `arrived_at`, `cleared_at`
        [UTC, missing where it hasn't happened], `address_text`, `address_ref` (the address's
        `source_ref`, missing where it has a point in the street only), `lon`, `lat` [WGS 84],
        `duplicate_of` (a `source_ref`, missing where it is none, or nobody has decided)
    `planted` : what was put in on purpose
    """

    rows: pd.DataFrame
    planted: Planted


def generate_incidents(city: DemoCity, *, today: date, zone: ZoneInfo = ZONE) -> DemoIncidents:
    """Return the incidents of the two years before `today`; the same city and day give the same.

    Nothing is of today or later. Days and hours are those of `zone`.
    """
    stage = stage_streams(city.seed)
    places = IncidentPlaces(city, CENTRE, stage("incident places"))
    maker = _Maker(places, stage("incidents"), today, zone)
    drawn = [maker.of_kind(kind) for kind in KINDS]
    drawn += [maker.after_burglaries(drawn[0]), maker.disputes(), maker.round_site()]
    rows = maker.told(pd.concat(drawn, ignore_index=True))
    return DemoIncidents(_written(rows, places, city), places.planted)


class _Maker:
    """Draws when and where, kind by kind, from one stream of numbers."""

    def __init__(
        self, places: IncidentPlaces, rng: np.random.Generator, today: date, zone: ZoneInfo
    ) -> None:
        self.places, self.rng, self.today, self.zone = places, rng, today, zone
        self.first = today - timedelta(days=DAYS)
        self.kind_of = {kind.code: kind for kind in KINDS}
        days = pd.date_range(self.first, periods=DAYS)
        self.weekday, self.month = days.day_of_week.to_numpy(), days.month.to_numpy() - 1

    def of_kind(self, kind: IncidentKind) -> pd.DataFrame:
        weight = np.array(kind.week)[self.weekday] * np.array(kind.year)[self.month]
        expected = kind.a_year * DAYS / 365.25 * weight / weight.sum()
        day = np.repeat(np.arange(DAYS), self.rng.poisson(expected))
        where = self.rng.choice(len(kind.places), len(day), p=[share for _, share in kind.places])
        spot = np.empty(len(day), dtype=np.int64)
        for at, (name, _) in enumerate(kind.places):
            here = where == at
            spot[here] = self.places.draw(name, day[here] / DAYS)
        return self.frame(kind, day, spot)

    def frame(self, kind: IncidentKind, day: Ints, spot: Ints) -> pd.DataFrame:
        """Give incidents of known days and spots their hour, source and the rest of a kind."""
        count = len(day)
        sources = ("officer_initiated", "transferred", "sensor", "resident_reported")
        shares = [kind.officer, kind.transferred, kind.sensor]
        source = self.rng.choice(sources, count, p=[*shares, 1 - sum(shares)])
        by_officers = source == "officer_initiated"
        spot = spot.copy()
        if by_officers.any():
            spot[by_officers] = self.places.draw_by_station(spot[by_officers])
        at_address = (self.rng.random(count) < kind.at_address) & (spot < self.places.address_count)
        hour = self.hours(kind, count)
        return pd.DataFrame(
            {
                "category_code": kind.code, "source": source, "day": day, "hour": hour,
                "spot": spot, "at_address": at_address, "off_m": np.where(at_address, 0.0, 14.0),
                "is_disputed": False, "twin": -1,
            }
        )  # fmt: skip

    def hours(self, kind: IncidentKind, count: int) -> FloatArray:
        shares = [share for _, _, share in kind.hours]
        peak = self.rng.choice(len(shares) + 1, count, p=[*shares, max(1 - sum(shares), 0.0)])
        hour = self.rng.uniform(0, 24, count)
        for at, (middle, spread, _) in enumerate(kind.hours):
            here = peak == at
            hour[here] = self.rng.normal(middle, spread, int(here.sum()))
        return hour  # may reach over midnight: of Friday night is Saturday's small hours

    def after_burglaries(self, first: pd.DataFrame) -> pd.DataFrame:
        """Burglaries near by within days of others, and after those again."""
        days: list[int] = []
        spots: list[int] = []
        parents = list(zip(first["day"].tolist(), first["spot"].tolist(), strict=True))
        while parents:
            next_: list[tuple[int, int]] = []
            for (day, spot), children in zip(
                parents, self.rng.poisson(OFFSPRING, len(parents)), strict=True
            ):
                for _ in range(int(children)):
                    later = day + 1 + int(self.rng.exponential(OFFSPRING_DELAY_D))
                    if later < DAYS:
                        next_.append((later, self.places.near_home(spot, OFFSPRING_REACH_M)))
            days += [day for day, _ in next_]
            spots += [spot for _, spot in next_]
            parents = next_
        kind = self.kind_of["theft_burglary"]
        return self.frame(kind, np.array(days, dtype=int), np.array(spots, dtype=int))

    def disputes(self) -> pd.DataFrame:
        """Disputes at some homes that come back, faster and faster."""
        found = []
        for at, home in enumerate(self.places.disputed):
            count = int(self.rng.integers(7, 15))
            ago = np.sort(REPEAT_DAYS * self.rng.random(count) ** 1.6)[::-1]
            code = ("dispute_family", "dispute_neighbour")[at % 2]
            drawn = self.frame(
                self.kind_of[code], (DAYS - 1 - ago.astype(int)), np.full(count, home)
            )
            # At this home, whoever told it.
            found.append(drawn.assign(spot=home, at_address=True, off_m=0.0, is_disputed=True))
        return pd.concat(found, ignore_index=True)

    def round_site(self) -> pd.DataFrame:
        """Noise by night round a building site that began nine weeks ago."""
        kind = self.kind_of["nuisance_noise"]
        day = DAYS - 1 - self.rng.integers(0, SITE_DAYS, SITE_COUNT)
        spot = self.places.near_site(SITE_COUNT, SITE_REACH_M)
        drawn = self.frame(kind, day, spot)
        return drawn.assign(
            source="resident_reported", spot=spot, hour=self.rng.normal(24.0, 1.5, SITE_COUNT)
        )

    def told(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """Give each its times and status, add the calls told twice, and leave out today."""
        rng = self.rng
        midnight = pd.Timestamp(self.first, tz=self.zone)
        began = midnight + pd.to_timedelta(drawn["day"] * 24 + drawn["hour"], unit="h")
        known = drawn["category_code"].map(
            {kind.code: kind.stretch_h for kind in KINDS if kind.stretch_h is not None}
        )
        stretch = np.array([rng.uniform(*one) if isinstance(one, tuple) else 0.0 for one in known])
        rows = drawn.assign(
            occurred_from=began - pd.to_timedelta(stretch / 2, unit="h"),
            occurred_to=began + pd.to_timedelta(stretch / 2, unit="h"),
        )
        # What was found out later waits longer.
        wait_min = rng.gamma(1.5, np.where(stretch > 0, 40.0, 4.0))
        rows["reported_at"] = rows["occurred_to"] + pd.to_timedelta(wait_min, unit="min")
        rows = pd.concat([rows, self.told_twice(rows)], ignore_index=True)
        rows["dispatched_at"] = rows["reported_at"] + self.minutes(1.6, 0.5, len(rows))
        rows["arrived_at"] = rows["dispatched_at"] + self.minutes(7.5, 0.45, len(rows))
        rows["cleared_at"] = rows["arrived_at"] + self.minutes(28.0, 0.7, len(rows))
        # Officers who find something are there.
        on_the_spot = rows["source"] == "officer_initiated"
        for name in ("dispatched_at", "arrived_at"):
            rows.loc[on_the_spot, name] = rows.loc[on_the_spot, "reported_at"]
        end = pd.Timestamp(self.today, tz=self.zone)
        rows = rows[(rows["reported_at"] < end) & (rows["occurred_from"] >= midnight)]
        rows = self.with_status(rows.copy(), end)
        for name in TIMES:
            rows[name] = rows[name].dt.tz_convert("UTC").dt.floor("s").astype("datetime64[us, UTC]")
        return rows.sort_values(["reported_at", "spot", "category_code"], kind="stable")

    def told_twice(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The same again, told by somebody else some minutes later, a few steps away."""
        fits = rows[
            rows["category_code"].isin(["violence_fight", "nuisance_noise", "traffic_collision"])
            & (rows["source"] == "resident_reported")
        ]
        lately = fits.index[fits["day"] >= DAYS - 14]
        before = fits.index[fits["day"] < DAYS - 14]
        chosen = np.concatenate(
            [
                self.rng.choice(before, TOLD_TWICE, replace=False),
                self.rng.choice(lately, TOLD_TWICE_LATELY, replace=False),
            ]
        )
        again = rows.loc[chosen].copy()
        later = pd.to_timedelta(self.rng.uniform(2, 25, len(again)), unit="min")
        for name in ("occurred_from", "occurred_to", "reported_at"):
            again[name] = again[name] + later
        return again.assign(at_address=False, off_m=8.0, twin=chosen)

    def minutes(self, middle: float, sigma: float, count: int) -> pd.TimedeltaIndex:
        return pd.to_timedelta(middle * self.rng.lognormal(0.0, sigma, count), unit="min")

    def with_status(self, rows: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
        """Nearly all is closed; the latest of the repeated disputes aren't."""
        age_d = (end - rows["reported_at"]).dt.total_seconds() / 86_400
        draw = self.rng.random(len(rows))
        is_open = (age_d < OPEN_DAYS) & (draw < 0.45) | (draw < 0.002)
        is_open |= rows["is_disputed"] & (age_d < 60)
        is_open |= rows["cleared_at"] >= end
        rows["status"] = np.where(is_open, "open", np.where(draw > 0.993, "annulled", "closed"))
        for name in ("dispatched_at", "arrived_at", "cleared_at"):
            rows[name] = rows[name].where(rows[name] < end)
        rows["cleared_at"] = rows["cleared_at"].where(rows["status"] != "open")
        # A pair that is two weeks old has been looked at and decided.
        rows["is_decided"] = (rows["twin"] >= 0) & (age_d >= 14)
        return rows


TIMES = (
    "reported_at", "occurred_from", "occurred_to", "dispatched_at", "arrived_at", "cleared_at",
)  # fmt: skip


def _written(rows: pd.DataFrame, places: IncidentPlaces, city: DemoCity) -> pd.DataFrame:
    """Return the rows as they are stored: references, texts, points."""
    rows = rows.assign(source_ref=[f"demo-{k:06d}" for k in range(len(rows))])
    spot = rows["spot"].to_numpy()
    rng = np.random.default_rng(city.seed)
    off_m = rng.normal(0.0, 1.0, (len(rows), 2)) * rows["off_m"].to_numpy()[:, None]
    lonlat = CENTRE.to_lonlat(places.xy_m[spot] + off_m)
    at_address = rows["at_address"].to_numpy()
    refs = np.array([*city.addresses["source_ref"], None], dtype=object)
    near = [places.texts[one] for one in spot]
    first_of = rows["source_ref"].to_dict()  # by position in what was drawn
    twins = [
        first_of.get(twin) if decided else None
        for twin, decided in zip(rows["twin"], rows["is_decided"], strict=True)
    ]
    return pd.DataFrame(
        {
            "source_ref": rows["source_ref"],
            "category_code": rows["category_code"],
            "source": rows["source"],
            "status": rows["status"],
            **{name: rows[name] for name in TIMES},
            "address_text": [
                text if at else f"{text}附近" for text, at in zip(near, at_address, strict=True)
            ],
            "address_ref": refs[np.where(at_address, spot, -1)],
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
            "duplicate_of": twins,
        }
    ).reset_index(drop=True)
