"""What any geocoder answers: the local one over the register, or another behind the same face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from geo.addresses.match import MatchCandidate
from geo.addresses.match_reasons import MatchReason
from geo.values import GridScope, LonLat

MATCHED, REVIEW, NOT_FOUND, ERROR = "matched", "review", "not_found", "error"
STATUSES = (MATCHED, REVIEW, NOT_FOUND, ERROR)


@dataclass(frozen=True, slots=True)
class GeocodeAnswer:
    """Where an address text is.

    status : matched; review (below the threshold: somebody should look); not_found; error (the
        text can't be read, only from `geocode_many`)
    level : the finest level that text and register agree on; nothing finer is claimed
    lonlat : WGS 84; the address's own point, or the middle of the building, road or area
    accuracy_m : [m] radius of the circle around `lonlat` in which the place lies
    confidence : 0 to 1, that this is the place meant
    standard_address_id : None where the answer is a group of addresses
    missing, contradicted : levels the text leaves out; levels on which text and register differ
    candidates : best first; the answer's is the first
    """

    text: str
    status: str
    level: str | None = None
    lonlat: LonLat | None = None
    accuracy_m: float | None = None
    confidence: float = 0.0
    grid_code: str | None = None
    h3_cell: int | None = None
    standard_address_id: int | None = None
    canonical_text: str | None = None
    is_ambiguous: bool = False
    missing: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    reasons: tuple[MatchReason, ...] = ()
    candidates: tuple[MatchCandidate, ...] = ()
    message: str | None = None


class Geocoder(Protocol):
    """Answers where address texts are. What lies outside the scope neither appears nor counts."""

    def geocode(self, address_text: str, *, scope: GridScope) -> GeocodeAnswer:
        """Return where one text is.

        Raises
        ------
        InvalidInput : not a text, or empty
        FileTooLarge : too long
        Unavailable : the geocoder doesn't answer
        """
        ...

    def geocode_many(
        self, address_texts: Sequence[str | None], *, scope: GridScope
    ) -> list[GeocodeAnswer]:
        """Return where each text is, in order; a text that can't be read is an answer `error`."""
        ...

    def prepare(self, *, scope: GridScope) -> None:
        """Make what the first questions of this scope would make, before processes are forked."""
        ...
