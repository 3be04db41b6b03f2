"""The inner loop of `match_clear`, compiled: the best row of a few sites, and the next best."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.site_kernels import (
    find_hit_names,
    make_hash,
    name_points,
    points_of_keys,
    sum_readings,
)
from geo.compiling import compiled

Array = npt.NDArray[Any]


@compiled()
def best_and_next_row(
    sites: Array,
    borne: Array,
    name_ids: Array,
    quality: Array,
    weights: Array,
    level_weights: Array,
    costs: Array,
    key_of: Array,
    level_begin: Array,
    key_begin: Array,
    ids: Array,
    earned: Array,
    points: Array,
    site_names: Array,
    site_numbers: Array,
    site_begin: Array,
    row_tail: Array,
    site_mask: Array,
    row_mask: Array,
    says_tail: bool,
    enough: float,
) -> tuple[Any, Any, Any, Any, Any, Any, int]:
    """Return of the visible rows whose sites bear all names of `borne`: the row of the best score
    (-1 for none), its score, evidence and reading, the points of its site, the most evidence of
    any other row unless that is `enough` less than the best, and the number of sites.

    Sums are those of `find_sites` and `score_sites`, in the same order. Arrays are theirs, too.
    """
    n_readings, n_site_levels = len(costs), site_numbers.shape[1]
    n_levels = n_site_levels + row_tail.shape[1]
    of_key, unsaid = np.empty(len(key_begin), np.float32), np.empty(n_levels, np.float32)
    evidence, omitted = np.empty(n_readings, np.float32), np.empty(n_readings, np.float32)
    tail_evidence = np.empty(n_readings, np.float32)
    tail_omitted = np.empty(n_readings, np.float32)
    no_costs, most_of_tail = np.zeros(n_readings, np.float32), np.zeros(n_readings, np.float32)
    for reading in range(n_readings):
        for level in range(n_site_levels, n_levels):
            key = key_of[reading, level]
            if key >= 0 and key_begin[key] < key_begin[key + 1]:
                most = np.float32(0)
                for at in range(key_begin[key], key_begin[key + 1]):
                    most = max(most, earned[at])
                most_of_tail[reading] += most
    hashed = make_hash(name_ids)
    turns, places = np.zeros(len(name_ids), np.int64), np.empty((site_names.shape[1], 2), np.int64)
    least = np.float32(-1e30)
    n_sites = 0
    best_row: Any = np.int64(-1)
    best_reading: Any = np.int64(0)
    best_score, best_evidence, best_whole, best_site = least, least, least, least
    second = least
    for site in sites:
        if len(site_mask) > 0 and not site_mask[site]:
            continue
        bears_all = True
        for name in borne:
            bears = False
            for level in range(site_names.shape[1]):
                bears |= site_names[site, level] == name
            bears_all &= bears
        if not bears_all:
            continue
        n_sites += 1
        n_places, _ = find_hit_names(site_names, site, hashed, turns, places)
        names = name_points(places, n_places, quality, weights, level_weights)
        points_of_keys(
            site_numbers, site, 0, level_begin, key_begin, ids, earned, points, of_key, unsaid
        )
        numbers = sum_readings(0, n_site_levels, costs, key_of, of_key, unsaid, evidence, omitted)
        most = least
        for reading in range(n_readings):
            most = max(most, evidence[reading] + most_of_tail[reading])
        if names + most < best_evidence - np.float32(enough):
            continue
        for row in range(site_begin[site], site_begin[site + 1]):
            if len(row_mask) > 0 and not row_mask[row]:
                continue
            points_of_keys(
                row_tail, row, n_site_levels, level_begin, key_begin, ids, earned, points, of_key,
                unsaid,
            )  # fmt: skip
            sum_readings(
                n_site_levels, n_levels, no_costs, key_of, of_key, unsaid, tail_evidence,
                tail_omitted,
            )  # fmt: skip
            row_score, row_evidence, row_whole = least, least, least
            row_reading: Any = np.int64(0)
            for reading in range(n_readings):
                whole = tail_evidence[reading] + (evidence[reading] + names)
                score = whole + tail_omitted[reading] + omitted[reading]
                row_whole = max(row_whole, whole)
                if score > row_score:
                    row_score, row_evidence, row_reading = score, whole, reading
            if row_score > best_score:
                second = max(second, best_whole)
                best_row, best_reading, best_site = row, row_reading, names + numbers
                best_score, best_evidence, best_whole = row_score, row_evidence, row_whole
            else:
                second = max(second, row_whole)
            if not says_tail:
                break  # rows of a site stand by tail: the first visible one speaks for all
    return best_row, best_score, best_evidence, best_reading, best_site, second, n_sites
