"""`gridbeat address …`: read, standardise and compare texts; train the reader."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from geo.addresses.deployment import load_context, written_form
from geo.addresses.match_reasons import LEVEL_NAMES
from geo.addresses.parse import ParseContext
from geo.addresses.reading_json import compare_as_json, read_as_json, standardise_as_json
from geo.commands.address_pairs import grade_pairs, train_pairs
from geo.errors import InvalidFile, InvalidInput
from geo.settings import Settings, load_settings

app = typer.Typer(
    help="Read, standardise and compare address texts; train the reader.", no_args_is_help=True
)
console = Console()
LINES_AT_A_TIME = 1_000
STANDARD_INPUT = Path("-")
_OTHER = {"relation": "related to", "notes": "note", "leftovers": "not explained"}
_RELATIONS = {
    "same": "the same place", "contains": "the first holds the second",
    "within": "the first lies within the second", "overlap": "overlap, as far as is written",
    "different": "different places",
}  # fmt: skip

_REASONS = {
    "same": "the same", "short": "one in short", "sound": "one by sound", "slip": "one slip apart",
    "differs": "different", "only_first": "the first alone", "only_second": "the second alone",
    "range": "within the other's range", "near": "beside it only",
}  # fmt: skip

Texts = Annotated[
    list[str] | None, typer.Argument(help="Texts; without any, the lines of a file are taken.")
]
Lines = Annotated[
    Path,
    typer.Option("--file", "-f", help="A text a line, UTF-8; - is standard input, the default."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="A JSON object a line, as the API answers, for programs.")
]
Model = Annotated[
    Path | None, typer.Option(help="A tagger that `train` wrote; else GRIDBEAT_TAGGER.")
]
Area = Annotated[
    list[str] | None,
    typer.Option(help="Division codes of your own area; else GRIDBEAT_AREA_CODES."),
]


@app.command("read")
def read_texts(
    texts: Texts = None,
    file: Lines = STANDARD_INPUT,
    as_json: AsJson = False,
    model: Model = None,
    area: Area = None,
) -> None:
    """Show the parts of address texts, their codes, and what is no part."""
    settings = _settings(model, area)
    _answer(texts, file, settings, read_as_json, None if as_json else _show_reading)


@app.command("standardise")
def standardise_texts(
    texts: Texts = None,
    file: Lines = STANDARD_INPUT,
    as_json: AsJson = False,
    model: Model = None,
    area: Area = None,
) -> None:
    """Write address texts in the standard form, with the code of each division."""
    settings = _settings(model, area)
    _answer(texts, file, settings, standardise_as_json, None if as_json else _show_standard)


@app.command("compare")
def compare_texts(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Two texts; without any, pairs are taken from a file."),
    ] = None,
    file: Annotated[
        Path,
        typer.Option(
            "--file", "-f", help="A pair a line, with a tab between; - is standard input."
        ),
    ] = STANDARD_INPUT,
    as_json: AsJson = False,
    model: Model = None,
    area: Area = None,
) -> None:
    """Tell how two addresses lie to each other, and the level at which they part."""
    if texts and len(texts) != 2:
        raise InvalidInput(
            f"{len(texts)} texts are given, wanted two. Quote a text that holds blanks, or give "
            "many pairs by --file, a pair a line with a tab between."
        )
    settings = _settings(model, area)
    given = ["\t".join(texts)] if texts else None

    def compare(lines: list[str], **options: Any) -> list[dict[str, Any]]:
        return compare_as_json([_pair(line) for line in lines], **options)

    _answer(given, file, settings, compare, None if as_json else _show_comparison)


app.command("train-pairs")(train_pairs)
app.command("grade-pairs")(grade_pairs)


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


def _settings(model: Path | None, area: list[str] | None) -> Settings:
    """Return the settings of this process, with what the command line names over them."""
    settings = load_settings()
    over: dict[str, object] = {}
    if model is not None:
        over["tagger"] = model
    if area:
        over |= {"area_codes": ",".join(area), "area_prior": True}
    return settings.model_copy(update=over)


def _answer(
    texts: list[str] | None,
    file: Path,
    settings: Settings,
    ask: Callable[..., list[dict[str, Any]]],
    show: Callable[[dict[str, Any]], None] | None,
) -> None:
    """Ask for the texts, or the lines of a file, and print each answer; None prints JSON lines."""
    context: ParseContext | None = load_context(settings)
    lines = iter(texts) if texts else _lines(file)
    while part := list(islice(lines, LINES_AT_A_TIME)):
        found = ask(
            part,
            form=written_form(settings),
            context=context,
            max_length=settings.address_text_max,
        )
        for answer in found:
            if show is None:
                sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            elif answer["status"] == "error":
                text = answer.get("text", answer.get("first", ""))
                console.print(Text(f"{text}: {answer['message']}", style="red"))
            else:
                show(answer)


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file, or of standard input, without their ends.

    Raises
    ------
    InvalidFile : there is no such file, or it is no UTF-8
    """
    try:
        stream = sys.stdin if file == STANDARD_INPUT else file.open(encoding="utf-8-sig")
        with stream:
            for line in stream:
                yield line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidFile(
            f"{file.name} is no UTF-8 text. Save it as UTF-8, a text a line; tables go through "
            "`gridbeat geocode`.",
            file=file.name,
        ) from None
    except OSError as error:
        raise InvalidFile(
            f"{file.name} can't be read: {error.strerror}. Give a file of texts, or - for "
            "standard input.",
            file=file.name,
        ) from None


