"""Codes of areas and grids: which standard, which parts, whether they keep its rules.

Divisions: GB/T 2260 (6 digits, province to county), GB/T 10114 (9, township), the statistics
bureau's 12 digits (community). Grids: DB11/T 2157-2023 (15) and CJ/T 349-2010 (20). A deployment
with codes of its own declares `own`: then a code is any short text without blanks around it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from geo.errors import InvalidCode

_PROVINCE_BLOCKS = ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
PROVINCES = frozenset(
    str(number) for first, last in _PROVINCE_BLOCKS for number in range(first, last + 1)
)  # GB/T 2260
# Given to no province: codes of generated places begin with it (`geo.demo`), so that they pass the
# same checks as real ones and can never be taken for one.
GENERATED_PROVINCE = "99"

OWN_CODE_MAX = 40  # characters; long enough for every standard, short enough for a map label


class CodeStandard(enum.StrEnum):
    """What the codes of grids and of their communities are declared to follow."""

    DB11T2157 = "db11t2157"
    CJT349 = "cjt349"
    OWN = "own"


class CommunityKind(enum.StrEnum):
    """What the last three digits of a 12-digit code say (statistics bureau, 2009; checked
    against its 2023 list: 620,573 codes, all within these ranges but one)."""

    RESIDENTS = "residents_committee"
    VILLAGERS = "villagers_committee"
    LIKE_RESIDENTS = "like_residents_committee"
    LIKE_VILLAGERS = "like_villagers_committee"


class TownshipKind(enum.StrEnum):
    """What digits 7 to 9 say (GB/T 10114)."""

    SUBDISTRICT = "subdistrict"
    TOWN = "town"
    TOWNSHIP = "township"
    SPECIAL = "special"


_TOWNSHIP_RANGES = (
    (1, 99, TownshipKind.SUBDISTRICT),
    (100, 199, TownshipKind.TOWN),
    (200, 399, TownshipKind.TOWNSHIP),
    (400, 599, TownshipKind.SPECIAL),
)
_COMMUNITY_RANGES = (
    (1, 199, CommunityKind.RESIDENTS),
    (200, 399, CommunityKind.VILLAGERS),
    (400, 499, CommunityKind.LIKE_RESIDENTS),
    (500, 599, CommunityKind.LIKE_VILLAGERS),
)


@dataclass(frozen=True, slots=True)
class AreaCode:
    """A checked code of a division.

    level : province, city, county, township or community
    parent_code : the code one level up by the rule of the standard, None for a province. A
        township whose county digits are 00 hangs under its city.
    """

    code: str
    level: str
    parent_code: str | None


@dataclass(frozen=True, slots=True)
class GridCode:
    """A checked grid code.

    community_code : the 12 digits of the community in it, None where the standard has none
    sequence : the number of the grid in its community; None for own codes, 0 where CJ/T 349
        says that the community isn't split
    """

    code: str
    standard: CodeStandard
    community_code: str | None
    sequence: int | None


def parse_area_code(code: str) -> AreaCode:
    """Return the parts of a division code of 6, 9 or 12 digits.

    Raises
    ------
    InvalidCode : not digits, another length, a province that doesn't exist, zeros above digits, a
        township or community number outside the ranges of its standard

    Source: GB/T 2260-2007, GB/T 10114-2003, statistics bureau's rule for 12 digits.
    """
    _require_digits(code, (6, 9, 12), "A division code")
    _check_county_part(code)
    if len(code) == 6:
        return _county_code(code)
    township_kind(code)
    parent = code[:4] + "00" if code[4:6] == "00" else code[:6]
    if len(code) == 9:
        return AreaCode(code, "township", parent)
    community_kind(code)
    return AreaCode(code, "community", code[:9])


def parse_own_area_code(code: str, level: str, parent_code: str | None) -> AreaCode:
    """Return a code that follows the deployment's own rule: any short text.

    Raises
    ------
    InvalidCode : empty, too long, blanks around it, control characters
    """
    _check_own_code(code, "A division code")
    return AreaCode(code, level, parent_code)


def township_kind(code: str) -> TownshipKind:
    """Return what kind of township digits 7 to 9 name.

    Raises
    ------
    InvalidCode : 000, or beyond 599
    """
    number = int(code[6:9])
    for low, high, kind in _TOWNSHIP_RANGES:
        if low <= number <= high:
            return kind
    raise InvalidCode(
        f"“{code}” has {code[6:9]} for the township, wanted 001-099 (subdistrict), 100-199 (town), "
        "200-399 (township) or 400-599 (special). Correct digits 7 to 9.",
        code=code,
    )


def community_kind(code: str) -> CommunityKind:
    """Return what kind of committee digits 10 to 12 name.

    Raises
    ------
    InvalidCode : 000, or beyond 599
    """
    number = int(code[9:12])
    for low, high, kind in _COMMUNITY_RANGES:
        if low <= number <= high:
            return kind
    raise InvalidCode(
        f"“{code}” has {code[9:12]} for the community, wanted 001-199 (residents' committee), "
        "200-399 (villagers' committee), 400-499 or 500-599 (bodies like them). "
        "Correct digits 10 to 12.",
        code=code,
    )


def parse_grid_code(code: str, standard: CodeStandard) -> GridCode:
    """Return the parts of a grid code under the declared standard.

    Raises
    ------
    InvalidCode : the code breaks the rule of the standard; the text says which part

    Source: DB11/T 2157-2023 (6 + 3 + 3 + 3 sequence); CJ/T 349-2010 (6 object + 6 division
    + 3 street + 3 community + 2 sequence).
    """
    if standard is CodeStandard.OWN:
        _check_own_code(code, "A grid code")
        return GridCode(code, standard, None, None)
    if standard is CodeStandard.DB11T2157:
        _require_digits(code, (15,), "A grid code of DB11/T 2157")
        community, sequence = code[:12], code[12:]
        if sequence == "000":
            raise InvalidCode(
                f"“{code}” ends in the sequence number 000, wanted 001-999. Number the grids of a "
                "community from 001.",
                code=code,
            )
    else:
        _require_digits(code, (20,), "A grid code of CJ/T 349")
        community, sequence = code[6:18], code[18:]
    parse_area_code(community)
    return GridCode(code, standard, community, int(sequence))


def _county_code(code: str) -> AreaCode:
    if code[2:] == "0000":
        return AreaCode(code, "province", None)
    if code[4:] == "00":
        return AreaCode(code, "city", code[:2] + "0000")
    return AreaCode(code, "county", code[:4] + "00")


def _check_county_part(code: str) -> None:
    if code[:2] not in PROVINCES and code[:2] != GENERATED_PROVINCE:
        raise InvalidCode(
            f"“{code}” begins with {code[:2]}, which is no province in GB/T 2260. "
            "Correct the first two digits.",
            code=code,
        )
    if code[2:4] == "00" and (code[4:6] != "00" or len(code) > 6):
        raise InvalidCode(
            f"“{code}” has 00 for the city and more digits below it. Correct digits 3 and 4.",
            code=code,
        )


def _require_digits(code: str, lengths: tuple[int, ...], what: str) -> None:
    if len(code) in lengths and code.isascii() and code.isdigit():
        return
    wanted = " or ".join(str(length) for length in lengths)
    shown = code if len(code) <= OWN_CODE_MAX else code[:OWN_CODE_MAX] + "…"
    raise InvalidCode(
        f"{what} has {wanted} digits, got “{shown}” ({len(code)} characters). Correct it, or "
        "declare the deployment's own codes (--codes own).",
        code=shown,
    )


def _check_own_code(code: str, what: str) -> None:
    if 0 < len(code) <= OWN_CODE_MAX and code.isprintable() and code == code.strip():
        return
    shown = code if len(code) <= OWN_CODE_MAX else code[:OWN_CODE_MAX] + "…"
    raise InvalidCode(
        f"{what} is 1 to {OWN_CODE_MAX} printable characters without blanks around them, got "
        f"{shown!r}. Correct it.",
        code=shown,
    )
