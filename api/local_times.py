"""Hours of the day and days of the week as a question names them, in the deployment's time zone."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from geo.errors import InvalidInput

HoursText = Annotated[
    str | None,
    Query(
        max_length=5,
        pattern=r"^\d{1,2}-\d{1,2}$",
        examples=["22-6"],
        description="Local hours, from and up to: 22-6 is ten at night till six.",
    ),
]
WeekdaysText = Annotated[
    str | None,
    Query(
        max_length=13,
        pattern=r"^[1-7](,[1-7])*$",
        examples=["6,7"],
        description="Local weekdays, 1 = Monday.",
    ),
]


def hours_named(text: str | None) -> frozenset[int] | None:
    """Return the hours, 0 to 23, that `22-6` means; None: all.

    Raises
    ------
    InvalidInput : no hour of a day, or twice the same
    """
    if text is None:
        return None
    first, last = (int(part) for part in text.split("-"))
    if first > 23 or last > 24 or first == last:
        raise InvalidInput(
            f"hours is “{text}”, wanted two different hours, such as 22-6 or 8-18.", field="hours"
        )
    return frozenset(hour % 24 for hour in range(first, last if last > first else last + 24))


def weekdays_named(text: str | None) -> frozenset[int] | None:
    """Return the weekdays, 0 = Monday, that `1,7` (1 = Monday) means; None: all."""
    return None if text is None else frozenset(int(one) - 1 for one in text.split(","))
