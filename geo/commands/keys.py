"""`gridbeat keys …`: the keys that seal identity numbers, phones and secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Column, Table

from geo.audit import record
from geo.ciphers import DEFAULT_CIPHER
from geo.commands.audit import operator
from geo.commands.context import open_store
from geo.commands.progress import named_bar
from geo.key_rotation import go_on_rotating, key_uses, retire_key, rotate_keys
from geo.keys import USES, KeyFile, Use
from geo.settings import load_settings

app = typer.Typer(help="Keys that seal what the database keeps.", no_args_is_help=True)
console = Console()


@app.command("list")
def list_keys() -> None:
    """List the keys, never the keys themselves, and how much each seals."""
    settings = load_settings()
    file = KeyFile(settings.key_file_path)
    with open_store(settings) as database, database.session() as session:
        counts = {use.key_id: use.count for use in key_uses(session)}
    key_id = Column("key", no_wrap=True)
    shown = Table(key_id, "for", "cipher", "made", "until", "values")
    for key in file.ring().keys:
        until = f"{key.superseded_at:%Y-%m-%d}" if key.superseded_at else "current"
        values = f"{counts.pop(key.id, 0):,}"
        shown.add_row(key.id, key.use, key.cipher, f"{key.made_at:%Y-%m-%d}", until, values)
    for lost, count in counts.items():
        shown.add_row(lost, "", "", "", "lost", f"{count:,}")
    console.print(shown)
    console.print(f"File: {file.path}", soft_wrap=True)


@app.command()
def rotate(
    only: Annotated[
        Literal["seal", "index"] | None, typer.Option(help="One of the two keys; else both.")
    ] = None,
    cipher: Annotated[str, typer.Option(help="aes-256-gcm, sm4-gcm, or another package's.")] = (
        DEFAULT_CIPHER
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with one that was stopped; no new key.")
    ] = False,
) -> None:
    """Make new keys and seal everything anew. The server may run; stop and --resume at will."""
    settings = load_settings()
    file = KeyFile(settings.key_file_path)
    uses: tuple[Use, ...] = (only,) if only else USES
    with open_store(settings) as database:
        with database.session() as session:
            record(session, operator(), "keys.resume" if resume else "keys.rotate")
        with named_bar("sealing anew") as progress:
            if resume:
                done = go_on_rotating(database, file, progress=progress)
            else:
                now = datetime.now(UTC)
                done = rotate_keys(
                    database, file, now=now, uses=uses, cipher=cipher, progress=progress
                )
    console.print(f"{done.done:,} values are sealed anew. Keep a copy of {file.path} elsewhere.")
    for where, row_id in done.broken[:20]:
        console.print(f"{where} of row {row_id} doesn't open.", style="red")
    if done.broken:
        console.print(f"{len(done.broken):,} values don't open; take those rows from a backup.")
        raise typer.Exit(1)


@app.command()
def retire(key: Annotated[str, typer.Argument(metavar="KEY")]) -> None:
    """Take a key that seals nothing more out of the file. Backups from before still need it."""
    settings = load_settings()
    with open_store(settings) as database:
        retire_key(database, KeyFile(settings.key_file_path), key, now=datetime.now(UTC))
        with database.session() as session:
            record(session, operator(), "keys.retire", object_kind="key", object_ref=key)
    console.print(f"Key {key} is out of the file. Keep its copy as long as backups from before.")
