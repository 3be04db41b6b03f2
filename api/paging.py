"""Pages by key: `after` names the last row of the page before, `next` is a link ready to follow.

No offset is counted, so the thousandth page costs what the first one does, and a row written
meanwhile shifts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageWish:
    """How many rows are wanted."""

    limit: int

    @property
    def probe(self) -> int:
        """How many to load: one more than wanted tells whether there is a next page."""
        return self.limit + 1


def page_wish(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Rows a page.")] = LIMIT_DEFAULT,
) -> PageWish:
    return PageWish(limit)


Page = Annotated[PageWish, Depends(page_wish)]


def cut(rows: Sequence[Row], page: PageWish) -> tuple[list[Row], bool]:
    """Return the rows of this page, and whether there are more."""
    return list(rows[: page.limit]), len(rows) > page.limit


def links(request: Request, *, after: Any | None) -> list[dict[str, str]]:
    """Return links to this page and, where `after` (key of its last row) is given, the next.

    They are relative to this server: a proxy in front keeps its own name.
    """
    return links_with(request, None if after is None else {"after": after})


def links_with(request: Request, after: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return links to this page and, where the keys that the next begins after are given, to it."""
    given = dict(request.query_params.multi_items())
    path = request.url.path
    shown = f"{path}?{urlencode(given)}" if given else path
    found = [{"rel": "self", "href": shown}]
    if after is not None:
        following = urlencode({**given, **{name: str(key) for name, key in after.items()}})
        found.append({"rel": "next", "href": f"{path}?{following}"})
    return found
