"""What is wrong with grids apart from their shapes: codes, their order, communities, counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.codes import CodeStandard, parse_grid_code
from geo.errors import InvalidCode
from geo.faults import FaultKind, FaultLimits, GridFault, Severity, name_grids
from geo.grid_draft import GridDraft
from geo.local_plane import LocalPlane

_ONE_ROW_OVERLAP = 0.5  # share of the taller one's height two grids share when they stand in a row


def find_wrong_codes(drafts: Sequence[GridDraft], standard: CodeStandard) -> Iterator[GridFault]:
    """Yield codes that break the declared standard or contradict the stated community."""
    for draft in drafts:
        try:
            parsed = parse_grid_code(draft.grid_code, standard)
        except InvalidCode as error:
            yield _fault(draft, FaultKind.CODE_WRONG, error.message, column="grid_code")
            continue
        if draft.community_code is None:
            yield _fault(
                draft,
                FaultKind.CODE_WRONG,
                f"{draft.label} names no community, and codes of the deployment's own don't hold "
                "it. Map a column to community_code.",
                column="community_code",
            )
        elif parsed.community_code not in (None, draft.community_code):
            yield _fault(
                draft,
                FaultKind.CODE_WRONG,
                f"{draft.label} is of community “{parsed.community_code}” by its code, but its row "
                f"says “{draft.community_code}”. Correct one of them.",
                column="community_code",
            )


def find_duplicate_codes(
    drafts: Sequence[GridDraft], standing_communities: Mapping[str, str]
) -> Iterator[GridFault]:
    """Yield codes that stand twice in the file, or are held by a grid that isn't replaced.

    Parameters
    ----------
    standing_communities : community by code of the grids that stay in force
    """
    by_code: dict[str, list[GridDraft]] = defaultdict(list)
    for draft in drafts:
        if draft.grid_code:
            by_code[draft.grid_code].append(draft)
    for code, same in by_code.items():
        places = [draft.geometry for draft in same if draft.geometry is not None]
        place = shapely.geometrycollections(places) if places else None
        rows = tuple(draft.row for draft in same)
        if len(same) > 1:
            listed = ", ".join(str(row) for row in rows[:5]) + ("…" if len(rows) > 5 else "")
            yield GridFault(
                kind=FaultKind.CODE_DUPLICATE,
                severity=Severity.ERROR,
                text=f"Code “{code}” stands {len(same)} times, in rows {listed}. Each grid needs "
                "its own code.",
                grid_codes=(code,),
                rows=rows,
                column="grid_code",
                geometry=place,
            )
        if code in standing_communities:
            yield GridFault(
                kind=FaultKind.CODE_DUPLICATE,
                severity=Severity.ERROR,
                text=f"Code “{code}” belongs to a grid in force in community "
                f"“{standing_communities[code]}”, which this import doesn't replace. Import that "
                "community, too, or give another code.",
                grid_codes=(code,),
                rows=rows,
                column="grid_code",
                geometry=place,
            )


def find_unknown_communities(
    drafts: Sequence[GridDraft], known: frozenset[str]
) -> Iterator[GridFault]:
    """Yield communities that aren't among the areas; nothing where no community is stored."""
    if not known:
        return
    by_code: dict[str, list[GridDraft]] = defaultdict(list)
    for draft in drafts:
        if draft.community_code is not None and draft.community_code not in known:
            by_code[draft.community_code].append(draft)
    for code, same in sorted(by_code.items()):
        codes = tuple(draft.grid_code for draft in same)
        yield GridFault(
            kind=FaultKind.COMMUNITY_UNKNOWN,
            severity=Severity.WARNING,
            text=f"Community “{code}” of {name_grids(codes)} is not among the areas on that day. "
            "Import the areas first, or correct the code.",
            grid_codes=codes,
            rows=tuple(draft.row for draft in same),
            column="community_code",
        )


