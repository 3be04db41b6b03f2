"""What one deployment says of addresses beforehand: its written form, its own area, its tagger.

The area is a prior: between divisions of one name the one in the area is meant (鼓楼区 is a county
of four cities). It never overrules what a text says, and `GRIDBEAT_AREA_PRIOR=false` switches it
off. Why the register's own names are no part of it: docs/decisions/0004.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from geo.addresses.divisions import load_divisions
from geo.addresses.parse import ParseContext
from geo.addresses.standardise import WrittenForm
from geo.errors import InvalidFile, InvalidInput
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Area

if TYPE_CHECKING:  # importing it would load Numba for everyone who reads without a tagger
    from geo.addresses.tagger import Tagger

AREA_LEVELS = ("county", "city", "province")  # the finest that is stored is the own area
CONTEXT_KEPT_S = 60.0  # so long after an import of areas they may not count yet


def written_form(settings: Settings) -> WrittenForm:
    """Return the counting words this deployment prints."""
    return WrittenForm(
        building=settings.building_form,
        lettered_building=settings.lettered_building_form,
        entrance=settings.entrance_form,
        floor=settings.floor_form,
        room=settings.room_form,
        group=settings.group_form,
    )


def area_codes(settings: Settings, session: Session | None = None, *, on: date) -> tuple[str, ...]:
    """Return the division codes of the deployment's own area.

    Those of the setting; where it isn't set, the counties of the stored areas (else their cities,
    else provinces) that the national list knows; none where the prior is switched off.

    Raises
    ------
    InvalidInput : the setting names a code that no division has
    DatabaseUnavailable
    """
    if not settings.area_prior:
        return ()
    divisions = load_divisions()
    if settings.area_codes is not None:
        named = tuple(code.strip() for code in settings.area_codes.split(",") if code.strip())
        for code in named:
            if divisions.find(code) is None:
                raise InvalidInput(
                    f"The own area (GRIDBEAT_AREA_CODES) names {code}, which no division of the "
                    "national list has. Correct it, or leave it out: the stored areas count then.",
                    code=code,
                )
        return named
    for level in AREA_LEVELS if session is not None else ():
        assert session is not None
        codes = session.scalars(
            select(Area.code)
            .where(
                Area.level == level,
                Area.valid_from <= on,
                or_(Area.valid_to.is_(None), Area.valid_to > on),
            )
            .order_by(Area.code)
        ).all()
        if codes:
            return tuple(code for code in codes if code in divisions)
    return ()


def load_tagger(settings: Settings) -> Tagger | None:
    """Return the deployment's own tagger, None where the setting names none.

    Raises
    ------
    InvalidFile : there is no such file, or it is no tagger
    """
    if settings.tagger is None:
        return None
    path = settings.tagger.expanduser()
    if not path.is_file():
        raise InvalidFile(
            f"GRIDBEAT_TAGGER names {path}, and there is no such file. Train one with "
            "`gridbeat address train FILE -o MODEL.npz`, or leave the setting out.",
            file=path.name,
        )
    return _tagger_of(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _tagger_of(path: Path, _changed: int) -> Tagger:
    from geo.addresses.tagger import Tagger

    return Tagger.load(path)


def load_context(
    settings: Settings, session: Session | None = None, *, on: date | None = None
) -> ParseContext | None:
    """Return what the deployment knows before it reads a text; None where it knows nothing.

    session : without one the stored areas don't count, only the settings do
    on : the day of the areas; today by default

    Raises
    ------
    InvalidInput : the settings name a code that no division has
    InvalidFile : the settings name a tagger that isn't there or can't be read
    DatabaseUnavailable
    """
    day = on or settings.local_day(datetime.now(UTC))
    codes, tagger = area_codes(settings, session, on=day), load_tagger(settings)
    if not codes and tagger is None:
        return None
    return ParseContext(division_codes=codes, tagger=tagger)


class DeploymentContext:
    """Gives the context as it is now. The stored areas are looked at once a minute at most.

    Making one reads the settings, so that a wrong code or tagger is said at the start.

    Parameters
    ----------
    clock : seconds that only grow
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: ParseContext | None = load_context(settings)
        self._read_at: float | None = None

    def current(self) -> ParseContext | None:
        """Return the context, None where nothing is known.

        Raises
        ------
        DatabaseUnavailable
        """
        if self._settings.area_codes is not None or not self._settings.area_prior:
            return self._known
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= CONTEXT_KEPT_S:
                with self._database.session() as session:
                    self._known = load_context(self._settings, session)
                self._read_at = now
            return self._known
