"""The inner loops of `match_sites`, compiled: which sites to score, their points, their best rows.

Arrays are those of a `Segment` and of `QueryNumbers` and `HitTable` in `match_sites`. A mask of no
elements means that everything is visible. Sums are of float32 in a fixed order, so that equal rows
have equal scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.compiling import compiled

SAME, SAME_OR_LEFT_OUT = 1, 2
Array = npt.NDArray[Any]


@compiled()
def _find(values: Array, begin: int, end: int, wanted: Any) -> Any:
    """Return where `wanted` stands in sorted values[begin:end], -1 where it doesn't."""
    stop = end
    while begin < end:
        middle = (begin + end) >> 1
        if values[middle] < wanted:
            begin = middle + 1
        else:
            end = middle
    return begin if begin < stop and values[begin] == wanted else -1


@compiled()
def posting_spans(posting_names: Array, posting_begin: Array, name_ids: Array) -> Array:
    """Return (n_names, 2) begin and end of the sites of each name in the postings."""
    spans = np.zeros((len(name_ids), 2), np.int64)
    for i in range(len(name_ids)):
        at = _find(posting_names, 0, len(posting_names), name_ids[i])
        if at >= 0:
            spans[i, 0] = posting_begin[at]
            spans[i, 1] = posting_begin[at + 1]
    return spans


@compiled()
def make_hash(name_ids: Array) -> Array:
    """Return (2^k, 2) name ids and their places, 0 where free."""
    size = 16
    while size < 4 * len(name_ids):
        size *= 2
    table = np.zeros((size, 2), np.int32)
    for i in range(len(name_ids)):
        at = (name_ids[i] * 40503) & (size - 1)
        while table[at, 0]:
            at = (at + 1) & (size - 1)
        table[at, 0] = name_ids[i]
        table[at, 1] = i
    return table


@compiled(inline="always")
def _place_of(table: Array, name: int) -> Any:
    size = len(table)
    at = (name * 40503) & (size - 1)
    while table[at, 0]:
        if table[at, 0] == name:
            return table[at, 1]
        at = (at + 1) & (size - 1)
    return -1


@compiled(inline="always")
def points_of_keys(
    numbers: Array,
    at: int,
    first_level: int,
    level_begin: Array,
    key_begin: Array,
    ids: Array,
    earned: Array,
    points: Array,
    of_key: Array,
    unsaid: Array,
) -> None:
    """Write the points of numbers[at] for each key of their levels, and where nothing is said.

    points : (n_levels, 3) differs, absent in the register, unsaid in the query
    """
    for column in range(numbers.shape[1]):
        level = first_level + column
        number = numbers[at, column]
        unsaid[level] = points[level, 2] if number > 0 else np.float32(0)
        for key in range(level_begin[level], level_begin[level + 1]):
            begin, end = key_begin[key], key_begin[key + 1]
            if number == 0:
                of_key[key] = points[level, 1]
                continue
            of_key[key] = points[level, 0]
            if end - begin > 8:
                found = _find(ids, begin, end, number)
                if found >= 0:
                    of_key[key] = earned[found]
            else:
                for found in range(begin, end):
                    if ids[found] == number:
                        of_key[key] = earned[found]


@compiled(inline="always")
def sum_readings(
    first_level: int,
    last_level: int,
    costs: Array,
    key_of: Array,
    of_key: Array,
    unsaid: Array,
    evidence: Array,
    omitted: Array,
) -> Any:
    """Write what each reading earns and what it loses by what it leaves out; return the best."""
    best = np.float32(-1e30)
    for reading in range(len(costs)):
        gained, lost = np.float32(0) - costs[reading], np.float32(0)
        for level in range(first_level, last_level):
            key = key_of[reading, level]
            if key >= 0:
                gained += of_key[key]
            else:
                lost += unsaid[level]
        evidence[reading] = gained
        omitted[reading] = lost
        best = max(best, gained + lost)
    return best


