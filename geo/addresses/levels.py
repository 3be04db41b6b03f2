"""The levels a standard address can hold, coarse to fine.

Source: GB/T 23705-2009 (structure of a standard address), GA/T 2000.32-2014 (element codes),
ordered as the platform uses them everywhere.
"""

from __future__ import annotations

import enum


class AddressLevel(enum.StrEnum):
    """A level of a standard address. Members stand in order, coarse to fine."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    DEVELOPMENT_ZONE = "development_zone"
    COMMUNITY = "community"
    VILLAGE_GROUP = "village_group"
    ROAD = "road"
    DOOR = "door"
    ESTATE = "estate"
    BUILDING = "building"
    ENTRANCE = "entrance"
    FLOOR = "floor"
    ROOM = "room"

    @property
    def rank(self) -> int:
        """Its place from 0 (province) to 13 (room): a larger rank is finer."""
        return _RANKS[self]

    def is_finer_than(self, other: AddressLevel) -> bool:
        return _RANKS[self] > _RANKS[other]


LEVELS: tuple[AddressLevel, ...] = tuple(AddressLevel)
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}

DIVISION_LEVELS = (
    AddressLevel.PROVINCE,
    AddressLevel.CITY,
    AddressLevel.COUNTY,
    AddressLevel.TOWNSHIP,
)
"""Levels that the national list of divisions names."""

TAIL_LEVELS = (AddressLevel.ENTRANCE, AddressLevel.FLOOR, AddressLevel.ROOM)
"""Levels inside one building; what stands before them is the `site`."""

SITE_LEVELS = tuple(level for level in LEVELS if level not in TAIL_LEVELS)

NUMBERED_LEVELS = (
    AddressLevel.VILLAGE_GROUP,
    AddressLevel.DOOR,
    AddressLevel.BUILDING,
    *TAIL_LEVELS,
)
"""Levels that hold numbers: their values are compared as they are, names by `fold_name`."""
