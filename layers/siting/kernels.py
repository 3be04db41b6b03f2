"""The compiled loops behind siting: greedy choice with swaps, and Lagrangian bounds.

Cover, once or in expectation: k units that reach a cell in time are worth `demand * sum of the
first k gains`. With gains 1, 0, 0, … that is maximal covering (Church, ReVelle 1974); with (1 - q)
q^(k - 1) maximal expected covering with a busy fraction q (Daskin 1983). Bounds by subgradient:
Held, Wolfe, Crowder 1974; for the p-median Narula, Ogbu, Samuelsson 1977; swaps for it: Whitaker
1983.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Floats = NDArray[np.float64]
Times = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

PATIENCE = 100  # rounds without a better bound before steps are halved
DRIFT = 0.7  # share of the last course that a subgradient step keeps; Crowder 1976
EASE = 1e-9  # [of the demand]: what is better by less is the same


@compiled(nogil=True)
def improve_cover(
    site_first: Longs, site_cell: Ints, cell_first: Longs, cell_site: Ints, demand: Floats,
    gains: Floats, units: Ints, least: Ints, most: Ints, wanted: int, kicks: int, draws: Floats,
) -> float:  # fmt: skip
    """Put units at sites: greedily, then swapped while that helps, then shaken and swapped again.

    units : (m,) at each site, changed in place; `least` and `most` bound it
    wanted : units in all
    draws : random numbers from 0 to less than 1, used in turn
    """
    drawn = 0
    m = len(units)
    n = len(demand)
    count = np.zeros(n, np.int32)
    placed, total = 0, 0.0
    for site in range(m):
        for _ in range(units[site]):
            placed += 1
            for at in range(site_first[site], site_first[site + 1]):
                cell = site_cell[at]
                total += demand[cell] * gains[count[cell]]
                count[cell] += 1
    gain = np.zeros(m)
    for site in range(m):
        for at in range(site_first[site], site_first[site + 1]):
            gain[site] += demand[site_cell[at]] * gains[count[site_cell[at]]]
    best_units, best_total = units.copy(), -1.0
    whole = demand.sum()
    extra = np.zeros(m)
    movable = np.empty(wanted + 1, np.int32)
    for kick in range(kicks + 1):
        # Fill up greedily.
        while placed < wanted:
            best = -1
            for site in range(m):
                if units[site] < most[site] and (best < 0 or gain[site] > gain[best]):
                    best = site
            if best < 0:
                break
            total += gain[best]
            units[best] += 1
            placed += 1
            for at in range(site_first[best], site_first[best + 1]):
                cell = site_cell[at]
                step = demand[cell] * (gains[count[cell] + 1] - gains[count[cell]])
                count[cell] += 1
                if step != 0.0:
                    for other in range(cell_first[cell], cell_first[cell + 1]):
                        gain[cell_site[other]] += step
        improved = True
        while improved:
            improved = False
            for out in range(m):
                if units[out] <= least[out]:
                    continue
                loss = 0.0
                extra[:] = 0.0
                for at in range(site_first[out], site_first[out + 1]):
                    cell = site_cell[at]
                    loss += demand[cell] * gains[count[cell] - 1]
                    step = demand[cell] * (gains[count[cell] - 1] - gains[count[cell]])
                    if step != 0.0:
                        for other in range(cell_first[cell], cell_first[cell + 1]):
                            extra[cell_site[other]] += step
                best = -1
                for site in range(m):
                    if site == out or units[site] >= most[site]:
                        continue
                    if best < 0 or gain[site] + extra[site] > gain[best] + extra[best]:
                        best = site
                if best < 0 or gain[best] + extra[best] <= loss + EASE * whole:
                    continue
                total += gain[best] + extra[best] - loss
                units[out] -= 1
                for at in range(site_first[out], site_first[out + 1]):
                    cell = site_cell[at]
                    step = demand[cell] * (gains[count[cell] - 1] - gains[count[cell]])
                    count[cell] -= 1
                    if step != 0.0:
                        for other in range(cell_first[cell], cell_first[cell + 1]):
                            gain[cell_site[other]] += step
                units[best] += 1
                for at in range(site_first[best], site_first[best + 1]):
                    cell = site_cell[at]
                    step = demand[cell] * (gains[count[cell] + 1] - gains[count[cell]])
                    count[cell] += 1
                    if step != 0.0:
                        for other in range(cell_first[cell], cell_first[cell + 1]):
                            gain[cell_site[other]] += step
                improved = True
        if total > best_total + EASE * whole:
            best_total = total
            best_units[:] = units
        elif total < best_total:
            # Back to the best: take all out that it has not, then the fill puts the rest in.
            for site in range(m):
                while units[site] != best_units[site]:
                    sign = 1 if units[site] < best_units[site] else -1
                    for at in range(site_first[site], site_first[site + 1]):
                        cell = site_cell[at]
                        before = count[cell]
                        after = before + sign
                        total += demand[cell] * (gains[before] if sign > 0 else -gains[after])
                        step = demand[cell] * (gains[after] - gains[before])
                        count[cell] = after
                        if step != 0.0:
                            for other in range(cell_first[cell], cell_first[cell + 1]):
                                gain[cell_site[other]] += step
                    units[site] += sign
                    placed += sign
        if kick == kicks:
            break
        # Shake: two or three units out at random; the fill may not put back the same ones at once.
        free = 0
        for site in range(m):
            if units[site] > least[site]:
                movable[free] = site
                free += 1
        for _ in range(min(2 + kick % 2, free)):
            site = movable[int(draws[drawn % len(draws)] * free)]
            drawn += 1
            if units[site] <= least[site]:
                continue
            units[site] -= 1
            placed -= 1
            for at in range(site_first[site], site_first[site + 1]):
                cell = site_cell[at]
                step = demand[cell] * (gains[count[cell] - 1] - gains[count[cell]])
                count[cell] -= 1
                total -= demand[cell] * gains[count[cell]]
                if step != 0.0:
                    for other in range(cell_first[cell], cell_first[cell + 1]):
                        gain[cell_site[other]] += step
        # One in at random, so that the search begins elsewhere.
        site = int(draws[drawn % len(draws)] * m)
        drawn += 1
        if units[site] < most[site] and placed < wanted:
            total += gain[site]
            units[site] += 1
            placed += 1
            for at in range(site_first[site], site_first[site + 1]):
                cell = site_cell[at]
                step = demand[cell] * (gains[count[cell] + 1] - gains[count[cell]])
                count[cell] += 1
                if step != 0.0:
                    for other in range(cell_first[cell], cell_first[cell + 1]):
                        gain[cell_site[other]] += step
    units[:] = best_units
    return best_total


@compiled(nogil=True)
def bound_cover(
    site_first: Longs, site_cell: Ints, demand: Floats, gains: Floats, least: Ints, most: Ints,
    wanted: int, known: float, rounds: int, price: Floats, value: Floats,
) -> float:  # fmt: skip
    """Return an upper bound of what `wanted` units can cover; prices and values are left behind.

    Each cell pays a price for a unit that reaches it; a site is worth the prices it earns. The best
    prices make the bound that of the linear relaxation.

    known : what a plan is known to reach; price : (n,) where to begin, and the best found;
    value : (m,) what a unit at each site earns at those prices
    """
    m, n = len(least), len(demand)
    best, step = np.inf, 1.5
    lately = 0
    now = price.copy()
    worth = np.empty(m)
    chosen = np.empty(m, np.int32)
    slope, course = np.empty(n), np.zeros(n)
    levels = len(gains)
    for _ in range(rounds):
        for site in range(m):
            earned = 0.0
            for at in range(site_first[site], site_first[site + 1]):
                earned += now[site_cell[at]]
            worth[site] = earned
        order = np.argsort(-worth)
        left = wanted
        total = 0.0
        for site in range(m):
            chosen[site] = least[site]
            left -= least[site]
            total += least[site] * worth[site]
        for at in range(m):
            site = order[at]
            if left <= 0:
                break
            taken = min(left, most[site] - least[site])
            chosen[site] += taken
            left -= taken
            total += taken * worth[site]
        for cell in range(n):
            slope[cell] = 0.0
        for site in range(m):
            if chosen[site] > 0:
                for at in range(site_first[site], site_first[site + 1]):
                    slope[site_cell[at]] += chosen[site]
        norm = 0.0
        for cell in range(n):
            for level in range(levels):
                over = demand[cell] * gains[level] - now[cell]
                if over <= 0:
                    break
                total += over
                slope[cell] -= 1.0
            # The course keeps some of the last one, so that it doesn't swing from side to side.
            course[cell] = slope[cell] + DRIFT * course[cell]
            norm += course[cell] * course[cell]
        if total < best:
            if best == np.inf or total < best - 1e-5 * abs(best):
                lately = 0
            best = total
            price[:] = now
            value[:] = worth
        lately += 1
        if lately > PATIENCE:
            step /= 2
            lately = 0
            now[:] = price
            course[:] = 0.0
            if step < 1e-3:
                break
            continue
        if norm == 0.0 or total <= known * (1 + 1e-12):
            break
        length = step * max(total - known, 1e-6 * abs(total)) / norm
        for cell in range(n):
            now[cell] = min(max(now[cell] - length * course[cell], 0.0), demand[cell] * gains[0])
    return best


@compiled(nogil=True)
def improve_median(
    cost: Times, demand: Floats, is_open: NDArray[np.bool_], is_fixed: NDArray[np.bool_],
    may_open: NDArray[np.bool_], wanted: int, kicks: int, draws: Floats,
) -> float:  # fmt: skip
    """Open sites so that the demand's total time is least: greedily, then by swaps, then shaken.

    cost : (n_cells, m_sites) time [s]; is_open : (m,) changed in place; draws : as of
    `improve_cover`
    """
    drawn = 0
    n, m = cost.shape
    first, second = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    save, loss = np.zeros(m), np.zeros(m)
    opened = is_open.sum()
    while opened < wanted:
        save[:] = 0.0
        for cell in range(n):
            now = np.inf if first[cell] < 0 else cost[cell, first[cell]]
            if opened > 0 and first[cell] < 0:
                for site in range(m):
                    if is_open[site] and cost[cell, site] < now:
                        now, first[cell] = cost[cell, site], site
            row, weight = cost[cell], demand[cell]
            for site in range(m):
                if now == np.inf:
                    save[site] -= weight * row[site]
                elif row[site] < now:
                    save[site] += weight * (now - row[site])
        best = -1
        for site in range(m):
            if may_open[site] and not is_open[site] and (best < 0 or save[site] > save[best]):
                best = site
        if best < 0:
            break
        is_open[best] = True
        opened += 1
        for cell in range(n):
            if first[cell] < 0 or cost[cell, best] < cost[cell, first[cell]]:
                first[cell] = best
    best_open, best_total = is_open.copy(), np.inf
    # Stands for a second site where there is none; far, yet no number that swallows the others.
    far = np.float32(2) * cost.max() + np.float32(1)
    extra = np.zeros((m, m))
    rank = np.full(m, -1, np.int32)
    for kick in range(kicks + 1):
        total = 0.0
        while True:
            # What each swap would save, all at once: save[in] - loss[out] + extra[out, in].
            total = 0.0
            save[:], loss[:] = 0.0, 0.0
            opened = 0
            for site in range(m):
                rank[site] = -1
                if is_open[site]:
                    rank[site] = opened
                    extra[opened, :] = 0.0
                    opened += 1
            for cell in range(n):
                row, weight = cost[cell], demand[cell]
                a, b = -1, -1
                for site in range(m):
                    if is_open[site]:
                        if a < 0 or row[site] < row[a]:
                            a, b = site, a
                        elif b < 0 or row[site] < row[b]:
                            b = site
                first[cell], second[cell] = a, b
                nearest = row[a]
                next_best = row[b] if b >= 0 else far
                total += weight * nearest
                loss[a] += weight * (next_best - nearest)
                out = rank[a]
                for site in range(m):
                    time = row[site]
                    if time < nearest:
                        save[site] += weight * (nearest - time)
                        # Without its nearest site the cell would still come to this one.
                        extra[out, site] += weight * (next_best - nearest)
                    elif time < next_best:
                        extra[out, site] += weight * (next_best - time)
            best_in, best_out, best_gain = -1, -1, 1e-7 * total + 1e-9
            for out in range(m):
                if not is_open[out] or is_fixed[out]:
                    continue
                for site in range(m):
                    if is_open[site] or not may_open[site]:
                        continue
                    gain = save[site] - loss[out] + extra[rank[out], site]
                    if gain > best_gain:
                        best_in, best_out, best_gain = site, out, gain
            if best_in < 0:
                break
            is_open[best_out], is_open[best_in] = False, True
        if total < best_total * (1 - 1e-9):
            best_total = total
            best_open[:] = is_open
        else:
            is_open[:] = best_open
        if kick == kicks:
            break
        for _ in range(2):
            out = int(draws[drawn % len(draws)] * m)
            into = int(draws[(drawn + 1) % len(draws)] * m)
            drawn += 2
            for _ in range(m):
                if is_open[out] and not is_fixed[out]:
                    break
                out = (out + 1) % m
            for _ in range(m):
                if not is_open[into] and may_open[into]:
                    break
                into = (into + 1) % m
            if is_open[out] and not is_fixed[out] and not is_open[into] and may_open[into]:
                is_open[out], is_open[into] = False, True
    is_open[:] = best_open
    return best_total


@compiled(nogil=True)
def bound_median(
    near_cost: Floats, near_site: Ints, is_fixed: NDArray[np.bool_], may_open: NDArray[np.bool_],
    wanted: int, known: float, rounds: int, price: Floats, value: Floats,
) -> float:  # fmt: skip
    """Return a lower bound of the total time of any `wanted` sites; prices and values stay behind.

    Each cell pays a price to be served; a site's value is what it loses or wins by serving all
    whose price is over their time.

    near_cost, near_site : (n_cells, m_sites) weighted times in ascending order and their sites
    price : (n,) where to begin, and the best found; value : (m,) at those prices
    """
    n, m = near_cost.shape
    best, step = -np.inf, 1.5
    lately = 0
    now = price.copy()
    worth = np.empty(m)
    slope = np.empty(n)
    is_chosen = np.zeros(m, np.bool_)
    for _ in range(rounds):
        worth[:] = 0.0
        total = 0.0
        for cell in range(n):
            paid = now[cell]
            total += paid
            for at in range(m):
                over = near_cost[cell, at] - paid
                if over >= 0:
                    break
                worth[near_site[cell, at]] += over
        order = np.argsort(worth)
        is_chosen[:] = is_fixed
        left = wanted
        for site in range(m):
            if is_fixed[site]:
                left -= 1
                total += worth[site]
        for at in range(m):
            site = order[at]
            if left <= 0:
                break
            if may_open[site] and not is_chosen[site]:
                is_chosen[site] = True
                total += worth[site]
                left -= 1
        norm = 0.0
        for cell in range(n):
            served = 1.0
            paid = now[cell]
            for at in range(m):
                if near_cost[cell, at] >= paid:
                    break
                if is_chosen[near_site[cell, at]]:
                    served -= 1.0
            slope[cell] = served
            norm += served * served
        if total > best:
            if best == -np.inf or total > best + 1e-5 * abs(best):
                lately = 0
            best = total
            price[:] = now
            value[:] = worth
        lately += 1
        if lately > PATIENCE:
            step /= 2
            lately = 0
            now[:] = price
            if step < 1e-3:
                break
            continue
        if norm == 0.0 or total >= known * (1 - 1e-12):
            break
        length = step * max(known - total, 1e-6 * abs(known)) / norm
        for cell in range(n):
            now[cell] = max(now[cell] + length * slope[cell], 0.0)
    return best
