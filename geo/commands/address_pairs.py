"""`gridbeat address train-pairs` and `grade-pairs`: pairs of addresses, many at a time."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from geo.errors import InvalidFile

console = Console()


def train_pairs(
    file: Annotated[
        Path,
        typer.Argument(help="Tab-separated: query, candidate, label (0 no, 1 partial, 2 full)."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model goes (.npz).")],
) -> None:
    """Train the comparing of addresses on your own labelled pairs."""
    from geo.addresses.pair_training import read_pairs, train_pair_model

    if output.suffix != ".npz":
        raise InvalidFile(
            f"The model can't be written to {output.name}. Give a name that ends in .npz.",
            file=output.name,
        )
    pairs = read_pairs(file)
    with console.status(f"Training on {len(pairs):,} pairs …"):
        model = train_pair_model(pairs)
    model.save(output)
    console.print(f"{len(pairs):,} pairs, {len(model.trees.leaves)} trees: {output}")


def grade_pairs(
    file: Annotated[Path, typer.Argument(help="Tab-separated: query, candidate.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the table goes (.tsv).")],
    model: Annotated[
        Path | None, typer.Option(help="What `train-pairs` wrote; none takes the one shipped.")
    ] = None,
) -> None:
    """Say of each pair how likely the candidate is no, a partial, a full match of the query."""
    from geo.addresses.compare_texts import compare_many
    from geo.addresses.pair_model import PairModel, load_pair_model
    from geo.addresses.pair_training import read_text_pairs

    known = PairModel.load(model) if model else load_pair_model()
    firsts, seconds = read_text_pairs(file)
    with console.status(f"Grading {len(firsts):,} pairs …"):
        probabilities = compare_many(firsts, seconds, model=known, both_ways=False)
    with output.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
        table.writerow(("query", "candidate", "grade", "none", "partial", "full"))
        for first, second, grade, shares in zip(
            firsts, seconds, known.grades(probabilities), probabilities, strict=True
        ):
            table.writerow((first, second, grade, *(f"{share:.4f}" for share in shares)))
    console.print(f"{len(firsts):,} pairs: {output}")
