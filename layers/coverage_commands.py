"""`gridbeat coverage …`: keep coverage up without a server, or compute it anew."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from geo.commands.context import open_store
from geo.coverage.due import note_all_due
from geo.settings import load_settings
from layers.coverage_follower import CoverageFollower
from layers.coverage_keeping import KeptUp

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
    """Compute the last days anew, after a change of rules or of places."""
    settings = load_settings()
    with open_store(settings) as database:
        with database.session() as session:
            note_all_due(session, days=days)
        _tell(_catch_up(CoverageFollower(database, settings)))


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
