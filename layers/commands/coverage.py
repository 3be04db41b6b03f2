"""`gridbeat coverage …`: keep coverage up without a server, or compute it anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from geo.audit import OPERATOR
from geo.commands.context import open_store
from geo.coverage.due import note_all_due
from geo.coverage.key_places import import_key_places
from geo.coverage.road_days import forget_road_days
from geo.errors import InvalidFile
from geo.settings import load_settings
from geo.values import GridScope
from layers.coverage.follower import CoverageFollower
from layers.coverage.keeping import KeptUp

app = typer.Typer(help="Patrol coverage: kept up with the positions, or computed anew.")


@app.command()
def update() -> None:
    """Compute what is due; a running server does so by itself."""
    settings = load_settings()
    with open_store(settings) as database:
        _tell(_catch_up(CoverageFollower(database, settings)))


@app.command()
def recompute(
    days: Annotated[int, typer.Option(min=1, help="The shifts of the last days.")] = 7,
) -> None:
    """Compute the last days anew, after a change of rules, places or roads."""
    settings = load_settings()
    with open_store(settings) as database:
        with database.session() as session:
            forget_road_days(
                session, since=settings.local_day(datetime.now(UTC) - timedelta(days=days))
            )
            note_all_due(session, days=days)
        _tell(_catch_up(CoverageFollower(database, settings)))


@app.command("key-places")
def key_places(
    file: Annotated[Path, typer.Argument(help="CSV, columns as docs/coverage.md says.")],
) -> None:
    """Put in key places and the doses they want, all of a file or none."""
    settings = load_settings()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{file} can't be read: {error}. Wanted CSV in UTF-8.") from None
    with open_store(settings) as database, database.session() as session:
        count = import_key_places(
            session, text, scope=GridScope.everything(), created_by=OPERATOR + "coverage",
            on=settings.local_day(datetime.now(UTC)),
        )  # fmt: skip
    typer.echo(f"{count} key places are there. The last week is computed with the next update.")


def _catch_up(follower: CoverageFollower) -> KeptUp:
    with Console(stderr=True).status("Coverage …") as status:
        return follower.catch_up(
            told=lambda done: status.update(f"{done.fix_count:,} fixes of {done.unit_count} units")
        )


def _tell(done: KeptUp) -> None:
    typer.echo(
        f"{done.unit_count} units, {done.fix_count:,} fixes; {done.changed_hours:,} hours of units "
        f"and {done.changed_grids:,} of grids changed."
    )
