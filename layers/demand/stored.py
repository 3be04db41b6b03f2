"""Demand kept in memory for a few minutes: it changes with the registers, not with the units."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy.orm import Session

from geo.values import GridScope
from layers.demand.cells import Demand, load_demand

KEPT = 16  # scopes and resolutions
FRESH = timedelta(minutes=5)


class StoredDemand:
    """Demand by scope and resolution; safe among threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[GridScope, int], tuple[datetime, Demand]] = OrderedDict()

    def of(self, session: Session, *, scope: GridScope, resolution: int, now: datetime) -> Demand:
        """Return the demand of a scope, at most five minutes old; see `load_demand`."""
        key = (scope, resolution)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now - kept[0] < FRESH:
            return kept[1]
        demand = load_demand(session, scope=scope, resolution=resolution)
        with self._lock:
            self._kept[key] = (now, demand)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return demand
