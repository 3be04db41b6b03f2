"""Two grids side by side with addresses in each, and somebody who writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.registers import NewResidence, WriteAnswer, Writing, record_resident
from geo.registers.cycles import VERIFY_MONTHS, Cycles
from geo.registers.residents import NewResident
from geo.tables import StandardAddress
from geo.values import GridScope
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address

A, B = "14010500100100001", "14010500100100002"
TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Places:
    """Two addresses in grid A, two in grid B."""

    a: StandardAddress
    a2: StandardAddress
    b: StandardAddress
    b2: StandardAddress


@pytest.fixture
def places(session: Session) -> Places:
    drawn = draw("AB")
    version = add_grid_version(session)
    in_a = add_grid(session, A, drawn["A"], version=version)
    in_b = add_grid(session, B, drawn["B"], version=version)
    a, a2 = (add_standard_address(session, grid=in_a) for _ in range(2))
    b, b2 = (add_standard_address(session, grid=in_b) for _ in range(2))
    return Places(a, a2, b, b2)


def writing(*grid_codes: str, **more: Any) -> Writing:
    """Somebody with a purpose and a case, who sees the named grids, or everything."""
    given = Writing(
        access=Access("wang", purpose="走访", case_ref="T-1"),
        scope=GridScope.of(grid_codes) if grid_codes else GridScope.everything(),
        today=TODAY,
        cycles=Cycles(VERIFY_MONTHS),
    )
    return replace(given, **more)


def identity(number: int, born: str = "19900101") -> str:
    """An invented identity number of a region that doesn't exist, with a right check digit."""
    body = f"999900{born}{number:03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, table 2
    rest = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[rest]


def settle(
    session: Session,
    address: StandardAddress,
    number: int = 1,
    *,
    kind: str = "floating",
    since: date = date(2025, 1, 1),
    until: date | None = None,
    by: Writing | None = None,
    **person: Any,
) -> WriteAnswer:
    """Record an invented person at an address."""
    given = NewResident(
        **{
            "name": f"测试甲{number}",
            "identity_number": identity(number),
            "phone": f"1540000{number:04}",
            **person,
        }
    )
    residence = NewResidence(address.id, kind, since, until, household_ref="1")
    return record_resident(session, given, residence, writing=by or writing())
