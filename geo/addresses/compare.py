"""Compare two addresses: same, one contains the other, overlap, different, and where they part."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from geo.addresses.levels import LEVELS, NUMBERED_LEVELS, AddressLevel
from geo.addresses.normalise import fold_name
from geo.addresses.parse import ParsedAddress


class AddressRelation(enum.StrEnum):
    """How the place of the first address lies to the place of the second."""

    SAME = "same"
    CONTAINS = "contains"
    WITHIN = "within"
    OVERLAP = "overlap"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class AddressComparison:
    """What two addresses have in common.

    parted_at : the coarsest level at which they say different things, or after which one says more
    agreed : levels on which both say the same
    only_first, only_second : levels that one alone writes
    """

    relation: AddressRelation
    parted_at: AddressLevel | None
    agreed: tuple[AddressLevel, ...]
    only_first: tuple[AddressLevel, ...]
    only_second: tuple[AddressLevel, ...]


def same_value(level: AddressLevel, first: str, second: str) -> bool:
    """Whether two search values of one level mean the same thing."""
    if first == second:
        return True
    return level not in NUMBERED_LEVELS and fold_name(first) == fold_name(second)


def compare(first: ParsedAddress, second: ParsedAddress) -> AddressComparison:
    """Return how two addresses lie to each other. `compare(b, a)` mirrors `compare(a, b)`.

    A difference at any level that both write makes them different. Coarse levels that only one
    writes (a province left out) part nothing; finer ones make one contain the other. Where each
    writes a site level the other lacks (a door here, a building of an estate there) they overlap
    as far as is known.
    """
    ours, theirs = first.components(), second.components()
    agreed: list[AddressLevel] = []
    only_first: list[AddressLevel] = []
    only_second: list[AddressLevel] = []
    for level in LEVELS:
        a, b = ours.get(level), theirs.get(level)
        if a is not None and b is not None:
            if not same_value(level, a, b):
                return AddressComparison(
                    AddressRelation.DIFFERENT, level,
                    tuple(agreed), tuple(only_first), tuple(only_second),
                )  # fmt: skip
            agreed.append(level)
        elif a is not None:
            only_first.append(level)
        elif b is not None:
            only_second.append(level)
    relation, parted_at = _relation(agreed, only_first, only_second)
    return AddressComparison(
        relation, parted_at, tuple(agreed), tuple(only_first), tuple(only_second)
    )


def _relation(
    agreed: list[AddressLevel], only_first: list[AddressLevel], only_second: list[AddressLevel]
) -> tuple[AddressRelation, AddressLevel | None]:
    if not agreed:
        return (AddressRelation.OVERLAP, None)
    finest = agreed[-1]
    finer_first = [level for level in only_first if level.is_finer_than(finest)]
    finer_second = [level for level in only_second if level.is_finer_than(finest)]
    if finer_first and finer_second:
        return AddressRelation.OVERLAP, min(finer_first[0], finer_second[0], key=lambda v: v.rank)
    if finer_first:
        return AddressRelation.WITHIN, finer_first[0]
    if finer_second:
        return AddressRelation.CONTAINS, finer_second[0]
    return AddressRelation.SAME, None
