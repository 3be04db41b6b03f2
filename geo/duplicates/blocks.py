"""Candidate pairs among many addresses, without comparing each with each.

Addresses meet under shared keys (`facts.blocking_keys`), held as 64-bit hashes: some 12 bytes a key
and a dozen keys an address, so that a million addresses take 200 MB and no text is kept. A chance
hit of two hashes only makes one more candidate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.duplicates.facts import NAMES, AddressFacts, blocking_keys, writing_key
from geo.register.seen import hashed

BLOCK_MAX = 40
"""A key that more addresses share tells nothing, and its block is left out."""

SLIP_ROWS_MAX = 3
SLIP_TIMES_RARER = 20
"""A name of so few rows, or so many times rarer than one that differs in a character, is a slip."""

_PARTITIONS = 16  # of the keys; pairs are made for one at a time, to keep the peak low
_APART = ("building", "entrance", "room")  # numbers that must not differ, compared as hashes


@dataclass(frozen=True, slots=True)
class CandidatePairs:
    """Pairs to look at, (n_pairs,) each, ordered by `vaguer`, then `fuller`.

    vaguer : id of the address that writes less, or of the later one where both write as much
    fuller : id of the other
    block_count_left_out : keys that too many addresses share
    """

    vaguer: NDArray[np.int64]
    fuller: NDArray[np.int64]
    block_count_left_out: int

    def __len__(self) -> int:
        return len(self.vaguer)

    def batches(self, size: int, *, after_id: int = 0) -> Iterator[CandidatePairs]:
        """Yield the pairs whose `vaguer` is above `after_id`, some `size` at a time; those of one
        address stay together."""
        start = int(np.searchsorted(self.vaguer, after_id, side="right"))
        while start < len(self.vaguer):
            last = self.vaguer[min(start + size, len(self.vaguer)) - 1]
            end = int(np.searchsorted(self.vaguer, last, side="right"))
            yield CandidatePairs(self.vaguer[start:end], self.fuller[start:end], 0)
            start = end


class BlockBuilder:
    """Takes addresses in any number of chunks, ids growing, and gives the candidate pairs."""

    def __init__(self) -> None:
        self.name_counts: Counter[tuple[str, str]] = Counter()
        self._ids: list[NDArray[np.int64]] = []
        self._level_counts: list[NDArray[np.uint8]] = []
        self._numbers: list[NDArray[np.uint32]] = []
        self._hashes: list[NDArray[np.uint64]] = []
        self._owners: list[NDArray[np.int32]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, chunk: Iterable[AddressFacts]) -> None:
        """Take addresses."""
        chunk = list(chunk)
        if not chunk:
            return
        keys: list[str] = []
        owners: list[int] = []
        for place, facts in enumerate(chunk, start=self._count):
            mine = list(blocking_keys(facts))
            keys += mine
            owners += [place] * len(mine)
            self.name_counts.update(
                (level, facts.keys[level]) for level in NAMES if level in facts.keys
            )
        self._ids.append(np.array([facts.id for facts in chunk], np.int64))
        self._level_counts.append(np.array([len(facts.keys) for facts in chunk], np.uint8))
        numbers = [facts.keys.get(level, "") for facts in chunk for level in _APART]
        coded = (hashed(numbers) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        coded[np.array([not number for number in numbers])] = 0
        self._numbers.append(coded.reshape(len(chunk), len(_APART)))
        self._hash(keys, owners)
        self._count += len(chunk)

    def add_writings(self, address_ids: NDArray[np.int64], keys: list[str]) -> None:
        """Take aliases (`facts.alias_key`) of addresses that were added; others are left out."""
        ids = np.concatenate(self._ids) if self._ids else np.empty(0, np.int64)
        places = np.searchsorted(ids, address_ids)
        is_known = (places < len(ids)) & (ids[np.minimum(places, len(ids) - 1)] == address_ids)
        known = np.flatnonzero(is_known)
        self._hash([writing_key(keys[i]) for i in known], places[known].tolist())

    def count_up_to(self, address_id: int) -> int:
        """Return how many of the addresses have this id or a smaller one."""
        return sum(int(np.searchsorted(ids, address_id, side="right")) for ids in self._ids)

    def is_slip(self, level: str, first: str, second: str) -> bool:
        """Whether one of two names is so rare beside the other that it is probably a slip."""
        rarer, other = sorted((self.name_counts[level, first], self.name_counts[level, second]))
        return rarer <= SLIP_ROWS_MAX or rarer * SLIP_TIMES_RARER <= other

    def pairs(self) -> CandidatePairs:
        """Return the candidate pairs of all that was added."""
        if not self._ids:
            empty = np.empty(0, np.int64)
            return CandidatePairs(empty, empty, 0)
        ids, hashes = np.concatenate(self._ids), np.concatenate(self._hashes)
        owners, numbers = np.concatenate(self._owners), np.concatenate(self._numbers)
        level_counts = np.concatenate(self._level_counts)
        partition = (hashes >> np.uint64(60)).astype(np.uint8)
        found: list[NDArray[np.int64]] = []
        left_out = 0
        for number in range(_PARTITIONS):
            chosen = np.flatnonzero(partition == number)
            order = chosen[np.lexsort((owners[chosen], hashes[chosen]))]
            first, second, too_large = _pairs_of_blocks(hashes[order], owners[order])
            left_out += too_large
            may_fit = _numbers_agree(numbers, first, second)
            first, second = first[may_fit], second[may_fit]
            # the vaguer first; of two that write as much, the later one
            swap = level_counts[first] < level_counts[second]
            vaguer, fuller = np.where(swap, first, second), np.where(swap, second, first)
            found.append(np.unique(vaguer.astype(np.int64) * self._count + fuller))
        coded = np.unique(np.concatenate(found))
        return CandidatePairs(ids[coded // self._count], ids[coded % self._count], left_out)

    def _hash(self, keys: list[str], owners: list[int]) -> None:
        if keys:
            self._hashes.append(hashed(keys))
            self._owners.append(np.array(owners, np.int32))


def _pairs_of_blocks(
    hashes: NDArray[np.uint64], owners: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Pairs of owners under one hash, (n,) each; owners ascend within a hash."""
    if len(hashes) < 2:
        return owners[:0], owners[:0], 0
    is_first = np.concatenate(([True], (hashes[1:] != hashes[:-1])))
    is_repeated = ~is_first & np.concatenate(([False], owners[1:] == owners[:-1]))
    hashes, owners = hashes[~is_repeated], owners[~is_repeated]
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    sizes = np.diff(np.append(starts, len(hashes)))
    keep = np.repeat((sizes > 1) & (sizes <= BLOCK_MAX), sizes)
    hashes, owners = hashes[keep], owners[keep]
    firsts, seconds = [owners[:0]], [owners[:0]]
    for step in range(1, BLOCK_MAX):
        same = np.flatnonzero(hashes[step:] == hashes[:-step])
        if not len(same):
            break
        firsts.append(owners[same])
        seconds.append(owners[same + step])
    return np.concatenate(firsts), np.concatenate(seconds), int((sizes > BLOCK_MAX).sum())


def _numbers_agree(
    numbers: NDArray[np.uint32], first: NDArray[np.int32], second: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Whether no number that both write differs."""
    agree = np.ones(len(first), bool)
    for column in numbers.T:
        a, b = column[first], column[second]
        agree &= (a == b) | (a == 0) | (b == 0)
    return agree
