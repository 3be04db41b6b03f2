"""The whole application: the API, with the pages put on it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api.app import create_app as create_api
from geo.settings import Settings
from geo.store.database import Database
from web import pages
from web.assets import load_assets

# Below this, packing costs more than it saves: an answer fits in one packet anyway.
GZIP_FROM_BYTES = 1_000


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return API and pages over an open store.

    Raises
    ------
    AssetsMissing : the map libraries weren't fetched; said at the start, not at the first visit
    """
    load_assets()
    app = create_api(settings, database)
    app.include_router(pages.router)
    # tiles, hexagons and scripts shrink to a third: a phone on a bad network feels it
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5)
    return app
