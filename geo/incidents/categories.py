"""The tree of incident categories: loaded from a table, asked for what is below, and who sees
points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.roles import PERMISSIONS
from geo.errors import InvalidInput, NotFound
from geo.tables import IncidentCategory

CODE_CHARS_MAX = 80
NAME_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One row of a table of categories; a parent may stand in a later row, or be stored already."""

    code: str
    name: str
    parent_code: str | None = None
    name_en: str | None = None
    point_roles: tuple[str, ...] = ()
    is_repeat_flagged: bool = False


class CategoryTree:
    """All categories as they are stored now."""

    def __init__(self, rows: Sequence[IncidentCategory]) -> None:
        self._rows = {row.code: row for row in rows}

    @classmethod
    def load(cls, session: Session) -> CategoryTree:
        """Return the stored tree."""
        return cls(session.scalars(select(IncidentCategory)).all())

    def __contains__(self, code: object) -> bool:
        return code in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, code: str) -> IncidentCategory:
        """Return a category.

        Raises
        ------
        NotFound : there is none of this code
        """
        if code not in self._rows:
            raise NotFound(f"There is no incident category “{code[:CODE_CHARS_MAX]}”.")
        return self._rows[code]

    def rows(self) -> list[IncidentCategory]:
        """Return all categories by code."""
        return [self._rows[code] for code in sorted(self._rows)]

    def path(self, code: str) -> list[IncidentCategory]:
        """Return a category and those above it, itself first."""
        found = [self.get(code)]
        while found[-1].parent_code is not None:
            found.append(self._rows[found[-1].parent_code])
        return found

    def with_all_below(self, code: str) -> set[str]:
        """Return the code and those of all categories below it.

        Raises
        ------
        NotFound : there is none of this code
        """
        self.get(code)
        found = {code}
        grown = True
        while grown:
            more = {row.code for row in self._rows.values() if row.parent_code in found}
            grown = not more <= found
            found |= more
        return found

    def by_text(self) -> dict[str, str]:
        """Return code of each category by its code and its names, folded: how files name them."""
        found: dict[str, str] = {}
        for row in self._rows.values():
            for text in (row.name_en, row.name, row.code):
                if text:
                    found[fold_category(text)] = row.code
        return found

    def may_see_point(self, code: str, role: str) -> bool:
        """Whether a role may see where an incident of this kind was to the point."""
        for row in self.path(code):
            if row.point_roles:
                return role in row.point_roles
        return True


def fold_category(text: str) -> str:
    """Return a category's text as it is compared: no case, no blanks around."""
    return " ".join(text.casefold().split())


def load_categories(session: Session, rows: Iterable[CategoryRow]) -> int:
    """Store categories; those of a known code are changed. Returns how many.

    Raises
    ------
    InvalidInput : a code or name is empty or too long, a code twice, a parent that isn't there, a
        circle, or a role that is none
    """
    given = list(rows)
    codes = [row.code for row in given]
    stored = {row.code: row.parent_code for row in session.scalars(select(IncidentCategory))}
    parents = stored | {row.code: row.parent_code for row in given}
    for row in given:
        _check(row, codes, parents)
    ordered = sorted(given, key=lambda row: _depth(row.code, parents))
    for row in ordered:
        session.merge(
            IncidentCategory(
                code=row.code, parent_code=row.parent_code, name=row.name, name_en=row.name_en,
                point_roles=list(row.point_roles), is_repeat_flagged=row.is_repeat_flagged,
            )
        )  # fmt: skip
        session.flush()
    return len(ordered)


def _check(row: CategoryRow, codes: list[str], parents: dict[str, str | None]) -> None:
    for name, text, longest in (
        ("code", row.code, CODE_CHARS_MAX),
        ("name", row.name, NAME_CHARS_MAX),
    ):
        if not text.strip() or len(text) > longest or not text.isprintable():
            raise InvalidInput(
                f"The {name} “{text[:40]}” has {len(text)} characters, wanted 1 to {longest} that "
                "can be printed."
            )
    if codes.count(row.code) > 1:
        raise InvalidInput(f"The code “{row.code}” stands twice. Give each category once.")
    if row.parent_code is not None and row.parent_code not in parents:
        raise InvalidInput(
            f"“{row.code}” lies below “{row.parent_code}”, which isn't there. Add it to the table."
        )
    unknown = set(row.point_roles) - set(PERMISSIONS)
    if unknown:
        raise InvalidInput(
            f"“{sorted(unknown)[0]}” is no role. There are {', '.join(PERMISSIONS)}."
        )
    _depth(row.code, parents)


def _depth(code: str, parents: dict[str, str | None]) -> int:
    seen = {code}
    depth, above = 0, parents[code]
    while above is not None:
        if above in seen:
            raise InvalidInput(f"“{code}” lies below itself. Mend the parents.")
        seen.add(above)
        depth, above = depth + 1, parents[above]
    return depth
