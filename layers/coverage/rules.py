"""How positions become what is kept of coverage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geo.coverage.records import HOUR_MS
from geo.positions.tracks import TrackLimits
from layers.coverage.measures import VisitRules
from layers.presence.pieces import PresenceRules


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """How positions become what is kept. Who changes them computes the past anew
    (`gridbeat coverage recompute`).

    offset_ms : where hours begin, for zones that are off by parts of an hour
    """

    presence: PresenceRules = field(default_factory=PresenceRules)
    limits: TrackLimits = field(default_factory=TrackLimits)
    visits: VisitRules = field(default_factory=VisitRules)
    offset_ms: int = 0

    def hour_of(self, at_ms: Any) -> Any:
        """Return when the hour of a moment, or of many, began [ms]."""
        return (at_ms - self.offset_ms) // HOUR_MS * HOUR_MS + self.offset_ms

    @property
    def look_ms(self) -> int:
        """How far, in time, a fix can change what is decided of another."""
        return 1000 * round(
            max(self.limits.source_window_s, 0.0)
            + 2 * self.presence.still_window_s
            + self.presence.settle_reach_s
            + self.presence.smooth_reach_s
            + self.limits.silence_s
        )
