"""How alike two addresses are: whether they are probably one place, and why.

Precision first. A number that differs (door, building, entrance, floor, room) makes two places, and
so does one that only one of them writes at the end: a building is not its room. What may differ is
how a name is written and which of two sufficient names is left out. Two homes in one building never
become a pair.

The score is the product of what each difference leaves of certainty. The shares are judged, not
fitted; the order they give is what the list is sorted by, and `bench.duplicates` measures the cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rapidfuzz.distance import DamerauLevenshtein

from geo.addresses.name_forms import differs_in_number_or_side
from geo.addresses.sounds import sound
from geo.duplicates.facts import DIVISIONS, NUMBERS, AddressFacts, division_name, name_stem

SUGGEST_FROM = 0.55
"""Pairs of a lesser score are not suggested."""

APART_M = 500.0
"""Two points of one place lie no further apart: the same bound as between imports."""

_TYPO_MAX_M = 100.0
_TOWNSHIP_MAX_M = 150.0
_ALIAS_MAX_M = 150.0
_TYPO_MIN_CHARS = 2
_SURE, _UNSURE = "sure", "unsure"

IsSlip = Callable[[str, str, str], bool]
"""Whether, of two names of a level that differ in one character, one is so rare beside the other
that it is probably a slip: (level, first, second)."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """`score` 0 to 1; `reasons` are codes, `code` or `code:level`, for and against."""

    score: float
    reasons: tuple[str, ...]


def likeness(
    first: AddressFacts,
    second: AddressFacts,
    *,
    distance_m: float | None,
    is_slip: IsSlip,
    is_alias: bool = False,
) -> Likeness | None:
    """Return how alike two addresses are, None where they are two places. Symmetric.

    Parameters
    ----------
    distance_m : between the points; None where one has none
    is_alias : the text of one is an alias of the other
    """
    if distance_m is not None and distance_m > APART_M:
        return None
    weighing = _Weighing(first, second, distance_m, is_slip)
    fits = weighing.tails_fit() and weighing.divisions_fit()
    if fits and is_alias and (distance_m is None or distance_m <= _ALIAS_MAX_M):
        weighing.take("alias", 0.95)
    elif not (fits and weighing.sites_fit()):
        return None
    weighing.weigh_distance()
    return Likeness(round(weighing.score, 4), tuple(weighing.reasons))


def contradict(first: AddressFacts, second: AddressFacts) -> bool:
    """Whether two addresses can't be one place by what both of them write."""
    if first.county_code and second.county_code and first.county_code != second.county_code:
        return True
    for level in ("township", "community", "road", "estate"):
        a, b = first.keys.get(level), second.keys.get(level)
        if a and b and a != b and name_stem(level, a) != name_stem(level, b):
            return True
    both = first.keys.keys() & second.keys.keys()
    return any(first.keys[level] != second.keys[level] for level in both.intersection(NUMBERS))


