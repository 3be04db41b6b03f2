"""The whole application: the API, with the pages put on it."""

from __future__ import annotations

from fastapi import FastAPI

from api.app import create_app as create_api
from geo.settings import Settings
from geo.store.database import Database
from web import pages
from web.assets import load_assets


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return API and pages over an open store.

    Raises
    ------
    AssetsMissing : the map libraries weren't fetched; said at the start, not at the first visit
    """
    load_assets()
    app = create_api(settings, database)
    app.include_router(pages.router)
    return app
