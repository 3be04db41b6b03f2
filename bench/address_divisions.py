"""Whether the written province, city and county are found, and nothing is asserted beyond them.

    python -m bench.address_divisions FILE [--rounds N]

FILE is CoNLL as for bench.address_spans. An address counts as right when every province, city and
county that a person marked in it is named at its level (in full or in short; a municipality may
stand at either level), and street as right when the marked township is. Falsely asserted: a
province is named though no province, city or county is marked (share of such texts). Peers (cpca,
addressparser, jionlp) run on the same texts in the same process where they are installed; jionlp on
every tenth text. Speed is by CPU time of the process, medians of interleaved rounds.

RESULT keys: all_right, false_asserted, street_right [shares], per_s [addresses/s], n; the same for
each peer under its name.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from geo.addresses.divisions import division_stem
from geo.addresses.levels import AddressLevel
from geo.addresses.parse import parse_many
from geo.addresses.tagged import TaggedAddress, read_tagged

Divisions = tuple[str | None, str | None, str | None, str | None]
"""province, city, county, township as a method names them"""

_LEVELS = {
    "prov": AddressLevel.PROVINCE,
    "city": AddressLevel.CITY,
    "district": AddressLevel.COUNTY,
    "town": AddressLevel.TOWNSHIP,
}


def ours(texts: list[str]) -> list[Divisions]:
    levels = list(_LEVELS.values())
    return [tuple(p.value(level) for level in levels) for p in parse_many(texts)]  # type: ignore[misc]


def _cpca() -> Callable[[list[str]], list[Divisions]]:
    import cpca  # type: ignore[import-not-found]

    def run(texts: list[str]) -> list[Divisions]:
        frame = cpca.transform(texts)
        columns = (frame[name].tolist() for name in ("省", "市", "区"))
        return [(p, c, d, None) for p, c, d in zip(*columns, strict=True)]

    return run


def _addressparser() -> Callable[[list[str]], list[Divisions]]:
    import addressparser  # type: ignore[import-not-found]

    def run(texts: list[str]) -> list[Divisions]:
        frame = addressparser.transform(texts)
        columns = (frame[name].tolist() for name in ("省", "市", "区"))
        return [(p or None, c or None, d or None, None) for p, c, d in zip(*columns, strict=True)]

    return run


def _jionlp() -> Callable[[list[str]], list[Divisions]]:
    import jionlp  # type: ignore[import-not-found]

    def run(texts: list[str]) -> list[Divisions]:
        found = []
        for text in texts:
            answer: dict[str, Any] = jionlp.parse_location(text, town_village=True)
            found.append((answer["province"], answer["city"], answer["county"], answer.get("town")))
        return found

    return run


PEERS = {"cpca": (_cpca, 1), "addressparser": (_addressparser, 1), "jionlp": (_jionlp, 10)}


def stem(name: object, level: AddressLevel) -> str:
    """The short name; peers answer None, NaN or an empty text where they found nothing."""
    return division_stem(name.strip("_ "), level) if isinstance(name, str) else ""


def judge(
    addresses: list[TaggedAddress], found: list[Divisions]
) -> tuple[float, float, float | None]:
    """Return the shares: all written right, falsely asserted, township right."""
    right = written = false = unwritten = street = streets = 0
    for address, divisions in zip(addresses, found, strict=True):
        gold: dict[str, str] = {}
        for start, end, label in address.spans:
            if label in _LEVELS:
                gold[label] = address.text[start:end]
        stems = {
            label: stem(name, level)
            for (label, level), name in zip(_LEVELS.items(), divisions, strict=True)
        }
        upper = [label for label in ("prov", "city", "district") if label in gold]
        if upper:
            written += 1
            right += all(_agrees(gold[label], label, stems) for label in upper)
        if not upper:
            unwritten += 1
            false += bool(stems["prov"])
        if "town" in gold:
            streets += 1
            street += stem(gold["town"], AddressLevel.TOWNSHIP) == stems["town"]
    return right / written, false / max(unwritten, 1), street / streets if streets else None


def _agrees(name: str, label: str, stems: dict[str, str]) -> bool:
    """Whether a marked name is named at its level, or at the next, which people mix up.

    Both sets mark county-level cities now as city, now as district, and municipalities as city.
    """
    wanted = {stem(name, level) for level in (_LEVELS[label], AddressLevel.COUNTY)}
    levels = {
        "prov": ("prov",),
        "city": ("city", "prov", "district"),
        "district": ("district", "city"),
    }
    return any(stems[level] in wanted for level in levels[label])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    addresses = read_tagged(options.file)

    methods: dict[str, tuple[Callable[[list[str]], list[Divisions]], int]] = {"ours": (ours, 1)}
    for name, (load, step) in PEERS.items():
        if importlib.util.find_spec(name) is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                methods[name] = (load(), step)
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    answers: dict[str, list[Divisions]] = {}
    for name, (run, step) in methods.items():  # first round: load lists, keep the answers
        answers[name] = run([address.text for address in addresses[::step]])
    for _ in range(options.rounds):
        for name, (run, step) in methods.items():
            texts = [address.text for address in addresses[::step]]
            texts = texts[:50] if step > 1 else texts
            started = time.process_time()
            run(texts)
            seconds[name].append((time.process_time() - started) / len(texts))

    print(f"{'method':<15}{'all right':>10}{'asserted':>10}{'street':>10}{'per s':>12}{'ratio':>8}")
    result: dict[str, Any] = {}
    base = statistics.median(seconds["ours"])
    for name, (_, step) in methods.items():
        right, false, street = judge(addresses[::step], answers[name])
        each = statistics.median(seconds[name])
        town = (
            f"{street:10.3f}" if name in ("ours", "jionlp") and street is not None else f"{'-':>10}"
        )
        print(f"{name:<15}{right:>10.3f}{false:>10.3f}{town}{1 / each:>12,.0f}{each / base:>8.2f}")
        figures = {
            "all_right": round(right, 4),
            "false_asserted": round(false, 4),
            "street_right": round(street, 4)
            if town.strip() != "-" and street is not None
            else None,
            "per_s": round(1 / each),
        }
        if name == "ours":
            result |= figures | {"n": len(addresses)}
        else:
            result[name] = figures
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