@compiled(inline="always")
def _same_names(site_names: Array, site: int, other: int) -> bool:
    for level in range(site_names.shape[1]):
        if site_names[site, level] != site_names[other, level]:
            return False
    return True


@compiled()
def find_hit_names(
    site_names: Array, site: int, hashed: Array, turn_of: Array, places: Array
) -> tuple[int, Any]:
    """Write (level, place in the hits) of a site's names that are hits; return how many there are,
    and the turn of the first of them."""
    count, first = 0, np.int64(len(turn_of))
    for level in range(site_names.shape[1]):
        name = site_names[site, level]
        if name > 0:
            at = _place_of(hashed, name)
            if at >= 0:
                places[count, 0] = level
                places[count, 1] = at
                first = min(first, turn_of[at])
                count += 1
    return count, first


@compiled()
def name_points(
    places: Array, count: int, quality: Array, weights: Array, level_weights: Array
) -> Any:
    """Return the points of a site's names: earned where explained, lost where not."""
    total = np.float32(0)
    for cluster in range(quality.shape[1]):
        explained = np.float32(0)
        for i in range(count):
            explained = max(explained, quality[places[i, 1], cluster] * level_weights[places[i, 0]])
        total += explained
        total -= max(weights[cluster] - explained, np.float32(0))
    return total


@compiled()
def _bounds(turns: Array, quality: Array, weights: Array, most: Array, numbers: float) -> Array:
    """Return (n_turns,) the most points of a site that has no name of an earlier turn."""
    bounds = np.empty(len(turns), np.float32)
    explained = np.zeros(len(weights), np.float32)
    for turn in range(len(turns) - 1, -1, -1):
        total = np.float32(numbers)
        for cluster in range(len(weights)):
            earned = quality[turns[turn], cluster] * most[turns[turn]]
            explained[cluster] = max(explained[cluster], earned)
            total += explained[cluster]
            total -= max(weights[cluster] - explained[cluster], np.float32(0))
        bounds[turn] = total
    return bounds


@compiled()
def _most_of_numbers(
    n_levels: int, costs: Array, key_of: Array, key_begin: Array, earned: Array
) -> Any:
    """Return the most that the numbers of a site can earn."""
    best = np.float32(-1e30)
    for reading in range(len(costs)):
        total = np.float32(0) - costs[reading]
        for level in range(n_levels):
            key = key_of[reading, level]
            if key >= 0:
                most = np.float32(0)
                for at in range(key_begin[key], key_begin[key + 1]):
                    most = max(most, earned[at])
                total += most
        best = max(best, total)
    return best


@compiled()
def _asked_sites(
    begin: int,
    end: int,
    name: int,
    use_pairs: bool,
    posting_sites: Array,
    pair_keys: Array,
    pair_begin: Array,
    pair_sites: Array,
    site_numbers: Array,
    level_begin: Array,
    key_begin: Array,
    ids: Array,
) -> Array:
    """Return the sites of a name, in order, that have a group, door or building that is asked for.

    use_pairs : whether the pairs of this name and a number are known
    """
    n_levels = site_numbers.shape[1]
    first, last = key_begin[0], key_begin[level_begin[n_levels]]
    found = np.empty(256, np.int32)
    count = 0
    if use_pairs and (last - first) * 32 < end - begin:
        for level in range(n_levels):
            for at in range(key_begin[level_begin[level]], key_begin[level_begin[level + 1]]):
                key = (np.int64(name) << 34) | (np.int64(level) << 32) | np.int64(ids[at])
                pair = _find(pair_keys, 0, len(pair_keys), key)
                if pair < 0:
                    continue
                for i in range(pair_begin[pair], pair_begin[pair + 1]):
                    if count == len(found):
                        found = _grown(found)
                    found[count] = pair_sites[i]
                    count += 1
        return np.unique(found[:count])
    for i in range(begin, end):
        site = posting_sites[i]
        is_asked = False
        for level in range(n_levels):
            number = site_numbers[site, level]
            if number > 0:
                for at in range(level_begin[level], level_begin[level + 1]):
                    is_asked |= _find(ids, key_begin[at], key_begin[at + 1], number) >= 0
        if is_asked:
            if count == len(found):
                found = _grown(found)
            found[count] = site
            count += 1
    return found[:count]


