"""`gridbeat addresses duplicates …`: search, list, decide, take back."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy.orm import Session

from geo.accounts import get_account
from geo.commands.context import open_store
from geo.commands.progress import job_bar
from geo.commands.words import today
from geo.duplicates.finding import prepare_duplicates_job, run_duplicates_job
from geo.duplicates.pairs import (
    count_pairs,
    decide_apart,
    find_pairs,
    get_pair,
    merge_pair,
    put_aside,
    reopen_pair,
    view_pairs,
)
from geo.duplicates.reasons import explain
from geo.errors import InvalidInput
from geo.importers.jobs import get_job
from geo.tables import DuplicatePair
from geo.values import GridScope

app = typer.Typer(
    help="Search for addresses that are one place, and merge them.", no_args_is_help=True
)
console = Console()
OPERATOR = GridScope.everything()

PairId = Annotated[int, typer.Argument(metavar="PAIR", help="Number of the pair, from list.")]
Who = Annotated[
    str | None, typer.Option("--by", help="Account of who decides; default: this user.")
]
Note = Annotated[str | None, typer.Option(help="Why.")]


@app.command()
def find() -> None:
    """Search the whole register, or go on with a search that was stopped."""
    with open_store() as database:
        with database.session() as session:
            job_id = prepare_duplicates_job(session)
        with job_bar(job_id) as progress:
            run_duplicates_job(database, job_id, progress=progress)
        with database.session() as session:
            job = get_job(session, job_id)
            counts = count_pairs(session, scope=OPERATOR)
    told = job.report
    console.print(
        f"Job {job_id}: {job.status}. {job.rows_done:,} addresses, "
        f"{told.get('candidate_pairs', 0):,} candidates, {told.get('suggested', 0):,} suggested, "
        f"{told.get('taken_out', 0):,} taken out. Waiting: {counts['open']:,}.",
        highlight=False,
    )


@app.command("list")
def list_pairs(
    status: Annotated[str, typer.Option(help="open, later, merged or apart.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Pairs at most.")] = 20,
) -> None:
    """List pairs, the likeliest first."""
    with open_store() as database, database.session() as session:
        counts = count_pairs(session, scope=OPERATOR)
        pairs = find_pairs(session, scope=OPERATOR, status=status, limit=limit)
        shown = Table(
            "pair", "score", "id", Column("address", overflow="fold"), "m", "why", "grid", "rows"
        )
        for view in view_pairs(session, pairs):
            why = "；".join(explain(reason).zh for reason in view.pair.reasons)
            distance = view.pair.distance_m
            for side, is_first in ((view.first, True), (view.second, False)):
                is_better = side.address.id == view.suggested_keep
                shown.add_row(
                    str(view.pair.id) if is_first else "",
                    f"{view.pair.score:.2f}" if is_first else "",
                    f"{side.address.id}{' *' if is_better else ''}",
                    Text(side.address.canonical_text),
                    f"{distance:.0f}" if is_first and distance is not None else "",
                    why if is_first else "",
                    side.address.grid_code or "",
                    str(sum(side.references.values())),
                    end_section=not is_first,
                )
    console.print(shown)
    console.print(f"{len(pairs)} of {counts[status]}. * is the one likely to keep.")


@app.command()
def merge(
    pair_id: PairId,
    keep: Annotated[int, typer.Option("--keep", help="Id of the address that stays.")],
    by: Who = None,
    note: Note = None,
) -> None:
    """Decide that both are one place: one is kept, the other merged into it."""
    with open_store() as database, database.session() as session:
        pair = get_pair(session, pair_id, scope=OPERATOR)
        merge_pair(
            session, pair_id, keep, version=pair.version, first_version=None, second_version=None,
            decided_by=_who(session, by), now=datetime.now(UTC), scope=OPERATOR, note=note,
        )  # fmt: skip
        _tell(session, pair)


@app.command()
def apart(pair_id: PairId, by: Who = None, note: Note = None) -> None:
    """Decide that the two are not one place; they are never suggested again."""
    with open_store() as database, database.session() as session:
        pair = get_pair(session, pair_id, scope=OPERATOR)
        decide_apart(
            session, pair_id, version=pair.version, decided_by=_who(session, by),
            now=datetime.now(UTC), scope=OPERATOR, note=note,
        )  # fmt: skip
        _tell(session, pair)


@app.command()
def later(pair_id: PairId, by: Who = None, note: Note = None) -> None:
    """Put a pair aside."""
    with open_store() as database, database.session() as session:
        pair = get_pair(session, pair_id, scope=OPERATOR)
        put_aside(
            session, pair_id, version=pair.version, decided_by=_who(session, by),
            now=datetime.now(UTC), scope=OPERATOR, note=note,
        )  # fmt: skip
        _tell(session, pair)


@app.command()
def undo(pair_id: PairId, by: Who = None) -> None:
    """Take a decision back; a merge is undone."""
    with open_store() as database, database.session() as session:
        pair = get_pair(session, pair_id, scope=OPERATOR)
        reopen_pair(
            session, pair_id, version=pair.version, undone_by=_who(session, by),
            now=datetime.now(UTC), day=today(), scope=OPERATOR,
        )  # fmt: skip
        _tell(session, pair)


def _who(session: Session, by: str | None) -> str:
    """Who decides: an account that there is, else the user of this machine, who is no account.

    Raises
    ------
    InvalidInput : the name is empty
    AccountNotFound : there is no such account, or it has ended
    """
    if by is None:
        return f"operator:{getpass.getuser()}"
    if not by.strip():
        raise InvalidInput("Nobody decides nameless. Give --by NAME.", field="by")
    return get_account(session, by.strip()).name


def _tell(session: Session, pair: DuplicatePair) -> None:
    (view,) = view_pairs(session, [pair])
    console.print(f"Pair {pair.id}: {pair.status}.", highlight=False)
    for side in (view.first, view.second):
        address = side.address
        console.print(Text(f"  {address.id} {address.status}: {address.canonical_text}"))
