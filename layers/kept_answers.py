"""Answers kept for who asks the same again: the latest, up to a weight in all.

What is asked for twice at once is worked out once: the second waits. A key must hold everything the
answer depends on, the caller's scope too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class KeptAnswers(Generic[Answer]):
    """Parameters
    ----------
    weight_max : of all that is kept together; the latest answer is kept whatever it weighs
    weight_of : of one answer
    """

    def __init__(self, weight_max: int, weight_of: Callable[[Answer], int]) -> None:
        self._weight_max, self._weight_of = weight_max, weight_of
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._weight = 0
        self._lock = Lock()
        self._making: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """Return the answer to a key; `make` makes it where it isn't kept. What `make` raises isn't
        kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            turn = self._making.setdefault(key, Lock())
        with turn:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                made = make()
                self._keep(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._kept.clear()
            self._weight = 0

    def _keep(self, key: Hashable, made: Answer) -> None:
        weight = self._weight_of(made)
        with self._lock:
            self._kept[key] = made
            self._weight += weight
            while self._weight > self._weight_max and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._weight -= self._weight_of(dropped)
