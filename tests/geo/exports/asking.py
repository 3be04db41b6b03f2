"""Asking for exports in tests, each step in a transaction of its own as at the API."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from geo.audit import Access
from geo.exports import ExportFilter, ask_export, fetch_export, run_export
from geo.settings import Settings
from geo.tables import ExportRequest, ReviewItem
from geo.values import GridScope
from tests.api.conftest import District

EVERYTHING = GridScope.everything()


class Asking:
    """The district, and who asks there."""

    def __init__(self, place: District, settings: Settings) -> None:
        self.database, self.settings = place.database, settings

    def ask(
        self,
        who: str,
        *,
        kind: str = "addresses",
        file_format: str = "csv",
        scope: GridScope = EVERYTHING,
        filters: ExportFilter = ExportFilter(),  # noqa: B008 - frozen
        purpose: str | None = "门牌核对",
        case_ref: str | None = None,
        now: datetime | None = None,
    ) -> ExportRequest:
        """A request; `now` is this moment by default."""
        with self.database.session_of(scope) as session:
            return ask_export(
                session,
                Access(who, purpose=purpose, case_ref=case_ref),
                kind=kind,
                file_format=file_format,
                filters=filters,
                scope=scope,
                settings=self.settings,
                now=now or datetime.now(UTC),
            )

    def fetch(
        self,
        request: ExportRequest,
        who: str,
        *,
        scope: GridScope = EVERYTHING,
        now: datetime | None = None,
    ) -> Path:
        """The file, as who asks for it."""
        with self.database.session_of(scope) as session:
            return fetch_export(
                session,
                Access(who),
                request.id,
                settings=self.settings,
                now=now or datetime.now(UTC),
            )

    def run_and_fetch(
        self, request: ExportRequest, who: str, *, scope: GridScope = EVERYTHING
    ) -> Path:
        """The file, written now."""
        run_export(self.database, request.id, settings=self.settings)
        return self.fetch(request, who, scope=scope)

    def add_review_item(self, grid_code: str) -> None:
        """A text in the review queue of a grid."""
        with self.database.session() as session:
            session.add(
                ReviewItem(
                    address_text="=滨河路777号",
                    text_key=f"777{uuid4()}",
                    source="test",
                    confidence=0.5,
                    grid_code=grid_code,
                )
            )