class _Weighing:
    """Goes through two addresses level by level; `score` falls with each difference."""

    def __init__(
        self,
        first: AddressFacts,
        second: AddressFacts,
        distance_m: float | None,
        is_slip: IsSlip,
    ) -> None:
        self.first, self.second = first, second
        self.distance_m = distance_m
        self.is_slip = is_slip
        self.score = 1.0
        self.reasons: list[str] = []

    def take(self, reason: str, share: float) -> None:
        self.reasons.append(reason)
        self.score *= share

    def _both(self, level: str) -> tuple[str | None, str | None]:
        return self.first.keys.get(level), self.second.keys.get(level)

    def _lies_within(self, limit_m: float) -> bool:
        return self.distance_m is not None and self.distance_m <= limit_m

    def tails_fit(self) -> bool:
        """Whether building, entrance, floor and room are the same or safely left out by one."""
        for level in ("building", "entrance", "floor", "room", "village_group"):
            a, b = self._both(level)
            if a == b:
                continue
            if a is not None and b is not None:
                return False
            # A room without its entrance may be that room; a building without is the building.
            if level == "entrance" and self._both("room")[0] is not None:
                self.take("left_out:entrance", 0.75)
            elif level == "village_group" and self._both("door")[0] is not None:
                self.take("left_out:village_group", 0.7)
            elif level == "floor" and self._both("room")[0] is not None:
                self.take("left_out:floor", 0.9)
            else:
                return False
        return True

    def divisions_fit(self) -> bool:
        codes = self.first.county_code, self.second.county_code
        if codes[0] and codes[1] and codes[0] != codes[1]:
            return False
        by_code = bool(codes[0] and codes[1])
        for level in DIVISIONS:
            a, b = self._both(level)
            if a is not None and b is not None and a != b:
                if by_code:
                    self.take(f"former:{level}", 0.98)
                elif division_name(level, a) != division_name(level, b):
                    return False
            elif (a is None) != (b is None):
                self.reasons.append(f"left_out:{level}")
        for level, share in (("township", 0.75), ("community", 0.9), ("development_zone", 0.9)):
            a, b = self._both(level)
            if a is not None and b is not None:
                if a != b and name_stem(level, a) != name_stem(level, b):
                    if not self._lies_within(_TOWNSHIP_MAX_M):
                        return False
                    self.take(f"differs:{level}", share)
            elif (a is None) != (b is None):
                self.reasons.append(f"left_out:{level}")
        return True

    def sites_fit(self) -> bool:
        """Whether the two name one site: names and door agree, and enough of them do."""
        agreed: set[str] = set()
        unsure: set[str] = set()
        for level in ("road", "estate"):
            a, b = self._both(level)
            if a is not None and b is not None:
                how = self._name_fits(level, a, b)
                if how is None:
                    return False
                (unsure if how is _UNSURE else agreed).add(level)
        door, other_door = self._both("door")
        if door is not None and other_door is not None:
            if door != other_door:
                return False
            agreed.add("door")
        poi_fits = self._point_of_interest_fits()
        if poi_fits is None:
            return False
        if poi_fits:
            agreed.add("point_of_interest")
        # A name with a slip names the site only where another name or road and door do as well.
        if unsure and not (agreed & {"road", "estate", "point_of_interest"}):
            return False
        return self._names_enough(agreed | unsure)

    def _names_enough(self, agreed: set[str]) -> bool:
        """Whether what agrees names one site without what only one of the two writes."""
        written = {*self.first.keys, *self.second.keys}
        by_road = {"road", "door"} <= agreed
        by_estate = "estate" in agreed and self._doors_may_be_left_out()
        by_village = (
            "door" in agreed and written.isdisjoint({"road", "estate"}) and (self._same_community())
        )
        by_name = "point_of_interest" in agreed and "door" not in written
        if not (by_road or by_estate or by_village or by_name):
            return False
        for level, share in (("road", 0.95), ("door", 0.9), ("estate", 0.93)):
            if (level in self.first.keys) != (level in self.second.keys):
                self.take(f"left_out:{level}", share)
        return True

    def _doors_may_be_left_out(self) -> bool:
        """A door of a road may be left out before an estate; one of a village is the place."""
        with_door = [side.keys for side in (self.first, self.second) if "door" in side.keys]
        return len(with_door) != 1 or "road" in with_door[0]

    def _same_community(self) -> bool:
        a, b = self._both("community")
        return (
            a is not None
            and b is not None
            and name_stem("community", a) == name_stem("community", b)
        )

    def _point_of_interest_fits(self) -> bool | None:
        """True: the same name; False: it tells nothing; None: it tells two places apart."""
        a, b = self._both("point_of_interest")
        has_door = "door" in self.first.keys or "building" in self.first.keys
        if a is not None and b is not None:
            if a == b:
                return True
            if not has_door:
                return None
            self.take("differs:point_of_interest", 0.9)
            return False
        # Without a door or building the name is what tells one place from the next.
        return None if (a is None) != (b is None) and not has_door else False

    def _name_fits(self, level: str, a: str, b: str) -> str | None:
        """Whether two names are one: `_SURE`, `_UNSURE` with a slip; None: two names."""
        if a == b:
            return _SURE
        stem_a, stem_b = name_stem(level, a), name_stem(level, b)
        if stem_a == b or stem_b == a:
            self.take(f"short:{level}", 0.92)
            return _SURE
        if differs_in_number_or_side(a, b) or not self._lies_within(_TYPO_MAX_M):
            return None
        if min(len(stem_a), len(stem_b)) < _TYPO_MIN_CHARS:
            return None
        if sound(a) == sound(b):
            self.take(f"sound:{level}", 0.85)
            return _SURE
        if DamerauLevenshtein.distance(a, b) == 1 and self.is_slip(level, a, b):
            self.take(f"slip:{level}", 0.78)
            return _UNSURE
        return None

    def weigh_distance(self) -> None:
        if self.distance_m is None:
            # Without points a division left out may hide another town.
            has_gap = any(r.startswith("left_out:") for r in self.reasons)
            self.take("no_point", 0.7 if has_gap else 0.85)
        elif self.distance_m <= 60:
            self.reasons.append("near")
        elif self.distance_m <= 150:
            self.take("near", 0.96)
        else:
            self.take("far", 0.85 if self.distance_m <= 300 else 0.62)
