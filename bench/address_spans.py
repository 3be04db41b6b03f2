"""How well addresses are split: exact spans on a tagged file, per label and together.

    python -m bench.address_spans FILE [--train FILE] [--rounds N]

FILE is CoNLL: NAACL's BIO tokens or CCKS's BIES characters (one token and its tag a line). Only the
labels that both schemes share are counted. Without --train the engine reads as shipped, by grammar
and the national list; with it, a tagger is trained on that file first. Speed is that of reading
texts into spans in one process, by its CPU time, median of the rounds.

RESULT keys: f1 [share], per_s [addresses/s], trained [true or false], n [addresses].
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from geo.addresses.labels import label_tokens
from geo.addresses.normalise import normalise
from geo.addresses.scan import scan
from geo.addresses.tagged import SHARED_LABELS, LabelledSpan, TaggedAddress, read_tagged

Reader = Callable[[list[str]], list[list[LabelledSpan]]]


def is_masked(addresses: list[TaggedAddress]) -> bool:
    """Whether the file follows the CCKS scheme: it alone has these labels."""
    labels = {label for address in addresses for _, _, label in address.spans}
    return bool(labels & {"village_group", "intersection", "distance"})


def read_as_shipped(texts: list[str], *, masked: bool) -> list[list[LabelledSpan]]:
    found = []
    for text in texts:
        normalised = normalise(text)
        tokens = scan(normalised.text).tokens
        found.append(label_tokens(tokens, normalised, masked=masked))
    return found


def count(
    addresses: list[TaggedAddress], found: list[list[LabelledSpan]]
) -> dict[str, tuple[int, int, int]]:
    """Return label → spans right, found, wanted."""
    right: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for address, spans in zip(addresses, found, strict=True):
        gold = {span for span in address.spans if span[2] in SHARED_LABELS}
        mine = {span for span in spans if span[2] in SHARED_LABELS}
        wanted.update(span[2] for span in gold)
        ours.update(span[2] for span in mine)
        right.update(span[2] for span in gold & mine)
    return {label: (right[label], ours[label], wanted[label]) for label in SHARED_LABELS}


def scores(right: int, found: int, wanted: int) -> tuple[float, float, float]:
    precision = right / found if found else 0.0
    recall = right / wanted if wanted else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    addresses = read_tagged(options.file)
    texts = [address.text for address in addresses]
    masked = is_masked(addresses)
    reader = trained_reader(options.train) if options.train else None

    def read() -> list[list[LabelledSpan]]:
        return reader(texts) if reader else read_as_shipped(texts, masked=masked)

    found = read()
    seconds = []
    for _ in range(options.rounds):
        started = time.process_time()
        read()
        seconds.append(time.process_time() - started)
    per_s = len(texts) / statistics.median(seconds)

    counts = count(addresses, found)
    print(f"{'label':<12}{'precision':>10}{'recall':>10}{'F1':>10}{'wanted':>10}")
    for label, numbers in counts.items():
        precision, recall, f1 = scores(*numbers)
        print(f"{label:<12}{precision:>10.3f}{recall:>10.3f}{f1:>10.3f}{numbers[2]:>10}")
    together = scores(*(sum(column) for column in zip(*counts.values(), strict=True)))
    print(f"{'together':<12}{together[0]:>10.3f}{together[1]:>10.3f}{together[2]:>10.3f}")
    how = f"trained on {options.train.name}" if options.train else "as shipped"
    print(f"{options.file.name}, {len(texts):,} addresses, {how}: {per_s:,.0f} addresses/s")
    result = {
        "f1": round(together[2], 4),
        "per_s": round(per_s),
        "trained": bool(options.train),
        "n": len(texts),
    }
    print("RESULT", json.dumps(result))


def trained_reader(train: Path) -> Reader:
    """Return a reader trained on a tagged file."""
    from geo.addresses.training import train_tagger

    return train_tagger(read_tagged(train)).tag_many


if __name__ == "__main__":
    main()
