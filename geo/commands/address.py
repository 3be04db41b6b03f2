"""`gridbeat address …`: read a text into its parts, train the reader on tagged addresses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.addresses.divisions import load_divisions
from geo.addresses.parse import ParseContext, ParsedAddress, parse_many
from geo.addresses.standardise import format_address
from geo.errors import InvalidFile

app = typer.Typer(help="Read an address text; train the reader.", no_args_is_help=True)
console = Console()
_OTHER = {"relation": "related to", "note": "note", "leftover": "not explained"}


@app.command("read")
def read_texts(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; none reads lines.")] = None,
    model: Annotated[Path | None, typer.Option(help="A tagger that `train` wrote.")] = None,
    area: Annotated[list[str] | None, typer.Option(help="Division codes of your own area.")] = None,
) -> None:
    """Show the parts of address texts, their codes, and what is no part."""
    tagger = None
    if model is not None:
        from geo.addresses.tagger import Tagger

        tagger = Tagger.load(model)
    for code in area or ():
        load_divisions().get(code)
    context = ParseContext(division_codes=tuple(area or ()), tagger=tagger)
    given = texts or [line.rstrip("\n") for line in sys.stdin]
    for parsed in parse_many(given, context=context):
        _show(parsed)


def _show(parsed: ParsedAddress) -> None:
    table = Table("level", "written", "value", "code", title=Text(parsed.text))
    for part in parsed.parts:
        style = None if part.counts else "dim"
        table.add_row(part.level, Text(part.text), Text(part.value), part.code or "", style=style)
    for name, notes in (
        ("relation", parsed.relation),
        ("note", parsed.notes),
        ("leftover", parsed.leftovers),
    ):
        for note in notes:
            table.add_row(Text(_OTHER[name], style="italic"), Text(note.text), "", "")
    console.print(table)
    console.print("standard:", Text(format_address(parsed.components())))
    for reading in parsed.alternatives:
        names = "".join(d.name for d in load_divisions().chain(reading.division_code or ""))
        console.print(f"  may be {reading.score:.2f}:", Text(names))


@app.command("train")
def train(
    file: Annotated[Path, typer.Argument(help="Tagged addresses, CoNLL (BIO or BIES).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the tagger goes (.npz).")],
    epochs: Annotated[int, typer.Option(min=1, max=100, help="Passes over the file.")] = 6,
) -> None:
    """Train the reader on your own tagged addresses."""
    from geo.addresses.tagged import read_tagged
    from geo.addresses.training import train_tagger

    if output.suffix != ".npz":
        raise InvalidFile(
            f"The tagger can't be written to {output.name}. Give a name that ends in .npz.",
            file=output.name,
        )
    addresses = read_tagged(file)
    with console.status(f"Training on {len(addresses):,} addresses …"):
        tagger = train_tagger(addresses, epochs=epochs)
    tagger.save(output)
    console.print(
        f"{len(addresses):,} addresses, {len(tagger.labels)} labels, "
        f"{len(tagger.weights):,} features: {output}"
    )
