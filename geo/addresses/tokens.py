"""What the scanner finds, and what it remembers while it reads one text."""

from __future__ import annotations

from typing import ClassVar

from geo.addresses.levels import AddressLevel

Token = tuple[str, int, int, str, str | None]
"""kind, start, end [normalised characters], value, division code"""


class Kind:
    """Kinds of token: the levels of an address, and what is none."""

    PROVINCE, CITY, COUNTY, TOWNSHIP = "province", "city", "county", "township"
    ZONE, COMMUNITY, GROUP = "development_zone", "community", "village_group"
    ROAD, SUBROAD, DOOR, SUBDOOR = "road", "subroad", "door", "subdoor"
    ESTATE, SUBESTATE = "estate", "subestate"
    BUILDING, ENTRANCE, FLOOR, ROOM = "building", "entrance", "floor", "room"
    RELATION, DISTANCE, REPEATED, NOTE = "relation", "distance", "repeated", "note"
    NAME, OTHER = "name", "other"

    LEVELS: ClassVar[dict[str, AddressLevel]] = {
        **{level.value: level for level in AddressLevel},
        "subroad": AddressLevel.ROAD,
        "subdoor": AddressLevel.DOOR,
        "subestate": AddressLevel.ESTATE,
    }
    SHELVES: ClassVar[dict[str, str]] = {
        "relation": "relation",
        "distance": "relation",
        "repeated": "note",
        "note": "note",
        "name": "leftover",
        "other": "leftover",
    }
    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"development_zone", "community", "road", "subroad", "estate", "subestate", "name"}
    )
    DIVISIONS: ClassVar[frozenset[str]] = frozenset({"province", "city", "county", "township"})


class Reading:
    """One text being read: tokens so far, kinds seen, the last name."""

    __slots__ = ("chain", "closings", "last_name", "length", "seen", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.length = len(text)
        self.tokens: list[Token] = []
        self.seen: set[str] = set()
        self.last_name = ""
        self.chain = -1  # where divisions in full and in order begin again, once asked for
        self.closings: dict[int, int] | None = None  # bracket → where it closes, once asked for

    def add(self, kind: str, start: int, end: int, value: str, code: str | None = None) -> None:
        self.tokens.append((kind, start, end, value, code))
        self.seen.add(kind)
        if kind in Kind.NAMES:
            self.last_name = kind

    def last_kind(self) -> str:
        return self.tokens[-1][0] if self.tokens else ""
