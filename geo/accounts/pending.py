"""What waits for a person's next step, such as their way back from another sign-in.

Kept in memory, since one process serves: after a restart they begin anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from geo.accounts.passwords import new_token

T = TypeVar("T")


class Pending(Generic[T]):
    """Values by secrets of chance; each is gone when it is taken, or after a time.

    The clock is one that nobody sets back.

    Parameters
    ----------
    lasts_s : how long a value waits [s]
    most : of them at once; beyond that the oldest is forgotten
    """

    def __init__(
        self, *, lasts_s: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lasts_s, self._most, self._clock = lasts_s, most, clock
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = Lock()

    def put(self, value: T) -> str:
        """Keep a value; return the secret that finds it."""
        key = new_token()
        self.put_as(key, value)
        return key

    def put_as(self, key: str, value: T) -> None:
        """Keep a value under a secret that there is already, in place of what it stood for."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (self._clock() + self._lasts_s, value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def find(self, key: str) -> T | None:
        """Return what a secret stands for; None where it is none, was taken, or is over."""
        with self._lock:
            ends, value = self._kept.get(key, (0.0, None))
        return value if value is not None and ends > self._clock() else None

    def take(self, key: str) -> T | None:
        """Return what a secret stands for, once."""
        with self._lock:
            ends, value = self._kept.pop(key, (0.0, None))
        return value if value is not None and ends > self._clock() else None