def find_unusual_households(
    drafts: Sequence[GridDraft], limits: FaultLimits
) -> Iterator[GridFault]:
    """Yield grids whose stated number of households lies outside the usual."""
    for draft in drafts:
        count = draft.household_count
        if count is None or limits.households_min <= count <= limits.households_max:
            continue
        yield _fault(
            draft,
            FaultKind.HOUSEHOLDS_UNUSUAL,
            f"{draft.label} has {count} households; usual are {limits.households_min} to "
            f"{limits.households_max} (GRIDBEAT_GRID_HOUSEHOLDS_MIN, _MAX).",
            severity=Severity.WARNING,
            column="household_count",
        )


def find_wrong_order(drafts: Sequence[GridDraft], standard: CodeStandard) -> Iterator[GridFault]:
    """Yield consecutive numbers of a community that don't run west to east, then north to south.

    Two grids stand in one row where they share more than half of the taller one's height; then
    the western comes first, else the northern. Grids that lie across each other both ways aren't
    judged: real grids aren't a chessboard, and only a clear fault is worth a person's time.

    Source: DB11/T 2157-2023, rule of numbering.
    """
    if standard is CodeStandard.OWN:
        return
    by_community: dict[str, list[tuple[int, GridDraft]]] = defaultdict(list)
    for draft in drafts:
        sequence = _sequence(draft, standard)
        if draft.geometry is not None and draft.community_code is not None and sequence:
            by_community[draft.community_code].append((sequence, draft))
    for _, numbered in sorted(by_community.items()):
        ordered = [draft for _, draft in sorted(numbered, key=lambda pair: pair[0])]
        if len(ordered) > 1:
            yield from _order_faults(ordered)


def _order_faults(ordered: list[GridDraft]) -> Iterator[GridFault]:
    shapes = np.array([draft.geometry for draft in ordered], dtype=object)
    metres = LocalPlane.around(shapes).to_metres(shapes)
    bounds, centres = shapely.bounds(metres), shapely.get_coordinates(shapely.centroid(metres))
    for at in range(len(ordered) - 1):
        earlier, later = ordered[at], ordered[at + 1]
        in_row = _shared_extent(bounds[at], bounds[at + 1], 1) > _ONE_ROW_OVERLAP
        in_column = _shared_extent(bounds[at], bounds[at + 1], 0) > _ONE_ROW_OVERLAP
        east_m, north_m = centres[at + 1] - centres[at]
        if in_row and not in_column and east_m < 0:
            how = f"lies {-east_m:,.0f} m west of it, in the same row"
        elif not in_row and north_m > 0:
            how = f"lies {north_m:,.0f} m north of it"
        else:
            continue
        yield GridFault(
            kind=FaultKind.ORDER_WRONG,
            severity=Severity.WARNING,
            text=f"{later.label} is numbered after “{earlier.grid_code}” but {how}. Grids of a "
            "community are numbered west to east, then north to south.",
            grid_codes=(earlier.grid_code, later.grid_code),
            rows=(earlier.row, later.row),
            column="grid_code",
            geometry=shapely.linestrings(
                shapely.get_coordinates(shapely.point_on_surface(shapes[at : at + 2]))
            ),
        )


def _shared_extent(one: NDArray[np.float64], other: NDArray[np.float64], axis: int) -> float:
    """The share of the larger one's extent along an axis that both cover."""
    shared = min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])
    return float(shared / max(one[axis + 2] - one[axis], other[axis + 2] - other[axis]))


def _sequence(draft: GridDraft, standard: CodeStandard) -> int | None:
    try:
        return parse_grid_code(draft.grid_code, standard).sequence
    except InvalidCode:
        return None


def _fault(
    draft: GridDraft,
    kind: FaultKind,
    text: str,
    *,
    severity: Severity = Severity.ERROR,
    column: str | None = None,
) -> GridFault:
    return GridFault(
        kind=kind,
        severity=severity,
        text=text,
        grid_codes=(draft.grid_code,) if draft.grid_code else (),
        rows=(draft.row,),
        column=column,
        geometry=draft.geometry,
    )


def communities_of(drafts: Iterable[GridDraft]) -> frozenset[str]:
    """Return the communities that drafts belong to."""
    return frozenset(d.community_code for d in drafts if d.community_code is not None)