def _pair(line: str) -> tuple[str, str]:
    first, _, second = line.partition("\t")
    return first, second


def _show_reading(answer: dict[str, Any]) -> None:
    table = Table("level", "written", "value", "code", title=Text(answer["text"]))
    for part in answer["parts"]:
        style = None if part["counts"] else "dim"
        table.add_row(
            _level(part["level"]), Text(part["text"]), Text(part["value"]), part["code"] or "",
            style=style,
        )  # fmt: skip
    for name, told in _OTHER.items():
        for note in answer[name]:
            table.add_row(Text(told, style="italic"), Text(note["text"]), "", "")
    console.print(table)
    console.print("standard:", Text(answer["canonical_text"] or "none: no address is in it"))
    _show_alternatives(answer)


def _show_standard(answer: dict[str, Any]) -> None:
    table = Table("", Column(overflow="fold"), title=Text(answer["text"]), show_header=False)
    table.add_row("standard", Text(answer["canonical_text"] or "none: no address is in it"))
    if answer["full_text"]:
        table.add_row("in full", Text(answer["full_text"]))
    if answer["level"]:
        table.add_row("down to", _level(answer["level"]))
    for division in answer["divisions"]:
        told = f"{division['code']} {division['name']}"
        if division["successor"] is not None:
            successor = division["successor"]
            told += (
                f", abolished (in force until {division['until']}); now {successor['code']} "
                f"{successor['name']}"
            )
        table.add_row(_level(division["level"]), Text(told))
    for note in answer["left_out"]:
        table.add_row("left out", Text(note["text"]))
    if not answer["reads_back"]:
        table.add_row("beware", "the standard text is read otherwise; look at it")
    console.print(table)
    _show_alternatives(answer)


def _show_comparison(answer: dict[str, Any]) -> None:
    table = Table("", Column(overflow="fold"), show_header=False)
    table.add_row("first", Text(answer["first_text"] or answer["first"]))
    table.add_row("second", Text(answer["second_text"] or answer["second"]))
    if answer["status"] == "no_address":
        table.add_row("relation", "not said: one of the two holds no address")
    else:
        table.add_row("relation", _RELATIONS[answer["relation"]])
        if answer["parted_at"]:
            table.add_row("part at", _level(answer["parted_at"]))
        shares = answer["likelihood"].items()
        table.add_row("likely", ", ".join(f"{grade} match {share:.2f}" for grade, share in shares))
        for reason in answer["reasons"]:
            said = " / ".join(filter(None, (reason["first"], reason["second"])))
            table.add_row(_level(reason["level"]), Text(f"{_REASONS[reason['code']]}: {said}"))
    console.print(table)


def _show_alternatives(answer: dict[str, Any]) -> None:
    for reading in answer["alternatives"]:
        console.print(f"  may be {reading['score']:.2f}:", Text(reading["name"]))


def _level(level: str) -> str:
    zh, en = LEVEL_NAMES.get(level, ("方位", level))
    return f"{en} {zh}"
