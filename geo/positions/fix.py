"""One position of a unit, and what became of a body that brought some.

No reader of a format raises for what a device sent. A phone repeats what isn't answered with
success, for ever, and holds back all that comes after it: so what can't be used is counted by its
reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from geo.values import LonLat


class Source(StrEnum):
    """The format a fix came in."""

    TRACCAR_CLIENT = "traccar_client"
    TRACCAR_CLIENT_JSON = "traccar_client_json"
    OSMAND = "osmand"
    OWNTRACKS = "owntracks"
    CURSOR_ON_TARGET = "cursor_on_target"
    TRACCAR_FORWARD = "traccar_forward"
    GPX = "gpx"
    CSV = "csv"
    BATCH = "batch"


class Drop(StrEnum):
    """Why a fix, or a whole body, was not used."""

    UNREADABLE = "unreadable"  # the body, or one message of it, isn't of the format's form
    FORBIDDEN_XML = "forbidden_xml"  # a document type or an entity, which no device sends
    OTHER_MESSAGE = "other_message"  # sound, but no position: a waypoint, a last will, a chat
    NO_DEVICE = "no_device"  # it doesn't say which device it is
    NO_POSITION = "no_position"  # a sign of life without a place
    BAD_POSITION = "bad_position"  # no number, not finite, or out of range
    ZERO = "zero"  # exactly (0, 0), which devices send for "no fix"
    BAD_TIME = "bad_time"  # no time, or none that can be read
    INVALID = "invalid"  # the device itself says that the fix isn't valid
    MOCK = "mock"  # the phone says that another program made the place up
    # What the clocks and the register of devices say (geo.positions.admission,
    # geo.positions.store).
    FUTURE = "future"
    TOO_OLD = "too_old"
    WEEK_ROLLOVER = "week_rollover"
    UNKNOWN_DEVICE = "unknown_device"
    OFF_DUTY = "off_duty"
    DUPLICATE = "duplicate"
    # What is left out of what is computed from a track (geo.positions.tracks).
    INACCURATE = "inaccurate"
    TELEPORT = "teleport"
    OTHER_SOURCE = "other_source"


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a device was. Missing is None, never 0.

    device_id : as the device calls itself
    fixed_at : when it was there, by the device's clock; aware, UTC
    sent_at : when it built the message, by the same clock
    stale_at : after this it doesn't count as current any more (Cursor on Target says so)
    accuracy_m : radius of the circle it is probably in
    speed_mps, course_deg : over ground; 0 is north, 90 east, [0, 360)
    altitude_m : as the device gives it, above the ellipsoid or the sea
    battery_share : 0 to 1
    alarm : what the device calls it: `sos`, …
    """

    device_id: str
    fixed_at: datetime
    position: LonLat
    source: Source
    sent_at: datetime | None = None
    stale_at: datetime | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    battery_share: float | None = None
    alarm: str | None = None


@dataclass(slots=True)
class Reading:
    """What a body held: its fixes in their order, and what was dropped.

    dropped : reason → how many
    first_at : reason → the position in the body, from 0, of the first that was dropped for it
    claimed : what the device calls itself, also where nothing else could be used
    """

    fixes: Sequence[Fix] = field(default_factory=list)
    dropped: Counter[Drop] = field(default_factory=Counter)
    first_at: dict[Drop, int] = field(default_factory=dict)
    claimed: str | None = None

    def drop(self, reason: Drop, at: int = 0) -> None:
        """Count one that can't be used."""
        self.dropped[reason] += 1
        self.first_at.setdefault(reason, at)

    def take(self, found: Fix | Drop, at: int = 0) -> None:
        """Keep a fix, or count why there is none."""
        if isinstance(found, Fix):
            assert isinstance(self.fixes, list)  # whoever takes them one by one began with none
            self.fixes.append(found)
            if self.claimed is None:
                self.claimed = found.device_id
        else:
            self.drop(found, at)
