"""Compare two free texts: how the places lie to each other, how likely they are one, and why.

The levels are compared as `parse` reads them, names loosely (short forms, homophones, a slip of
one character), numbers strictly. How likely they are one place is for a `PairModel` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import DamerauLevenshtein

from geo.addresses.compare import AddressRelation, same_value
from geo.addresses.divisions import load_divisions, parent_codes
from geo.addresses.levels import DIVISION_LEVELS, LEVELS, NUMBERED_LEVELS, AddressLevel
from geo.addresses.name_forms import differs_in_number_or_side, short_forms
from geo.addresses.normalise import MAX_TEXT_LENGTH, fold_name, normalise
from geo.addresses.pair_facts import PairFacts, forbid_grades
from geo.addresses.pair_model import PairGrade, PairModel, load_pair_model
from geo.addresses.parse import ParseContext, ParsedAddress, parse
from geo.addresses.sounds import sound

Array = npt.NDArray[Any]
UNLIKE_FROM = 0.5  # probability of no match from which a differing name parts two places


@dataclass(frozen=True, slots=True)
class PairReason:
    """What the two texts say of one thing.

    code : `same`, `short`, `sound`, `slip` (names that are one all the same); `differs`;
    `only_first`, `only_second`; `range` (a number within a range of the other); `near` (one text
    only says that it is beside the place)
    level : a level, or `point_of_interest` for a shop, firm or other name inside
    """

    code: str
    level: str
    first: str = ""
    second: str = ""


@dataclass(frozen=True, slots=True)
class TextComparison:
    """How two texts lie to each other.

    relation : of the places, as far as both texts tell
    parted_at : the level at which they part; None where they are the same, share no level, or part
    by a name that has none (a shop inside, only near)
    grade : the likeliest of no match, partial, full
    probabilities : of the three grades, sum 1
    reasons : level by level, coarse to fine
    """

    relation: AddressRelation
    parted_at: AddressLevel | None
    grade: PairGrade
    probabilities: tuple[float, float, float]
    reasons: tuple[PairReason, ...]

    @property
    def full(self) -> float:
        """Probability that both name one place."""
        return self.probabilities[PairGrade.FULL]


def compare_many(
    firsts: Sequence[str],
    seconds: Sequence[str],
    *,
    model: PairModel | None = None,
    both_ways: bool = True,
) -> Array:
    """Return the probabilities of no match, partial and full for each pair, (n_pairs, 3) float32.

    What a light reading finds plain forbids grades, as in `compare_texts` (`pair_facts` says what).

    Parameters
    ----------
    firsts, seconds : (n_pairs,) texts
    model : None takes the one that ships
    both_ways : the mean of both directions, so that exchanging the columns changes nothing; False
        asks only whether the second is what the first asked for, in half the time

    Raises
    ------
    InvalidInput : the columns differ in length, or hold what is not text
    FileTooLarge : a text is longer than 4,096 characters
    """
    model = model or load_pair_model()
    found, facts = model.shares_and_facts(firsts, seconds)
    if both_ways:
        others, other_facts = model.shares_and_facts(seconds, firsts)
        found, facts = (found + others) / 2, facts.both(other_facts)
    forbid_grades(found, facts, model.emphasis)
    return found


def compare_texts(
    first: str,
    second: str,
    *,
    context: ParseContext | None = None,
    model: PairModel | None = None,
    max_length: int = MAX_TEXT_LENGTH,
) -> TextComparison:
    """Return how two address texts lie to each other; `compare_texts(b, a)` mirrors it.

    A number that differs at any level parts them, as does a division that can't be the other's.
    A name that differs parts them where the model holds them for different places: one house may
    stand at two roads, and one estate have two names.

    Raises
    ------
    InvalidInput : a text is not a string
    FileTooLarge : a text is longer than `max_length`
    """
    model = model or load_pair_model()
    ours = parse(first, context=context, max_length=max_length)
    theirs = parse(second, context=context, max_length=max_length)
    probabilities = model.probabilities([first], [second])
    probabilities = (probabilities + model.probabilities([second], [first])) / 2
    reasons = _level_reasons(ours, theirs)
    is_unlike = bool(probabilities[0, PairGrade.NONE] >= UNLIKE_FROM)
    relation, parted_at = _relation(reasons, is_unlike)
    if not any(reason.code in _AGREED for reason in reasons):
        if fold_name(normalise(first).text) == fold_name(normalise(second).text):
            relation, parted_at = AddressRelation.SAME, None
        elif is_unlike:
            relation = AddressRelation.DIFFERENT
    others = _other_reasons(ours, theirs)
    if relation is AddressRelation.SAME:
        relation = _relation_by_names(others)
    reasons += others
    forbid_grades(probabilities, _facts(relation, parted_at, reasons), model.emphasis)
    none, partial, full = (float(share) for share in probabilities[0])
    return TextComparison(
        relation,
        parted_at,
        PairGrade(int(model.grades(probabilities)[0])),
        (none, partial, full),
        tuple(reasons),
    )


_ROAD_AND_DOOR = frozenset({AddressLevel.ROAD, AddressLevel.DOOR})


def _relation_by_names(reasons: list[PairReason]) -> AddressRelation:
    """Return how two texts lie that agree at every level, by the names beside the levels."""
    codes = {reason.code for reason in reasons}
    if codes & {"near", "differs"}:
        return AddressRelation.OVERLAP
    if "only_first" in codes:
        return AddressRelation.WITHIN
    return AddressRelation.CONTAINS if "only_second" in codes else AddressRelation.SAME


def _facts(
    relation: AddressRelation, parted_at: AddressLevel | None, reasons: list[PairReason]
) -> PairFacts:
    """Return what the relation makes plain, for one pair."""
    agreed = {reason.level for reason in reasons if reason.code in _AGREED}
    is_known = agreed >= _ROAD_AND_DOOR or AddressLevel.ESTATE in agreed
    lies_within = relation in (AddressRelation.CONTAINS, AddressRelation.WITHIN)
    return PairFacts(
        same=np.array([relation is AddressRelation.SAME]),
        telling=np.array([lies_within and is_known]),
        parted=np.array([relation is AddressRelation.DIFFERENT]),
        elsewhere=np.array(
            [relation is AddressRelation.DIFFERENT and parted_at in DIVISION_LEVELS]
        ),
    )


_AGREED = frozenset({"same", "short", "sound", "slip", "range"})


def _level_reasons(first: ParsedAddress, second: ParsedAddress) -> list[PairReason]:
    """Return what the texts say at each level that one of them writes, coarse to fine."""
    ours, theirs = first.components(), second.components()
    one, apart = _compare_divisions(first, second)
    reasons = []
    for level in LEVELS:
        a, b = ours.get(level), theirs.get(level)
        if level == apart:
            reasons.append(PairReason("differs", level, a or "", b or ""))
        elif level in one and a is not None and b is not None:
            reasons.append(PairReason("same", level, a, b))
        elif a is not None and b is not None:
            reasons.append(PairReason(_agreement(level, a, b), level, a, b))
        elif a is not None:
            reasons.append(PairReason("only_first", level, a))
        elif b is not None:
            reasons.append(PairReason("only_second", level, second=b))
    return reasons


def _agreement(level: AddressLevel, first: str, second: str) -> str:
    """Return how two values of one level agree: a code of `PairReason`."""
    if same_value(level, first, second):
        return "same"
    if level in NUMBERED_LEVELS:
        return "range" if _in_range(first, second) or _in_range(second, first) else "differs"
    a, b = fold_name(first), fold_name(second)
    if a in dict(short_forms(b, level)) or b in dict(short_forms(a, level)):
        return "differs" if _lost_part(a, b) else "short"
    if differs_in_number_or_side(a, b):
        return "differs"
    if sound(a) == sound(b):
        return "sound"
    if min(len(a), len(b)) > 3 and DamerauLevenshtein.distance(a, b) == 1:
        return "slip"
    return "differs"


def _lost_part(first: str, second: str) -> bool:
    """Whether one name is the other without its numbered part: 翠苑 for 翠苑一区."""
    return differs_in_number_or_side(first, second)


def _in_range(number: str, numbers: str) -> bool:
    """Whether a plain number lies in a range of the other text: 3 in 1-7."""
    low, dash, high = numbers.partition("-")
    if not (dash and number.isdigit() and low.isdigit() and high.isdigit()):
        return False
    return int(low) < int(high) and int(low) <= int(number) <= int(high)


def _compare_divisions(
    first: ParsedAddress, second: ParsedAddress
) -> tuple[frozenset[AddressLevel], AddressLevel | None]:
    """Return the levels at which two texts lie in one division, and the first where they don't.

    By present codes: 余杭区 lies in 杭州市 and not in 宁波市, though neither text writes what the
    other does; 江干区 is a part of today's 上城区.
    """
    ours, theirs = _settled(first), _settled(second)
    if ours is None or theirs is None:
        return frozenset(), None
    divisions = load_divisions()
    a = {d.level: d.code for d in divisions.chain(ours)}
    b = {d.level: d.code for d in divisions.chain(theirs)}
    one: list[AddressLevel] = []
    for level in DIVISION_LEVELS:
        if level in a and level in b:
            if a[level] != b[level]:
                return frozenset(one), level
            one.append(level)
    return frozenset(one), None


def _settled(address: ParsedAddress) -> str | None:
    """Return the present code of the finest division of the upper four levels."""
    code = address.division_code
    if code is None:
        return None
    code = code[:9]
    divisions = load_divisions()
    for known in (code, *parent_codes(code)):
        if divisions.find(known) is not None:
            return divisions.successor(known).code
    return None


def _relation(
    reasons: list[PairReason], is_unlike: bool
) -> tuple[AddressRelation, AddressLevel | None]:
    finest = -1
    for index, reason in enumerate(reasons):
        level = AddressLevel(reason.level)
        if reason.code == "differs" and (
            is_unlike or level in NUMBERED_LEVELS or level in DIVISION_LEVELS
        ):
            return AddressRelation.DIFFERENT, level
        if reason.code in _AGREED:
            finest = index
    if finest < 0:
        return AddressRelation.OVERLAP, None
    # A name that differs and parts nothing is said by both: neither is finer for it.
    finer = [reason for reason in reasons[finest + 1 :] if reason.code != "differs"]
    doubtful = [reason for reason in reasons if reason.code in ("differs", "range")]
    ours = [reason for reason in finer if reason.code == "only_first"]
    theirs = [reason for reason in finer if reason.code == "only_second"]
    parted = [AddressLevel(reason.level) for reason in finer]
    if (ours and theirs) or (doubtful and not finer):
        return AddressRelation.OVERLAP, parted[0] if parted else AddressLevel(doubtful[0].level)
    if ours:
        return AddressRelation.WITHIN, parted[0]
    if theirs:
        return AddressRelation.CONTAINS, parted[0]
    return AddressRelation.SAME, None


def _other_reasons(first: ParsedAddress, second: ParsedAddress) -> list[PairReason]:
    """Return what the texts say beside the levels: names inside, and being only near."""
    reasons = []
    ours = [note.text for note in first.leftovers if note.kind == "name"]
    theirs = [note.text for note in second.leftovers if note.kind == "name"]
    if ours or theirs:
        a, b = max(ours, key=len, default=""), max(theirs, key=len, default="")
        code = "only_first" if not b else "only_second" if not a else None
        if code is None:
            code = _agreement(AddressLevel.ESTATE, a, b)
        reasons.append(PairReason(code, "point_of_interest", a, b))
    near_a = [note.text for note in first.relation]
    near_b = [note.text for note in second.relation]
    if near_a != near_b:
        reasons.append(PairReason("near", "relation", " ".join(near_a), " ".join(near_b)))
    return reasons
