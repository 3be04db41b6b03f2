"""The compiled search behind patrol routes: ruin and recreate for tours that collect prizes.

Slack induction by string removals (Christiaens, Vanden Berghe 2020): strings of neighbouring stops
are taken out of some tours and put back one by one where they cost least, some positions being
overlooked; worse tours are kept with simulated annealing. What doesn't fit stays out, so a stop
costs its prize. Added here: visits of one place share a cap and a gap, which ties tours to each
other.

How gaps are kept: a stop's latest beginning ends before the next visit of its place as that stands
now. While stops are put in, beginnings only move to later, so what was computed before stays on the
safe side; they fall only after a ruin, and then all slacks are computed anew.

Times are whole seconds from the problem's start. Chance is numpy's old interface (NPY002): compiled
code has no other that is seeded without being handed around, and its state is each thread's own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled, inner_kernel

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOWHERE = -1
NO_WAY = 1 << 30  # a travel time that fits no shift [s]
# Stops taken out at a time, on average. The paper's 10 is for tours that serve all: where many stay
# out, more of them have to change places at once.
REMOVED_MEAN = 16.0
STRING_MAX = 10.0  # stops of one tour taken out at a time; the paper's
BLINK = 0.01  # positions overlooked; the paper's
ALL_TOURS_EVERY = 16  # steps, in which what is out is tried in every tour
SPLIT, SPLIT_ON = 0.5, 0.01  # strings with a gap, and how likely the gap ends; the paper's


class Task(NamedTuple):
    """What is asked. n visits, p places, u units, m modes, k nodes.

    node, dwell, early, late, prize, place : (n,) of each visit; `late` is the latest beginning
    is_must : (n,) goes in before others
    allowed : (n, u) who may make it
    near : (n, n) visits by how near they are, itself first
    first, visits : (p + 1,), (n,) the visits of each place
    most, gap : (p,) visits in all, and time between two of them [s]
    mode, start_node, end_node, on, off : (u,) `end_node` may be `NOWHERE`
    times : (m, k, k) [s]
    """

    node: Ints
    dwell: Longs
    early: Longs
    late: Longs
    prize: Floats
    place: Ints
    is_must: Flags
    allowed: Flags
    near: Ints
    first: Ints
    visits: Ints
    most: Ints
    gap: Longs
    mode: Ints
    start_node: Ints
    end_node: Ints
    on: Longs
    off: Longs
    times: Ints


class Tours(NamedTuple):
    """Who goes where. `unit` is `NOWHERE` for visits that aren't made; their times mean nothing.

    tour, length : (u, n), (u,) visits in order
    unit, begin, slack, wait : (n,) who makes it, when, how much later it could begin, waited before
    made : (p,) visits of each place
    """

    tour: Ints
    length: Ints
    unit: Ints
    begin: Longs
    slack: Longs
    wait: Longs
    made: Ints


@inner_kernel
def _copy(source: Tours, target: Tours) -> None:
    for u in range(len(source.length)):
        target.length[u] = source.length[u]
        for k in range(source.length[u]):
            target.tour[u, k] = source.tour[u, k]
    for visit in range(len(source.unit)):
        target.unit[visit] = source.unit[visit]
        target.begin[visit] = source.begin[visit]
        target.slack[visit] = source.slack[visit]
        target.wait[visit] = source.wait[visit]
    for place in range(len(source.made)):
        target.made[place] = source.made[place]


@inner_kernel
def _time(task: Task, unit: int, a: int, b: int) -> Any:
    if b == NOWHERE:
        return 0
    return int(task.times[task.mode[unit], a, b])


@inner_kernel
def _settle(task: Task, tours: Tours, unit: int, first: int, may_fall: bool) -> None:
    """Set when the visits of a tour begin, from its `first` on; earlier than now if they may."""
    node, clock = task.start_node[unit], task.on[unit]
    if first > 0:
        before = tours.tour[unit, first - 1]
        node, clock = task.node[before], tours.begin[before] + task.dwell[before]
    for k in range(first, tours.length[unit]):
        visit = tours.tour[unit, k]
        place = task.place[visit]
        arrival = clock + _time(task, unit, node, task.node[visit])
        begin = max(arrival, task.early[visit])
        if tours.made[place] > 1:
            for at in range(task.first[place], task.first[place + 1]):
                other = task.visits[at]
                if (
                    other != visit
                    and tours.unit[other] != NOWHERE
                    and tours.begin[other] < tours.begin[visit]
                ):
                    begin = max(begin, tours.begin[other] + task.dwell[other] + task.gap[place])
        if not may_fall:
            begin = max(begin, tours.begin[visit])
        tours.begin[visit] = begin
        tours.wait[visit] = begin - arrival
        node, clock = task.node[visit], begin + task.dwell[visit]


@inner_kernel
def _loosen(task: Task, tours: Tours, unit: int) -> None:
    """Set how much later each visit of a tour could begin."""
    slack = int(NO_WAY)
    for k in range(tours.length[unit] - 1, -1, -1):
        visit = tours.tour[unit, k]
        place = task.place[visit]
        begin, dwell = tours.begin[visit], task.dwell[visit]
        if k == tours.length[unit] - 1:
            way = _time(task, unit, task.node[visit], task.end_node[unit])
            slack = task.off[unit] - (begin + dwell + way)
        else:
            slack += tours.wait[tours.tour[unit, k + 1]]
        slack = min(slack, task.late[visit] - begin)
        if tours.made[place] > 1:
            for at in range(task.first[place], task.first[place + 1]):
                other = task.visits[at]
                if tours.unit[other] != NOWHERE and tours.begin[other] > begin:
                    slack = min(slack, tours.begin[other] - task.gap[place] - dwell - begin)
        tours.slack[visit] = slack


@inner_kernel
def _beginning(task: Task, tours: Tours, visit: int, unit: int, arrival: int, clock: int) -> Any:
    """When a visit could begin after an arrival, clear of others of its place; -1: it can't.

    clock : when the unit leaves the stop before
    """
    place = task.place[visit]
    begin = max(int(arrival), task.early[visit])
    if tours.made[place] == 0:
        return begin
    gap, dwell = task.gap[place], task.dwell[visit]
    moved = True
    while moved:
        moved = False
        for at in range(task.first[place], task.first[place + 1]):
            other = task.visits[at]
            if other == visit or tours.unit[other] == NOWHERE:
                continue
            theirs = tours.begin[other]
            until = theirs + task.dwell[other] + gap
            if begin < until and begin + dwell + gap > theirs:
                if tours.unit[other] == unit and theirs >= clock:
                    return -1  # it comes later in the same tour
                begin = until
                moved = True
    # One that comes later in this tour would be pushed behind it, too near.
    for at in range(task.first[place], task.first[place + 1]):
        other = task.visits[at]
        if (
            other != visit
            and tours.unit[other] == unit
            and tours.begin[other] >= clock
            and begin + dwell + gap > tours.begin[other]
        ):
            return -1
    return begin


@inner_kernel
def _best_position(
    task: Task, tours: Tours, visit: int, delay_weight: float, blink: float, tried: Flags
) -> tuple[int, int, int]:
    """Where a visit costs least among the tours tried: unit (`NOWHERE`: it fits in none), position,
    beginning."""
    best_unit, best_at, best_begin, best_cost = NOWHERE, 0, 0, np.inf
    if tours.made[task.place[visit]] >= task.most[task.place[visit]]:
        return best_unit, best_at, best_begin
    here, dwell, late = task.node[visit], task.dwell[visit], task.late[visit]
    soonest = task.early[visit] + dwell
    for unit in range(len(task.mode)):
        if not task.allowed[visit, unit] or not tried[unit]:
            continue
        node, clock = task.start_node[unit], task.on[unit]
        length = tours.length[unit]
        for k in range(length + 1):
            if clock > late:
                break
            is_last = k == length
            after = NOWHERE if is_last else tours.tour[unit, k]
            # No room for the dwell alone, too early in the tour for the slot, or overlooked.
            end = task.off[unit] if is_last else tours.begin[after] + tours.slack[after]
            is_passed = end - clock < dwell or end < soonest
            if not is_passed and (blink == 0.0 or np.random.random() >= blink):  # noqa: NPY002
                next_node = task.end_node[unit] if is_last else task.node[after]
                to = _time(task, unit, node, here)
                onward = _time(task, unit, here, next_node)
                cost = to + onward - _time(task, unit, node, next_node)
                begin = -1
                if cost < best_cost and clock + to + dwell + onward <= end:
                    begin = _beginning(task, tours, visit, unit, clock + to, clock)
                if 0 <= begin <= late:
                    arrival = begin + dwell + onward
                    if is_last:
                        fits = arrival <= task.off[unit]
                        delay = 0
                    else:
                        delay = max(arrival - tours.begin[after], 0)
                        fits = delay <= tours.slack[after]
                    if fits:
                        weighed = cost + delay_weight * (delay + begin - clock - to)
                        if weighed < best_cost:
                            best_cost, best_unit, best_at, best_begin = weighed, unit, k, begin
            if not is_last:
                node, clock = task.node[after], tours.begin[after] + task.dwell[after]
    return best_unit, best_at, best_begin


@inner_kernel
def _put(task: Task, tours: Tours, visit: int, unit: int, at: int, begin: int) -> None:
    for k in range(tours.length[unit], at, -1):
        tours.tour[unit, k] = tours.tour[unit, k - 1]
    tours.tour[unit, at] = visit
    tours.length[unit] += 1
    place = task.place[visit]
    tours.unit[visit] = unit
    tours.begin[visit] = begin
    tours.made[place] += 1
    _settle(task, tours, unit, at, False)
    _loosen(task, tours, unit)
    if tours.made[place] > 1:
        for k in range(task.first[place], task.first[place + 1]):
            other = int(tours.unit[task.visits[k]])
            if other != NOWHERE and other != unit:
                _loosen(task, tours, other)


@inner_kernel
def _travel(task: Task, tours: Tours) -> Any:
    total = 0
    for unit in range(len(tours.length)):
        node = task.start_node[unit]
        for k in range(tours.length[unit]):
            after = task.node[tours.tour[unit, k]]
            total += _time(task, unit, node, after)
            node = after
        if tours.length[unit]:
            total += _time(task, unit, node, task.end_node[unit])
    return total


@inner_kernel
def _unused(task: Task, tours: Tours) -> Any:
    """Travel and waiting [s]: or else a stop would wait for another to be put behind it, for a
    metre less of way."""
    total = _travel(task, tours)
    for visit in range(len(tours.unit)):
        if tours.unit[visit] != NOWHERE:
            total += tours.wait[visit]
    return total


@inner_kernel
def _prize(task: Task, tours: Tours) -> float:
    total = 0.0
    for visit in range(len(tours.unit)):
        if tours.unit[visit] != NOWHERE:
            total += task.prize[visit]
    return total


@inner_kernel
def _take_out(task: Task, tours: Tours, unit: int, first: int, count: int) -> None:
    for k in range(first, first + count):
        visit = tours.tour[unit, k]
        tours.unit[visit] = NOWHERE
        tours.made[task.place[visit]] -= 1
    for k in range(first, tours.length[unit] - count):
        tours.tour[unit, k] = tours.tour[unit, k + count]
    tours.length[unit] -= count


@inner_kernel
def _close_up(task: Task, tours: Tours, touched: Flags) -> None:
    """Set all times anew after stops were taken out of the tours touched.

    Where times are no real ones, the way past a stop may be longer than over it: such a tour is
    emptied.
    """
    units = len(tours.length)
    for unit in range(units):
        if touched[unit]:
            _settle(task, tours, unit, 0, True)
    for unit in range(units):
        _loosen(task, tours, unit)
    is_emptied = False
    for unit in range(units):
        for k in range(tours.length[unit]):
            if tours.slack[tours.tour[unit, k]] < 0:
                _take_out(task, tours, unit, 0, tours.length[unit])
                is_emptied = True
                break
    if is_emptied:
        for unit in range(units):
            _loosen(task, tours, unit)


@inner_kernel
def _ruin(task: Task, tours: Tours, touched: Flags) -> None:
    """Take strings of stops out of tours, near a visit drawn at random, made or not."""
    units, n = len(tours.length), len(tours.unit)
    made, used = 0, 0
    for unit in range(units):
        touched[unit] = False
        made += tours.length[unit]
        used += tours.length[unit] > 0
    if not made:
        return
    longest = min(STRING_MAX, made / used)
    strings = int(np.random.random() * (4.0 * REMOVED_MEAN / (1.0 + longest) - 1.0)) + 1  # noqa: NPY002
    seed = np.random.randint(n)  # noqa: NPY002
    for at in range(n):
        if strings <= 0:
            break
        visit = int(task.near[seed, at])
        unit = int(tours.unit[visit])
        if unit == NOWHERE or touched[unit]:
            continue
        touched[unit] = True
        strings -= 1
        length = tours.length[unit]
        position = 0
        while tours.tour[unit, position] != visit:
            position += 1
        count = int(np.random.random() * min(float(length), longest)) + 1  # noqa: NPY002
        kept = 0
        if 1 < count < length and np.random.random() < SPLIT:  # noqa: NPY002
            kept = 1
            while count + kept < length and np.random.random() > SPLIT_ON:  # noqa: NPY002
                kept += 1
                if np.random.random() < 0.5:  # noqa: NPY002
                    break
        span = count + kept
        low = max(0, position - span + 1)
        high = min(position, length - span)
        first = low + np.random.randint(high - low + 1)  # noqa: NPY002
        if kept:
            before = 1 + np.random.randint(count - 1)  # noqa: NPY002
            _take_out(task, tours, unit, first + before + kept, count - before)
            _take_out(task, tours, unit, first, before)
        else:
            _take_out(task, tours, unit, first, count)
    _close_up(task, tours, touched)


@inner_kernel
def _sort(order: Ints, keys: Floats, count: int) -> None:
    """Sort the first `count` of `order` by their keys (Shell); argsort takes long to compile."""
    step = 1
    while 3 * step + 1 < count:
        step = 3 * step + 1
    while step > 0:
        for at in range(step, count):
            moved = order[at]
            k = at
            while k >= step and keys[order[k - step]] > keys[moved]:
                order[k] = order[k - step]
                k -= step
            order[k] = moved
        step //= 3


@inner_kernel
def _recreate(
    task: Task, tours: Tours, keys: Floats, order: Ints, blink: float, touched: Flags, all_: Flags,
    taken: Ints,
) -> None:  # fmt: skip
    """Put in what fits, in an order drawn at random, musts first.

    touched : tours that were ruined: what was out before is tried in them alone, since there was no
        room for it in the others
    taken : (n,) who made each visit before the ruin
    """
    n = len(tours.unit)
    drawn = np.random.random()  # noqa: NPY002
    delay_weight = 0.0 if np.random.random() < 0.5 else np.random.random()  # noqa: NPY002
    count = 0
    for visit in range(n):
        if tours.unit[visit] != NOWHERE:
            continue
        order[count] = visit
        count += 1
        noise = np.random.random()  # noqa: NPY002
        if drawn < 0.35:
            key = noise
        elif drawn < 0.65:
            key = -task.prize[visit] * (0.7 + 0.6 * noise)
        elif drawn < 0.9:
            key = -task.prize[visit] / task.dwell[visit] * (0.7 + 0.6 * noise)
        else:
            key = task.late[visit] * (0.9 + 0.2 * noise)
        keys[visit] = key - 1e15 if task.is_must[visit] else key
    _sort(order, keys, count)
    for at in range(count):
        visit = int(order[at])
        tried = touched if taken[visit] == NOWHERE else all_
        unit, position, begin = _best_position(task, tours, visit, delay_weight, blink, tried)
        if unit != NOWHERE:
            _put(task, tours, visit, unit, position, begin)


@compiled(nogil=True)
def load_tours(task: Task, tours: Tours, units: Ints, visits: Ints) -> None:
    """Put visits at the ends of tours, in the order given; those that don't fit stay out.

    units, visits : (q,) what to put at whose end
    """
    for at in range(len(visits)):
        visit, unit = int(visits[at]), int(units[at])
        place = task.place[visit]
        if (
            tours.unit[visit] != NOWHERE
            or not task.allowed[visit, unit]
            or tours.made[place] >= task.most[place]
        ):
            continue
        node, clock = task.start_node[unit], task.on[unit]
        length = tours.length[unit]
        if length:
            last = tours.tour[unit, length - 1]
            node, clock = task.node[last], tours.begin[last] + task.dwell[last]
        arrival = clock + _time(task, unit, node, task.node[visit])
        begin = _beginning(task, tours, visit, unit, arrival, clock)
        way = _time(task, unit, task.node[visit], task.end_node[unit])
        if (
            0 <= begin <= task.late[visit]
            and begin + task.dwell[visit] + way <= task.off[unit]
        ):  # fmt: skip
            _put(task, tours, visit, unit, length, begin)


@compiled(nogil=True)
def search_tours(
    task: Task, now: Tours, best: Tours, scores: Floats, steps: int, hot: float, cold: float,
    second_worth: float, seed: int,
) -> None:  # fmt: skip
    """Go on searching; `now`, `best` and `scores` are changed in place.

    scores : (2,) prize, and travel and waiting [s], of `best`; a prize below 0: there is none yet
    hot, cold : temperatures at the first and last of these steps [prize]
    second_worth : what a second of travel costs while it is searched [prize]
    """
    np.random.seed(seed)  # noqa: NPY002
    n, units = len(now.unit), len(now.length)
    old = Tours(
        np.zeros_like(now.tour), now.length.copy(), now.unit.copy(), now.begin.copy(),
        now.slack.copy(), now.wait.copy(), now.made.copy(),
    )  # fmt: skip
    keys, order = np.zeros(n), np.zeros(n, np.int32)
    touched, all_ = np.zeros(units, np.bool_), np.ones(units, np.bool_)
    if scores[0] < 0:
        _recreate(task, now, keys, order, 0.0, all_, all_, now.unit)
        _copy(now, best)
        scores[0], scores[1] = _prize(task, now), _unused(task, now)
    value = _prize(task, now) - second_worth * _unused(task, now)
    for step in range(steps):
        temperature = hot * (cold / hot) ** (step / steps)
        _copy(now, old)
        _ruin(task, now, touched)
        tried = all_ if step % ALL_TOURS_EVERY == 0 else touched
        _recreate(task, now, keys, order, BLINK, tried, all_, old.unit)
        prize, travel = _prize(task, now), _unused(task, now)
        reached = prize - second_worth * travel
        if prize > scores[0] + 1e-9 or (prize > scores[0] - 1e-9 and travel < scores[1]):
            _copy(now, best)
            scores[0], scores[1] = prize, travel
        if reached > value + temperature * np.log(np.random.random() + 1e-300):  # noqa: NPY002
            value = reached
        else:
            _copy(old, now)


@compiled(nogil=True)
def shortest_by(task: Task, tours: Tours, visit: int) -> tuple[int, int, int]:
    """By how much a visit misses the position it nearly fits: seconds, unit, position.

    Seconds are what slots, shifts or gaps lack; 0: it fits; `NO_WAY`: nobody may, or can go there.
    """
    least, best_unit, best_at = int(NO_WAY), NOWHERE, 0
    here, dwell = task.node[visit], task.dwell[visit]
    for unit in range(len(task.mode)):
        if not task.allowed[visit, unit]:
            continue
        node, clock = task.start_node[unit], task.on[unit]
        length = tours.length[unit]
        for k in range(length + 1):
            is_last = k == length
            after = NOWHERE if is_last else tours.tour[unit, k]
            next_node = task.end_node[unit] if is_last else task.node[after]
            to = _time(task, unit, node, here)
            onward = _time(task, unit, here, next_node)
            if to < NO_WAY and onward < NO_WAY:
                begin = _beginning(task, tours, visit, unit, clock + to, clock)
                if begin >= 0:
                    short = max(begin - task.late[visit], 0)
                    arrival = begin + dwell + onward
                    if is_last:
                        short = max(short, arrival - task.off[unit])
                    else:
                        short = max(short, arrival - tours.begin[after] - tours.slack[after])
                    if short < least:
                        least, best_unit, best_at = short, unit, k
            if not is_last:
                node, clock = task.node[after], tours.begin[after] + task.dwell[after]
    return least, best_unit, best_at


@compiled(nogil=True)
def worth_of_visits(task: Task, tours: Tours, lost: Floats, freed: Longs) -> None:
    """What each visit that is made is worth: what its tours lose without it, and time they gain.

    lost : (n,) prize less what the time freed would collect instead, put in greedily
    freed : (n,) travel and dwell that the visit takes [s]
    """
    n = len(tours.unit)
    trial = Tours(
        np.zeros_like(tours.tour), tours.length.copy(), tours.unit.copy(), tours.begin.copy(),
        tours.slack.copy(), tours.wait.copy(), tours.made.copy(),
    )  # fmt: skip
    keys, order = np.zeros(n), np.zeros(n, np.int32)
    touched, all_ = np.zeros(len(task.mode), np.bool_), np.ones(len(task.mode), np.bool_)
    prize, travel = _prize(task, tours), _travel(task, tours)
    for visit in range(n):
        unit = int(tours.unit[visit])
        if unit == NOWHERE:
            continue
        _copy(tours, trial)
        position = 0
        while trial.tour[unit, position] != visit:
            position += 1
        _take_out(task, trial, unit, position, 1)
        for other in range(len(task.mode)):
            touched[other] = other == unit
        _close_up(task, trial, touched)
        freed[visit] = travel - _travel(task, trial) + task.dwell[visit]
        count = 0
        for other in range(n):
            if trial.unit[other] == NOWHERE and other != visit:
                order[count] = other
                count += 1
                keys[other] = -task.prize[other]
        _sort(order, keys, count)
        for at in range(count):
            added = int(order[at])
            whose, where, begin = _best_position(task, trial, added, 0.0, 0.0, all_)
            if whose != NOWHERE:
                _put(task, trial, added, whose, where, begin)
        lost[visit] = max(prize - _prize(task, trial), 0.0)
