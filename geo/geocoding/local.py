"""The geocoder over the deployment's own register, held in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from geo.addresses.deployment import DeploymentContext, written_form
from geo.addresses.door_interpolation import DoorSides
from geo.addresses.likeness_index import likeness_index
from geo.addresses.match import MAX_TEXT_LENGTH, MatchResult, match_standard_address
from geo.addresses.parse import ParseContext
from geo.addresses.register_follower import RegisterFollower
from geo.addresses.register_index import RegisterIndex
from geo.addresses.suggest import Suggestion, suggest
from geo.errors import InvalidInput
from geo.geocoding.geocoder import ERROR, GeocodeAnswer
from geo.h3_cells import lonlat_to_h3_cell
from geo.settings import Settings
from geo.store.database import Database
from geo.values import GridScope, LonLat


class LocalGeocoder:
    """Geocodes by matching against the register.

    Parameters
    ----------
    index : gives the register as it is now, such as `RegisterFollower(database).current`
    threshold : confidence below which an answer is for review
    max_length : [characters] of one text
    context : gives the deployment's own area and tagger, for the parser
    others_of_sure : whether a sure answer comes with the other candidates; a file of many has no
        use for them, and finds its answers sooner without
    door_sides : whether even and odd doors stand on two sides of a road
    """

    def __init__(
        self,
        index: Callable[[], RegisterIndex],
        *,
        threshold: float = 0.8,
        max_length: int = MAX_TEXT_LENGTH,
        context: Callable[[], ParseContext | None] = lambda: None,
        others_of_sure: bool = True,
        door_sides: DoorSides = "auto",
    ) -> None:
        self._index = index
        self._threshold = threshold
        self._max_length = max_length
        self._context = context
        self._others_of_sure = others_of_sure
        self._door_sides = door_sides

    def geocode(self, address_text: str, *, scope: GridScope) -> GeocodeAnswer:
        """Return where one text is.

        Raises
        ------
        InvalidInput : not a text, or empty
        FileTooLarge : longer than `max_length`
        DatabaseUnavailable : the register can't be followed
        """
        answer = self._geocode(address_text, self._index(), scope, self._context())
        return _with_cells([answer])[0]

    def geocode_many(
        self, address_texts: Sequence[str | None], *, scope: GridScope
    ) -> list[GeocodeAnswer]:
        """Return where each text is, in order; a text that can't be read is an answer `error`."""
        index = self._index()
        context = self._context()
        answers = []
        for text in address_texts:
            try:
                answers.append(self._geocode(text, index, scope, context))
            except InvalidInput as error:
                shown = text[:80] if isinstance(text, str) else ""
                answers.append(GeocodeAnswer(shown, ERROR, message=error.message))
        return _with_cells(answers)

    def prepare(self, *, scope: GridScope) -> None:
        """Make what the first questions of this scope would make: views, what finds alike texts."""
        likeness_index(self._index().view(scope))

    def suggest(
        self,
        typed: str,
        *,
        scope: GridScope,
        near: LonLat | None = None,
        recent: Sequence[int] = (),
        limit: int = 8,
    ) -> list[Suggestion]:
        """Return what typed text may become; see `geo.addresses.suggest`."""
        return suggest(typed, self._index(), scope=scope, near=near, recent=recent, limit=limit)

    def _geocode(
        self,
        text: str | None,
        index: RegisterIndex,
        scope: GridScope,
        context: ParseContext | None,
    ) -> GeocodeAnswer:
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(
                "The address text is empty. Give an address, such as 文一路269号3幢2单元101室."
            )
        result = match_standard_address(
            text,
            index,
            scope=scope,
            context=context,
            threshold=self._threshold,
            max_length=self._max_length,
            others_of_sure=self._others_of_sure,
            door_sides=self._door_sides,
        )
        return _answer_without_cell(result)


def answer_from_match(result: MatchResult) -> GeocodeAnswer:
    """Return the answer that a match gives."""
    return _with_cells([_answer_without_cell(result)])[0]


def _with_cells(answers: list[GeocodeAnswer]) -> list[GeocodeAnswer]:
    """Return the answers, with the H3 cell of the point of those that the register gave none."""
    lacking = [
        (at, answer.lonlat)
        for at, answer in enumerate(answers)
        if answer.h3_cell is None and answer.lonlat is not None
    ]
    if not lacking:
        return answers
    lonlat = np.array([(point.longitude, point.latitude) for _, point in lacking])
    cells = lonlat_to_h3_cell(lonlat[:, 0], lonlat[:, 1]).tolist()
    for (at, _), cell in zip(lacking, cells, strict=True):
        answers[at] = replace(answers[at], h3_cell=cell)
    return answers


def _answer_without_cell(result: MatchResult) -> GeocodeAnswer:
    best = result.best
    if best is None:
        return GeocodeAnswer(result.text, result.status, reasons=result.reasons)
    return GeocodeAnswer(
        text=result.text,
        status=result.status,
        level=best.level,
        lonlat=best.lonlat,
        accuracy_m=best.radius_m,
        confidence=best.confidence,
        grid_code=best.grid_code,
        h3_cell=best.h3_cell,
        standard_address_id=best.standard_address_id,
        canonical_text=best.canonical_text,
        is_ambiguous=result.ambiguous,
        missing=best.missing,
        contradicted=best.contradicted,
        reasons=best.reasons,
        candidates=result.candidates,
    )


def open_geocoder(
    database: Database, settings: Settings, *, context: DeploymentContext | None = None
) -> LocalGeocoder:
    """Return the geocoder of a deployment. It reads the register at the first question.

    Raises
    ------
    InvalidInput, InvalidFile : a setting names a division or tagger that isn't there
    """
    return LocalGeocoder(
        RegisterFollower(database, written_form=written_form(settings)).current,
        threshold=settings.match_threshold,
        max_length=settings.address_text_max,
        context=(context or DeploymentContext(settings, database)).current,
        door_sides=settings.door_sides,
    )
