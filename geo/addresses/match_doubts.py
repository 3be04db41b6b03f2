"""What makes a match doubtful: each doubt has an amount, and most have a reason to be read.

`confidence` weighs the amounts. None is negative, and noise in a text never lowers one: see
tests/geo/addresses/test_noise.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from geo.addresses.match_places import Place, own_text
from geo.addresses.match_query import Query, find_brackets
from geo.addresses.match_reasons import MatchReason
from geo.addresses.match_sites import NAME_WEIGHTS
from geo.addresses.name_table import NameHit
from geo.addresses.normalise import fold_name, normalise
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NAME_LEVELS
from geo.addresses.row_groups import LEVEL_RANK
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    alternatives,
)

LITERAL_LENGTH = 4  # [characters] of a text that may be the end of an address, letter by letter
_WEIGHTY = 2.0  # weight of a name from which on a slip in it is a doubt
_NAMED_ENOUGH = 2.0  # roads, estates and the like, each by its quality, that leave no doubt
_NAMED_BY_SLIP = 0.7  # a road or an estate with one slip; a village, or a name in part, is less
_NUMBERED_ENOUGH = 2  # numbers that agree that leave no doubt
_READ_OTHERWISE = 0.3  # cost over the cheapest reading: numbers read so that they fit
_SLIPS_OF_QUALITY = 5.0  # a slip of quality 0.8 is an amount of 1
_SLIPS = {"short": "short", "sound": "slip", "typo": "slip", "part": "part", "begun": "part"}
_TAIL = frozenset({"entrance", "floor", "room"})
_DIVISIONS = frozenset({"province", "city", "county"})
_AREAS = frozenset({"county", "township", "development_zone", "community"})
_NARROW = frozenset({"village_group", "road", "estate", "point_of_interest", "building"})
_DISTORTED = frozenset({"sound", "typo", "part"})
_PART = re.compile(r"(?<!\d)\d{1,2}[区期]|[东南西北][区期]")
_MISSED = ("village_group", "door", "building", "entrance")

# A stretch of text with one of these words behind two characters may name a place that is not the
# register's. Words of everyday speech are left out.
_SPOKEN = {*"吧部行道线局所城湾居院店馆站", "天下", "半岛", "国际", "春天", "印象"}
_NAME_ENDINGS = dict.fromkeys(
    (*ROAD_ENDINGS, *COMMUNITY_ENDINGS, *TOWNSHIP_ENDINGS, *ESTATE_ENDINGS)
)
_NAME_LIKE = re.compile(
    f"[一-鿿]{{2}}(?:{alternatives(tuple(each for each in _NAME_ENDINGS if each not in _SPOKEN))})"
)
# Amounts of a stretch that is left over. The first characters count most, so that one stretch is
# never worse than the two into which noise breaks it.
_STRETCH, _STRETCH_FIRST, _STRETCH_FURTHER, _STRETCH_BEGINS = 0.4, 0.15, 0.05, 4  # [-, -, -, chars]


@dataclass
class Doubts:
    """Reasons to read, and doubt → amount, which `confidence_of` takes."""

    reasons: list[MatchReason] = field(default_factory=list)
    amounts: dict[str, float] = field(default_factory=dict)

    def add(self, doubt: str, amount: float = 1.0) -> None:
        if amount > 0:
            self.amounts[doubt] = self.amounts.get(doubt, 0.0) + amount

    def say(self, code: str, level: str | None = None, said: str = "", stored: str = "") -> None:
        self.reasons.append(MatchReason(code, level, said, stored))


def find_doubts(query: Query, place: Place, view: RegisterView) -> Doubts:
    """Return the doubts of a place that lie in the text and the place, not in its rivals."""
    confirmed = place.confirmed
    doubts = Doubts()
    if not _AREAS & confirmed.names.keys():
        doubts.add("no_area")
    text = "" if place.address is None else own_text(view, *place.address)
    if _is_literal_end(query.folded, text):
        return doubts
    add_contradictions(place, doubts)
    _add_names(query, place, view, doubts)
    if text and _says_another_part(query, text, view):
        doubts.add("differs_name")
    other_branch = _other_branch(query, place, view, text)
    if other_branch:
        doubts.say("unexplained", said=other_branch)
        doubts.add("differs_name")
    _add_unexplained(query, place, view, text, doubts)
    _add_divisions(query, place, view, doubts)
    relations = [word for word in query.relations if fold_name(word) not in text]
    if relations:
        doubts.say("near", said=relations[0])
        doubts.add("near")
    reading = place.scored.reading
    if reading.unread:
        doubts.say("unread", said=",".join(reading.unread))
        doubts.add("unread", len(reading.unread))
    if reading.cost >= 0.2:
        doubts.say("assumed")
    doubts.add("assumed", reading.cost)
    if reading.cost - min(each.cost for each in query.readings) >= _READ_OTHERWISE:
        doubts.add("reread")
    leftover = [piece for piece in query.leftover if piece not in text]
    if leftover:
        doubts.say("leftover", said=" ".join(leftover))
        for piece in leftover:
            doubts.add("leftover", _stretch(piece))
            doubts.add("leftover_name", float(_NAME_LIKE.search(piece) is not None))
    if place.address is None and {"leftover_name", "unexplained"} & doubts.amounts.keys():
        doubts.add("falls_short")
    return doubts


def add_contradictions(place: Place, doubts: Doubts) -> None:
    """Doubt for what differs, and for what the register has nothing of.

    Where the answer is only what is certain, 翠苑一区 for 翠苑一区9幢 that isn't there, the
    contradiction lies below it.
    """
    for level, (said, stored) in place.confirmed.differing.items():
        doubts.say("differs", level, said, stored)
        doubts.add(_contradiction("differs", level, place))
    for level, said in place.confirmed.absent.items():
        doubts.say("absent", level, said)
        doubts.add("absent_floor" if level == "floor" else _contradiction("absent", level, place))


def _contradiction(how: str, level: str, place: Place) -> str:
    if place.address is None and LEVEL_RANK[level] > LEVEL_RANK[place.level]:
        return f"{how}_below"
    return f"{how}_tail" if level in _TAIL else f"{how}_place"


def missing_levels(place: Place, view: RegisterView) -> list[str]:
    """Return levels up to the place's own that its address has and the text doesn't give."""
    if place.address is None:
        return []
    part, row = place.address
    components = view.parts[part].segment.components
    said = {*dict(place.scored.reading.values), *place.confirmed.names}
    return [
        level
        for level in _MISSED
        if components[level][0][row] >= 0
        and level not in said
        and LEVEL_RANK[level] <= LEVEL_RANK[place.level]
    ]


def _is_literal_end(folded: str, own: str) -> bool:
    """Whether the text is the address itself, or what is left of it without its divisions."""
    before = own[: -len(folded)][-1:] if folded else ""
    splits_number = before.isdigit() and folded[0].isdigit()
    return len(folded) >= LITERAL_LENGTH and own.endswith(folded) and not splits_number


def _stretch(piece: str) -> float:
    first = min(len(piece), _STRETCH_BEGINS)
    return _STRETCH + _STRETCH_FIRST * first + _STRETCH_FURTHER * (len(piece) - first)


def _add_names(query: Query, place: Place, view: RegisterView, doubts: Doubts) -> None:
    """Doubt for slips in names, and for a text that names little of the place."""
    weighty = {
        level: hit
        for level, hit in place.confirmed.names.items()
        if NAME_WEIGHTS[level] >= _WEIGHTY
    }
    has_full = any(hit.how == "full" and NAME_WEIGHTS[level] > 2 for level, hit in weighty.items())
    for level, hit in weighty.items():
        if hit.how == "full":
            continue
        said = query.folded[hit.start : hit.end]
        doubts.say(hit.how, level, said, view.names.texts[hit.name_id])
        beside = "_beside" if has_full else ""
        doubts.add(_SLIPS[hit.how] + beside, (1.0 - hit.quality) * _SLIPS_OF_QUALITY)
    named = sum(hit.quality * NAME_WEIGHTS[level] / 4 for level, hit in weighty.items())
    doubts.add("named_little", _NAMED_ENOUGH - named)
    if not named and place.confirmed.numbers and _is_named(place, view):
        doubts.add("unnamed")
    is_distorted = all(hit.how in _DISTORTED for hit in weighty.values())
    is_settled = (
        named >= _NAMED_BY_SLIP
        and bool(_AREAS & place.confirmed.names.keys())
        and len(place.confirmed.numbers) >= _NUMBERED_ENOUGH
    )
    if 0 < named < 1.0 and is_distorted and not is_settled:
        doubts.add("slip_only")
    if place.address is not None:
        agreeing = len(place.confirmed.numbers.keys() - {"floor"})
        doubts.add("numbered_little", (_NUMBERED_ENOUGH - agreeing) / _NUMBERED_ENOUGH)
    for level in missing_levels(place, view):
        doubts.add("missing_tail" if level in ("building", "entrance") else "missing_place")


def _is_named(place: Place, view: RegisterView) -> bool:
    """Whether the place has a road, an estate, a village, on which its numbers hang."""
    segment = view.parts[place.scored.part].segment
    own = segment.site_names[segment.row_site[place.scored.row]]
    return any(own[NAME_LEVELS.index(level)] > 0 for level in (*_NARROW, "community"))


def _says_another_part(query: Query, text: str, view: RegisterView) -> bool:
    """Whether the text says a part or phase that isn't the address's: 翠苑二期 for 翠苑一期."""
    divisions = [
        (hit.start, hit.end)
        for hit, _ in query.hits
        if view.names.levels[hit.name_id] <= _DIVISIONS | _AREAS
    ]
    return any(
        part[0] not in text
        and not any(start < part.end() and part.start() < end for start, end in divisions)
        for part in _PART.finditer(query.folded)
    )


def _other_branch(query: Query, place: Place, view: RegisterView, text: str) -> str | None:
    """Return what the text has in brackets where the address has something else in its own:
    中兴超市(南门店) for 中兴超市(东门店)."""
    if place.address is None or not query.brackets:
        return None
    part, row = place.address
    own = find_brackets(normalise(view.parts[part].segment.texts[row].as_py()).text)
    is_said = any(each in query.folded for each in own)
    if not own or is_said or any(said in text for said in query.brackets):
        return None
    return query.brackets[0]


def _add_unexplained(
    query: Query, place: Place, view: RegisterView, text: str, doubts: Doubts
) -> None:
    """Doubt for names of the text, known to the register, that this place doesn't bear."""
    explained = [(hit.start, hit.end) for hit in place.confirmed.names.values()]
    for cluster, (start, end) in enumerate(query.clusters):
        if any(start <= s and e <= end for s, e in explained):
            continue
        if query.folded[start:end] in text:
            continue
        weight = max(
            (
                NAME_WEIGHTS[level] * hit.quality
                for hit, at in query.hits
                if at == cluster
                for level in view.names.levels[hit.name_id]
            ),
            default=0.0,
        )
        if weight < 0.4:
            continue
        doubts.say("unexplained", said=query.folded[start:end])
        kinds = {_kind_of_unexplained(hit, place, view) for hit, at in query.hits if at == cluster}
        kind = next((each for each in ("differs_name", "other_area") if each in kinds), None)
        doubts.add(kind or "unexplained", weight / 4 if kind is None else 1.0)


