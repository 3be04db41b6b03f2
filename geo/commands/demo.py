"""`gridbeat demo …`: the generated city, into the store or into files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from geo.addresses.deployment import written_form
from geo.commands.context import open_store
from geo.commands.words import today
from geo.demo.city import DEFAULT_SEED, NOTICE, generate_city
from geo.demo.files import write_city
from geo.demo.load import load_demo_city
from geo.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The demo city: generated, no real place.")

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same city.")]


@app.command()
def load(seed: Seed = DEFAULT_SEED) -> None:
    """Generate the demo city and put it into the store, which must be empty."""
    settings, begun = load_settings(), time.perf_counter()
    with open_store(settings) as store, _bar() as bar, store.session() as session:
        tasks: dict[str, int] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = int(bar.add_task(what))
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        loaded = load_demo_city(
            session, seed=seed, form=written_form(settings), today=today(), progress=told
        )
    console = Console()
    if loaded.was_there:
        console.print(f"The demo city of seed {seed} is there already; nothing was changed.")
        return
    console.print(
        f"{NOTICE}: {loaded.area_count} areas, {loaded.grid_count} grids, "
        f"{loaded.address_count:,} addresses, {loaded.dwelling_count:,} dwellings, "
        f"{loaded.resident_count:,} residents, {loaded.establishment_count:,} establishments, "
        f"{loaded.incident_count:,} incidents, "
        f"{loaded.basemap_count:,} features of the base map, "
        f"in {time.perf_counter() - begun:.1f} s."
    )


@app.command()
def write(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Write the demo city as files that the imports read."""
    console = Console()
    with console.status("Generating the demo city …"):
        files = write_city(generate_city(seed), folder)
    console.print(f"{NOTICE}:")
    for file in files:
        console.print(f"  {file}  {file.stat().st_size / 1e6:.1f} MB", highlight=False)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,}"),
        TimeElapsedColumn(),
        transient=True,
        console=Console(stderr=True),
    )
