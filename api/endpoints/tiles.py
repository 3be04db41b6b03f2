"""Vector tiles. Private to the caller: a grids tile shows only what lies in their scope."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from api.dependencies import Day, ReadSession, Scope
from api.schemas.errors import error_responses
from geo.basemap import MAX_ZOOM, basemap_tile, grids_tile

router = APIRouter(prefix="/tiles", tags=["tiles"])

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
BASEMAP_CACHE = "private, max-age=600"  # changes with an import of the base map only
GRIDS_CACHE = "private, no-cache"  # kept, but asked for again: grids and scope can change

Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM, description="Zoom.", examples=[14])]
Column = Annotated[int, Path(ge=0, lt=2**MAX_ZOOM, description="Column, from the west.")]
Row = Annotated[int, Path(ge=0, lt=2**MAX_ZOOM, description="Row, from the north.")]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1000, description="ETag of the tile the caller has.")
]

_RESPONSES = error_responses() | {
    200: {"description": "A vector tile.", "content": {MEDIA_TYPE: {}}},
    204: {"description": "Nothing is to be drawn here."},
    304: {"description": "The caller's tile still holds."},
}


@router.get(
    "/basemap/{z}/{x}/{y}.mvt",
    operation_id="get_basemap_tile",
    summary="One tile of the base map",
    response_class=Response,
    responses=_RESPONSES,
)
def get_basemap_tile(
    session: ReadSession, z: Zoom, x: Column, y: Row, if_none_match: IfNoneMatch = None
) -> Response:
    """Web Mercator; layers `land`, `water`, `roads`, `buildings`, `places`."""
    return _answer(basemap_tile(session, z, x, y), if_none_match, BASEMAP_CACHE)


@router.get(
    "/grids/{z}/{x}/{y}.mvt",
    operation_id="get_grids_tile",
    summary="One tile of the grids",
    response_class=Response,
    responses=_RESPONSES,
)
def get_grids_tile(
    session: ReadSession,
    scope: Scope,
    on: Day,
    z: Zoom,
    x: Column,
    y: Row,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Web Mercator; layers `grids` and `grid_labels`, with `grid_code` and `name`."""
    return _answer(grids_tile(session, z, x, y, scope=scope, on=on), if_none_match, GRIDS_CACHE)


def _answer(tile: bytes, if_none_match: str | None, cache: str) -> Response:
    # Weak: the same tile may be sent compressed or not.
    tag = f'W/"{blake2b(tile, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": cache, "ETag": tag, "Vary": "Accept-Encoding"}
    known = {part.strip() for part in (if_none_match or "").split(",")}
    if "*" in known or tag in known:
        return Response(status_code=304, headers=headers)
    if not tile:
        return Response(status_code=204, headers=headers)
    return Response(tile, headers=headers, media_type=MEDIA_TYPE)
