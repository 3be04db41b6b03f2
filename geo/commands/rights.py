"""`gridbeat rights …`: the ledger of persons' requests about what is kept of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.commands.audit import operator
from geo.commands.context import open_store
from geo.commands.words import parse_day, today
from geo.errors import InvalidFile
from geo.settings import load_settings
from geo.values import GridScope

app = typer.Typer(
    help="Requests of persons about what is kept of them.",
    no_args_is_help=True,
)
console = Console()
RequestId = Annotated[int, typer.Argument(metavar="ID")]
EVERYTHING = GridScope.everything()


@app.command("list")
def list_requests(
    status: Annotated[str | None, typer.Option(help="open, fulfilled, refused, withdrawn")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is overdue.")] = False,
) -> None:
    """List the requests."""
    from geo import rights

    day = today()
    shown = Table("id", "kind", "resident", "received", "due", "status", "by")
    with open_store() as database, database.session() as session:
        for each in rights.find_requests(
            session, status=status, overdue_on=day if overdue else None, limit=1000
        ):
            late = " (overdue)" if each.status == "open" and each.due_on < day else ""
            shown.add_row(
                str(each.id),
                each.kind,
                str(each.resident_id or ""),
                str(each.received_on),
                f"{each.due_on}{late}",
                each.status,
                Text(each.closed_by or each.received_by),
            )
    console.print(shown)


@app.command()
def receive(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="access, correction, deletion")],
    resident: Annotated[int | None, typer.Option(help="Number of the person.")] = None,
    details: Annotated[str | None, typer.Option(help="What is wrong, of a correction.")] = None,
    checked: Annotated[
        bool, typer.Option("--checked", help="Who asks was seen to be who they say.")
    ] = False,
    on: Annotated[str | None, typer.Option("--on", help="Day it came in; else today.")] = None,
) -> None:
    """Write down a request that came in."""
    from geo import rights

    settings = load_settings()
    with open_store(settings) as database, database.session() as session:
        made = rights.receive_request(
            session,
            operator(),
            kind=kind,
            resident_id=resident,
            details=details,
            identity_checked=checked,
            received_on=parse_day(on),
            scope=EVERYTHING,
            settings=settings,
            today=today(),
        )
        console.print(f"Request {made.id}, due on {made.due_on}.")


@app.command()
def check(request_id: RequestId) -> None:
    """Note that who asks was seen to be who they say."""
    from geo import rights

    with open_store() as database, database.session() as session:
        rights.check_identity(session, operator(), request_id)


@app.command()
def copy(
    request_id: RequestId,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to put it, as JSON.")],
) -> None:
    """Produce the copy for a request to see what is kept."""
    from geo import rights

    if out.exists():
        raise InvalidFile(f"{out} is there already. Give another name.")
    with open_store() as database, database.session() as session:
        made = rights.copy_of_person(
            session, operator(), request_id, scope=EVERYTHING, now=datetime.now(UTC)
        )
    out.touch(mode=0o600)
    out.write_text(json.dumps(made, ensure_ascii=False, indent=2, default=str), encoding="utf-8")
    console.print(Text(f"Written to {out}."))


@app.command()
def erase(request_id: RequestId) -> None:
    """Delete the person of a request to delete. It can't be undone."""
    from geo import rights

    with open_store() as database, database.session() as session:
        ended = rights.erase_person(
            session, operator(), request_id, scope=EVERYTHING, now=datetime.now(UTC)
        )
        console.print(f"Request {request_id}: {ended.outcome}.")


@app.command()
def refuse(
    request_id: RequestId,
    reason: Annotated[str, typer.Option(help="Why; the person is told it.")],
) -> None:
    """Refuse a request."""
    from geo import rights

    with open_store() as database, database.session() as session:
        rights.refuse_request(session, operator(), request_id, reason=reason, now=datetime.now(UTC))


@app.command()
def withdraw(request_id: RequestId) -> None:
    """Close a request that the person took back."""
    from geo import rights

    with open_store() as database, database.session() as session:
        rights.withdraw_request(session, operator(), request_id, now=datetime.now(UTC))