@compiled()
def _grown(found: Array) -> Array:
    larger = np.empty(2 * len(found), found.dtype)
    larger[: len(found)] = found
    return larger


@compiled()
def find_sites(
    turns: Array,
    spans: Array,
    is_wide: Array,
    use_pairs: Array,
    most: Array,
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
    posting_sites: Array,
    pair_keys: Array,
    pair_begin: Array,
    pair_sites: Array,
    site_names: Array,
    site_numbers: Array,
    site_mask: Array,
    is_asking: bool,
    is_sure: bool,
    max_wide: int,
    max_sites: int,
    points_opened: float,
) -> tuple[Array, Array, Array, bool]:
    """Return visible sites that have one of the names, in order, their points for names and for
    numbers, and whether a name gave any list.

    Names are asked in turn, and no more once no other site could come within `points_opened` of
    the best one.

    turns : (n_names,) places in `name_ids`, narrow names first, then wide ones by size
    spans, is_wide, use_pairs, most : of each place: its postings; a name of an area; whether its
        pairs with numbers are known; the largest weight of its levels
    is_sure : a narrow name was found surely: wide ones bring only what is asked for
    """
    n_levels = site_numbers.shape[1]
    has_mask = len(site_mask) > 0
    hashed = make_hash(name_ids)
    turn_of = np.empty(len(turns), np.int64)
    for turn in range(len(turns)):
        turn_of[turns[turn]] = turn
    is_taken = np.zeros(len(turns), np.bool_)
    bounds = _bounds(
        turns, quality, weights, most, _most_of_numbers(n_levels, costs, key_of, key_begin, earned)
    )
    of_key = np.empty(len(key_begin), np.float32)
    unsaid = np.empty(len(level_begin) - 1, np.float32)
    evidence = np.empty(len(costs), np.float32)
    omitted = np.empty(len(costs), np.float32)
    places = np.empty((site_names.shape[1], 2), np.int64)
    found, names, numbers = (
        np.empty(256, np.int32),
        np.empty(256, np.float32),
        np.empty(256, np.float32),
    )
    count, lists, room = 0, 0, max_sites
    best = np.float32(-1e30)
    for turn in range(len(turns)):
        place = turns[turn]
        begin, end = spans[place]
        if bounds[turn] < best - np.float32(points_opened):
            break
        if begin == end:
            continue
        wide = is_wide[place]
        if wide and is_sure and (not is_asking or end - begin > max_wide):
            break
        sites = posting_sites[begin:end]
        if wide and is_asking and (lists > 0 or end - begin > room):
            sites = _asked_sites(
                begin,
                end,
                name_ids[place],
                use_pairs[place],
                posting_sites,
                pair_keys,
                pair_begin,
                pair_sites,
                site_numbers,
                level_begin,
                key_begin,
                ids,
            )
        start, best_here = count, best
        known_site, known_points, known_turn = -1, np.float32(0), 0
        for site in sites:
            if has_mask and not site_mask[site]:
                continue
            if known_site < 0 or not _same_names(site_names, site, known_site):
                n_places, known_turn = find_hit_names(site_names, site, hashed, turn_of, places)
                known_points = name_points(places, n_places, quality, weights, level_weights)
                if known_turn < turn:
                    for i in range(n_places):
                        earlier = turn_of[places[i, 1]]
                        if earlier < turn and is_taken[earlier]:
                            known_turn = earlier
                known_site = site
            if known_turn < turn and is_taken[known_turn]:
                continue  # it came with that name
            if wide and count - start == room:
                count += 1
                break
            if count == len(found):
                found, names, numbers = _grown(found), _grown(names), _grown(numbers)
            points_of_keys(
                site_numbers, site, 0, level_begin, key_begin, ids, earned, points, of_key, unsaid
            )
            found[count] = site
            names[count] = known_points
            numbers[count] = sum_readings(
                0, n_levels, costs, key_of, of_key, unsaid, evidence, omitted
            )
            best_here = max(best_here, names[count] + numbers[count])
            count += 1
        if wide:
            if count - start > room:
                count = start
                continue
            room -= count - start
        lists += 1
        is_taken[turn] = True
        best = best_here
    order = np.argsort(found[:count])
    return found[:count][order], names[:count][order], numbers[:count][order], lists > 0


