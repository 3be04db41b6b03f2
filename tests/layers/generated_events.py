"""A generated city of events with known structure: what truth the hotspot tests are held to."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pandas as pd

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)
START = pd.Timestamp("2024-01-01T00:00:00Z")


def city(rings: int = 18) -> np.ndarray:
    """Return the cells of a round city, ascending."""
    return np.array(sorted(h3.grid_disk(CENTRE, rings)), dtype=np.int64)


def true_rates(cells: np.ndarray, random: np.random.Generator, *, a_day: float) -> np.ndarray:
    """Return events a day of each cell: three centres, and places that differ within them."""
    lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in cells])
    smooth = np.full(len(cells), 0.1)
    for _ in range(3):
        middle = lat_lon[random.integers(len(cells))]
        apart2 = ((lat_lon - middle) ** 2 * [1.0, 0.62]).sum(axis=1)
        smooth += np.exp(-apart2 / (2 * 0.008**2))
    rate = smooth * random.gamma(1.2, 1.0, len(cells))
    return rate * a_day / rate.sum()


def steady_events(
    cells: np.ndarray, rates: np.ndarray, days: float, random: np.random.Generator
) -> pd.DataFrame:
    """Return events that happen at these rates, each on its own."""
    counts = random.poisson(rates * days)
    cell = np.repeat(cells, counts)
    at = START + pd.to_timedelta(random.uniform(0, days, len(cell)), unit="D")
    return pd.DataFrame({"at": at, "h3_cell": cell, "category": "theft"})


def repeating_events(
    cells: np.ndarray,
    rates: np.ndarray,
    days: float,
    random: np.random.Generator,
    *,
    offspring: float = 0.6,
    mean_days: float = 6.0,
) -> pd.DataFrame:
    """Return events of which each brings on `offspring` more, here or next door, within days."""
    frame = steady_events(cells, rates * (1 - offspring), days, random)
    day = ((frame["at"] - START).dt.total_seconds() / 86_400).to_numpy()
    cell = frame["h3_cell"].to_numpy()
    known = set(cells.tolist())
    all_cells, all_days = [cell], [day]
    while len(cell):
        children = random.poisson(offspring, len(cell))
        day = np.repeat(day, children) + random.exponential(mean_days, children.sum())
        parents = np.repeat(cell, children)
        moved = random.random(len(parents)) < 0.4
        cell = np.array(
            [
                random.choice(h3.grid_ring(int(parent), 1)) if move else parent
                for parent, move in zip(parents, moved, strict=True)
            ],
            dtype=np.int64,
        )
        kept = (day < days) & np.array([int(one) in known for one in cell], dtype=bool)
        day, cell = day[kept], cell[kept]
        all_cells.append(cell)
        all_days.append(day)
    at = START + pd.to_timedelta(np.concatenate(all_days), unit="D")
    return pd.DataFrame({"at": at, "h3_cell": np.concatenate(all_cells), "category": "theft"})
