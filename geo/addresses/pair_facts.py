"""What is plain of a pair whatever a model holds likely, and the grades that this forbids.

A model weighs; a person sees a contradiction where the weight says "no match" of a house and of a
building in it, or "full" of two doors. So: the same place is a full match; a place within the other
is a match of some kind where what they share is telling (road with door, or an estate); a number
or a division that parts them forbids the full match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.pair_features import (
    ALIKE_AT,
    APART,
    DIVISIONS_AT,
    FIRST_SIDE,
    LACKING,
    NAMES_SHARE,
    NUMBER_KINDS,
    NUMBERS_AT,
    ONLY_FIRST,
    ONLY_SECOND,
    RELATIONS_AT,
    SAME,
    SECOND_SIDE,
    SHARED_NUMBERS_AT,
    UNPARTING_KINDS,
)
from geo.addresses.pair_reading import DOOR, ESTATE, ROAD

Array = npt.NDArray[Any]
_MARGIN = 1.02  # by which a grade that must win does win
_WHOLE = 0.999  # a share that is 1 but for rounding


@dataclass(frozen=True, eq=False, slots=True)
class PairFacts:
    """What is plain of pairs, each (n_pairs,) of bool.

    same : the texts name one place
    telling : one place lies within the other, or is it, and a road with door or an estate is shared
    parted : a number or a division differs
    elsewhere : a division differs
    """

    same: Array
    telling: Array
    parted: Array
    elsewhere: Array

    def both(self, other: PairFacts) -> PairFacts:
        """Return what is plain whichever text is taken first."""
        parted = self.parted | other.parted
        return PairFacts(
            self.same & other.same & ~parted,
            self.telling & other.telling & ~parted,
            parted,
            self.elsewhere | other.elsewhere,
        )


def read_facts(features: Array) -> PairFacts:
    """Return what the features of pairs, (n_pairs, N_FEATURES), leave no doubt of.

    It says less than `compare_texts`, which reads both texts fully: names must be alike to the
    letter here.
    """
    n_kinds = len(NUMBER_KINDS)
    states = features[:, NUMBERS_AT : NUMBERS_AT + 2 * n_kinds : 2]
    counted = [index for index, kind in enumerate(NUMBER_KINDS) if kind not in UNPARTING_KINDS]
    elsewhere = features[:, DIVISIONS_AT] == -1
    parted = (states[:, counted] == APART).any(axis=1) | elsewhere
    is_apart = (states == APART).any(axis=1) | parted

    shared, in_first, in_second = features[:, SHARED_NUMBERS_AT : SHARED_NUMBERS_AT + 3].T
    first_more = (states == ONLY_FIRST).any(axis=1) | (features[:, FIRST_SIDE + LACKING] > 0)
    second_more = (states == ONLY_SECOND).any(axis=1) | (features[:, SECOND_SIDE + LACKING] > 0)
    first_more |= in_first > shared
    second_more |= in_second > shared

    road = _shared_names(features, ROAD) & (features[:, ALIKE_AT] == 1)
    estate = _shared_names(features, ESTATE)
    door = states[:, NUMBER_KINDS.index(DOOR)] == SAME
    known = (road & door) | estate
    no_relation = (features[:, RELATIONS_AT : RELATIONS_AT + 4] == 0).all(axis=1)
    names = features[:, [FIRST_SIDE + NAMES_SHARE, SECOND_SIDE + NAMES_SHARE]]
    telling = known & ~is_apart & ~(first_more & second_more)
    same = telling & ~first_more & ~second_more & no_relation & (names > _WHOLE).all(axis=1)
    return PairFacts(same, telling, parted, elsewhere)


def _shared_names(features: Array, kind: int) -> Array:
    """Whether both texts hold names of a kind, and each holds all those of the other."""
    slot = kind - 1
    found: Array = (features[:, FIRST_SIDE + slot] > _WHOLE) & (
        features[:, SECOND_SIDE + slot] > _WHOLE
    )
    return found


def forbid_grades(shares: Array, facts: PairFacts, emphasis: Array) -> None:
    """Take from each grade that the facts forbid its probability, in place.

    Parameters
    ----------
    shares : (n_pairs, 3) probabilities of no match, partial, full; rows keep their sum
    emphasis : (3,) of the model, by which its grade is taken
    """
    none, partial, full = shares.T
    _move(full, none, facts.elsewhere)
    _move(full, partial, facts.parted)
    _move(none, partial, facts.telling & ~facts.same)
    _move(none, full, facts.same)
    # Partial may stay likely of one place: many labels call another shop of the house so. It gives
    # up just enough for the grade to be full.
    either = partial + full
    least = either * min(1.0, _MARGIN * float(emphasis[1] / (emphasis[1] + emphasis[2])))
    raised = np.where(facts.same, np.maximum(full, least), full)
    partial[:] = either - raised
    full[:] = raised


def _move(source: Array, target: Array, rows: Array) -> None:
    target[rows] += source[rows]
    source[rows] = 0