@compiled()
def score_sites(
    sites: Array,
    names: Array,
    numbers: Array,
    site_numbers: Array,
    site_begin: Array,
    row_tail: Array,
    row_mask: Array,
    costs: Array,
    key_of: Array,
    level_begin: Array,
    key_begin: Array,
    ids: Array,
    earned: Array,
    points: Array,
    max_in_detail: int,
    points_opened: float,
    says_tail: bool,
) -> tuple[Array, Array, Array, Array]:
    """Return rows (in order), score, evidence and the reading that fits best, of the best sites.

    names, numbers : (n_sites,) their points, of `find_sites`
    costs, key_of, level_begin, key_begin, ids, earned : of `QueryNumbers`
    points : (n_levels, 3) for a number that differs, is absent in the register, is not said
    """
    n_readings = len(costs)
    n_site_levels = site_numbers.shape[1]
    n_levels = n_site_levels + row_tail.shape[1]
    of_key = np.empty(len(key_begin), np.float32)
    unsaid = np.empty(n_levels, np.float32)
    evidence = np.empty(n_readings, np.float32)
    omitted = np.empty(n_readings, np.float32)
    tail_evidence = np.empty(n_readings, np.float32)
    tail_omitted = np.empty(n_readings, np.float32)
    no_costs = np.zeros(n_readings, np.float32)
    total = names + numbers
    threshold = np.float32(-1e30)
    for i in range(len(total)):
        threshold = max(threshold, total[i] - np.float32(points_opened))
    if len(sites) > max_in_detail:
        # Ties at the cut are all kept, so that the order of the register decides nothing.
        cut = np.partition(total, len(total) - max_in_detail)[len(total) - max_in_detail]
        threshold = max(threshold, cut)
    n_rows = 0
    for i in range(len(sites)):
        if total[i] >= threshold:
            n_rows += site_begin[sites[i] + 1] - site_begin[sites[i]] if says_tail else 1
    rows = np.empty(n_rows, np.int64)
    scores = np.empty(n_rows, np.float32)
    evidences = np.empty(n_rows, np.float32)
    readings = np.empty(n_rows, np.int64)
    has_mask = len(row_mask) > 0
    count = 0
    for i in range(len(sites)):
        if total[i] < threshold:
            continue
        points_of_keys(
            site_numbers, sites[i], 0, level_begin, key_begin, ids, earned, points, of_key, unsaid
        )
        sum_readings(0, n_site_levels, costs, key_of, of_key, unsaid, evidence, omitted)
        for row in range(site_begin[sites[i]], site_begin[sites[i] + 1]):
            if has_mask and not row_mask[row]:
                continue
            points_of_keys(
                row_tail,
                row,
                n_site_levels,
                level_begin,
                key_begin,
                ids,
                earned,
                points,
                of_key,
                unsaid,
            )
            sum_readings(
                n_site_levels,
                n_levels,
                no_costs,
                key_of,
                of_key,
                unsaid,
                tail_evidence,
                tail_omitted,
            )
            rows[count] = row
            scores[count] = np.float32(-1e30)
            for reading in range(n_readings):
                whole = tail_evidence[reading] + (evidence[reading] + names[i])
                score = whole + tail_omitted[reading] + omitted[reading]
                if score > scores[count]:
                    scores[count] = score
                    evidences[count] = whole
                    readings[count] = reading
            count += 1
            if not says_tail:
                break  # rows of a site stand by tail: the first visible one speaks for all
    return rows[:count], scores[:count], evidences[:count], readings[:count]


