"""The scope as a condition of a query: the same that the policies of the tables ask.

Stated in the query as well, so that the planner knows it and a mistake takes two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, true

from geo.values import GridScope


def in_scope(grid_code: Any, scope: GridScope) -> ColumnElement[bool]:
    """Return the condition that a row of one grid lies in the scope.

    Parameters
    ----------
    grid_code : the column
    """
    if scope.grid_codes is None:
        return true()
    found: ColumnElement[bool] = grid_code.in_(sorted(scope.grid_codes))
    return found


def touches_scope(grid_codes: Any, scope: GridScope) -> ColumnElement[bool]:
    """Return the condition that one of a row's grids lies in the scope.

    Parameters
    ----------
    grid_codes : the column, an array
    """
    if scope.grid_codes is None:
        return true()
    found: ColumnElement[bool] = grid_codes.op("&&", is_comparison=True)(sorted(scope.grid_codes))
    return found


def within_scope(grid_codes: Any, scope: GridScope) -> ColumnElement[bool]:
    """Return the condition that all of a row's grids lie in the scope, and that it has one.

    Parameters
    ----------
    grid_codes : the column, an array
    """
    if scope.grid_codes is None:
        return true()
    within = grid_codes.op("<@", is_comparison=True)(sorted(scope.grid_codes))
    return and_(within, func.cardinality(grid_codes) > 0)
