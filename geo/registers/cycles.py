"""How long a look at a record holds: when it is due again.

The months below are one province's figures (updates every 3, 6 or 12 months by kind; key
establishments once a quarter, ordinary ones once a year), as told in the article this platform
follows; which kind has which is our reading. Localities differ: `GRIDBEAT_VERIFY_MONTHS` sets them.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from geo.settings import Settings

SOURCE = "one province's practice of 3, 6 and 12 months; 内保: key quarterly, ordinary yearly"

VERIFY_MONTHS: Mapping[str, int] = {
    # residences
    "registered": 12, "floating": 3, "lodging": 6, "overseas": 3, "unregistered": 6,
    # dwellings, by use
    "owner_occupied": 12, "rented_whole": 6, "rented_shared": 3, "vacant": 6, "mixed": 6,
    "dwelling_other": 12,
    # establishments, by class
    "key": 3, "ordinary": 12, "nine_small": 6, "establishment_other": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cycles:
    """Months between two looks: by kind of residence, use of a dwelling, class of establishment."""

    months: Mapping[str, int]

    def due_on(self, kind: str, verified_on: date) -> date:
        """Return the day on which something of this kind is to be looked at again."""
        return add_months(verified_on, self.months[kind])


def cycles_of(settings: Settings) -> Cycles:
    """Return the cycles of a deployment: its own where it sets some, else those above.

    Raises
    ------
    InvalidInput : a kind that isn't there
    """
    from geo.errors import InvalidInput

    unknown = sorted(set(settings.verify_months) - set(VERIFY_MONTHS))
    if unknown:
        raise InvalidInput(
            f"GRIDBEAT_VERIFY_MONTHS names {unknown[0]!r}, which is no kind of record. Known: "
            f"{', '.join(VERIFY_MONTHS)}."
        )
    return Cycles({**VERIFY_MONTHS, **settings.verify_months})


def dwelling_cycle(use: str) -> str:
    """Return the name of the cycle of dwellings of this use."""
    return "dwelling_other" if use == "other" else use


def establishment_cycle(establishment_class: str) -> str:
    """Return the name of the cycle of establishments of this class."""
    return "establishment_other" if establishment_class == "other" else establishment_class


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last of that month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
