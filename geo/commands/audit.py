"""`gridbeat audit …`: check the audit log, anchor its heads."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.audit import Access
from geo.audit_anchors import anchor, read_anchors
from geo.audit_check import check_audit
from geo.audit_review import note_check
from geo.commands.context import open_store
from geo.settings import load_settings

app = typer.Typer(help="Check and anchor the audit log.", no_args_is_help=True)
console = Console()


def operator() -> Access:
    """Who works on the command line: the account of the operating system."""
    return Access(actor=f"operator:{getpass.getuser()}", origin="command line")


@app.command()
def verify() -> None:
    """Compute every hash anew, compare with the anchors. Ends with 1 where something is wrong."""
    settings = load_settings()
    anchors = read_anchors(settings.data_folder)
    with open_store(settings) as database, database.session() as session:
        found = check_audit(session, operator(), anchors)
        note_check(session, found, now=datetime.now(UTC))
    if found.faults:
        shown = Table("chain", "entry", "what is wrong")
        for fault in found.faults:
            shown.add_row(str(fault.chain), str(fault.number), Text(fault.what))
        console.print(shown)
    console.print(
        f"{found.entry_count:,} entries, {found.anchor_count:,} anchors: "
        + (f"{len(found.faults)} faults or more." if found.faults else "all as written.")
    )
    if found.faults:
        raise typer.Exit(1)


@app.command("anchor")
def anchor_now() -> None:
    """Keep the heads of now outside of the database, and print their root to keep elsewhere."""
    settings = load_settings()
    with open_store(settings) as database, database.session() as session:
        made = anchor(session, settings.data_folder, now=datetime.now(UTC))
    count = sum(head.number for head in made.heads)
    console.print(f"{made.at}  {count:,} entries  root {made.root}", soft_wrap=True)