@compiled()
def best_row(scores: Array, rows: Array, row_ids: Array, tolerance: float) -> int:
    """Return where the best row stands, among equal ones that of the smallest id; -1 for none."""
    best = np.float32(-np.inf)
    for i in range(len(scores)):
        best = max(best, scores[i])
    if best == -np.inf:
        return -1
    threshold = best - np.float32(tolerance)
    at = -1
    for i in range(len(scores)):
        if scores[i] >= threshold and (at < 0 or row_ids[rows[i]] < row_ids[rows[at]]):
            at = i
    return at


@compiled()
def drop_rows(scores: Array, rows: Array, dropped: Array) -> None:
    """Set the score of `dropped` rows to -inf. Both sorted."""
    if len(dropped) == 0:
        return
    if len(dropped) > len(rows):
        for i in range(len(rows)):
            if _find(dropped, 0, len(dropped), rows[i]) >= 0:
                scores[i] = -np.inf
    else:
        for i in range(len(dropped)):
            at = _find(rows, 0, len(rows), dropped[i])
            if at >= 0:
                scores[at] = -np.inf


@compiled()
def rows_with_tail(
    rows: Array, row_mask: Array, row_tail: Array, wanted: Array, wanted_begin: Array
) -> Array:
    """Return those visible of `rows` whose tail is one of those wanted at each level.

    wanted_begin : (n_levels + 1,); a level without any is not compared
    """
    has_mask = len(row_mask) > 0
    kept = np.empty(len(rows), np.int64)
    count = 0
    for row in rows:
        if has_mask and not row_mask[row]:
            continue
        agrees = True
        for level in range(row_tail.shape[1]):
            if wanted_begin[level + 1] > wanted_begin[level]:
                is_one = False
                for at in range(wanted_begin[level], wanted_begin[level + 1]):
                    is_one |= row_tail[row, level] == wanted[at]
                agrees &= is_one
        if agrees:
            kept[count] = row
            count += 1
    return kept[:count]


@compiled()
def rows_of_like_sites(
    sites: Array,
    names: Array,
    name_rules: Array,
    numbers: Array,
    number_rules: Array,
    site_names: Array,
    site_numbers: Array,
    site_mask: Array,
    site_begin: Array,
    row_mask: Array,
) -> Array:
    """Return visible rows of those `sites` that are alike at the levels that are compared.

    name_rules : (n_name_levels,) 0 not compared, SAME or SAME_OR_LEFT_OUT (on either side)
    number_rules : (n_number_levels,) 0 not compared, SAME
    """
    chosen = np.empty(len(sites), np.int32)
    count, n_rows = 0, 0
    for i in range(len(sites)):
        site = sites[i]
        if len(site_mask) > 0 and not site_mask[site]:
            continue
        is_like = True
        for level in range(len(names)):
            rule, other = name_rules[level], site_names[site, level]
            if rule == SAME:
                is_like &= other == names[level]
            elif rule == SAME_OR_LEFT_OUT:
                is_like &= other == names[level] or other == 0 or names[level] == 0
        for level in range(len(numbers)):
            if number_rules[level]:
                is_like &= site_numbers[site, level] == numbers[level]
        if is_like:
            chosen[count] = site
            count += 1
            n_rows += site_begin[site + 1] - site_begin[site]
    rows = np.empty(n_rows, np.int64)
    n_rows = 0
    for i in range(count):
        for row in range(site_begin[chosen[i]], site_begin[chosen[i] + 1]):
            if len(row_mask) == 0 or row_mask[row]:
                rows[n_rows] = row
                n_rows += 1
    return rows[:n_rows]