def _kind_of_unexplained(hit: NameHit, place: Place, view: RegisterView) -> str | None:
    """Return what it says of a place that a text has a name of the register which it doesn't bear:
    another road, estate or village; another township; None for nothing so plain."""
    if hit.how != "full" or hit.quality < 1.0:
        return None
    segment = view.parts[place.scored.part].segment
    own = segment.site_names[segment.row_site[place.scored.row]]
    levels, confirmed = view.names.levels[hit.name_id], place.confirmed.names.keys()
    if levels & _NARROW:
        return "differs_name"
    apart = {
        level
        for level in levels - confirmed
        if own[NAME_LEVELS.index(level)] > 0 and own[NAME_LEVELS.index(level)] != hit.name_id
    }
    if "community" in apart and not _NARROW & confirmed:
        return "differs_name"
    return "other_area" if apart & {"township", "development_zone"} else None


def _add_divisions(query: Query, place: Place, view: RegisterView, doubts: Doubts) -> None:
    """Doubt for a province, city or county of the text that isn't the register's."""
    segment = view.parts[place.scored.part].segment
    site = segment.row_site[place.scored.row]
    for level, said in _said_divisions(query, place, view).items():
        name_id = int(segment.site_names[site, NAME_LEVELS.index(level)])
        stored = view.names.texts[name_id]
        if not name_id or stored == said or stored.startswith(said) or said.startswith(stored):
            continue
        if level in place.confirmed.names:
            continue
        doubts.say("division_differs", level, said, stored)
        doubts.add("other_county" if level == "county" else "other_city")


def _said_divisions(query: Query, place: Place, view: RegisterView) -> dict[str, str]:
    """Return level → folded name of the divisions that the text states.

    Those of the register are read wherever they stand, others where grammar reads one. 江津 in the
    name 江津安佳苑, which the place bears, is none.
    """
    said = {
        level: name
        for level, (name, written) in query.divisions.items()
        if not any(
            written in query.folded[hit.start : hit.end]
            for each, hit in place.confirmed.names.items()
            if each not in _DIVISIONS
        )
    }
    for hit, _ in query.hits:
        levels = view.names.levels[hit.name_id]
        if hit.how == "full" and hit.quality == 1.0 and levels <= _DIVISIONS:
            for level in levels:
                said.setdefault(level, view.names.texts[hit.name_id])
    return said
