"""Write a real register of names and addresses, and queries against it, from the development data.

    python -m bench.make_places pairs|stations|poi DATA_FOLDER OUT_FOLDER [--places 5000]

DATA_FOLDER is `../shared/data/addr`. Writes `register.csv` (id, text, lon, lat), and
`queries_develop.csv` and `queries_score.csv` (text, id, form), the halves by a hash of the query:
look at the first, only score the second. Several ids, `3;8`: any of them is right.

- pairs: a query of a full match means its candidate; distractors are first the other
  candidates of the same queries, then those of others. No points.
- stations, poi: the text is address and name, queries are the name, the address, both turned
  round, or one of them with a slip and without its divisions. A query that fits several places
  means any of them.

RESULT keys: `places, develop, score`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from geo.crs import parse_datum, to_wgs84

SEED = 2026
_DIVISIONS = re.compile(r"^(?:[一-鿿]{2,3}[省市])?(?:[一-鿿]{2,3}[市])?(?:[一-鿿]{2,3}[区县])?")
_WRONG_CHARACTERS = "天地大小方正明光永新"

Place = tuple[str, str, float | None, float | None]
Query = tuple[str, str, str]


def in_half(query: str, half: str) -> bool:
    """Whether a query belongs to the half `develop` or `score`."""
    is_even = hashlib.blake2b(query.encode(), digest_size=2).digest()[0] % 2 == 0
    return is_even == (half == "develop")


def pairs(folder: Path, places: int) -> tuple[list[Place], list[Query]]:
    path = folder / "ccks2021_pairs" / "round1_fold0.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    meant: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["label"] == "2" and row["candidate"] not in meant[row["query"]]:
            meant[row["query"]].append(row["candidate"])
    meant = {query: found for query, found in meant.items() if found}
    wanted = dict.fromkeys(text for found in meant.values() for text in found)
    others = {row["candidate"]: row["query"] not in meant for row in rows[::-1]}
    others |= {row["candidate"]: False for row in rows if row["query"] in meant}
    ranked = sorted(others.keys() - wanted.keys(), key=lambda text: (others[text], _hash(text)))
    texts = [*wanted, *ranked[: places - len(wanted)]]
    # The order must not tell which is which.
    texts.sort(key=_hash)
    ids = {text: str(number) for number, text in enumerate(texts, 1)}
    queries = [(q, ";".join(ids[text] for text in found), "pair") for q, found in meant.items()]
    return [(ids[text], text, None, None) for text in texts], queries


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def named_places(
    rows: Iterable[dict[str, str]], lon: str, lat: str, datum: str
) -> tuple[list[Place], list[Query]]:
    rng = random.Random(SEED)
    by_text: dict[str, dict[str, str]] = {}
    for row in rows:
        by_text.setdefault(row["address"] + row["name"], row)
    places: list[Place] = []
    queries: list[tuple[str, str]] = []
    for number, (text, row) in enumerate(by_text.items(), 1):
        x, y = to_wgs84(float(row[lon]), float(row[lat]), parse_datum(datum))
        places.append((str(number), text, round(float(x), 6), round(float(y), 6)))
        name, address = row["name"], row["address"]
        short = _DIVISIONS.sub("", address) or address
        queries += [
            (name, "name"), (address, "address"), (f"{name} {short}", "turned"),
            (short + name, "no_division"), (_slip(name, rng), "name_slip"),
            (_slip(short, rng) + _slip(name, rng), "both_slip"), (short, "short_address"),
        ]  # fmt: skip
    # A query means every place that has it: two stations of one name.
    having: dict[str, list[str]] = defaultdict(list)
    for query, _ in queries:
        having.setdefault(query, [])
    for number, row in enumerate(by_text.values(), 1):
        short = _DIVISIONS.sub("", row["address"]) or row["address"]
        for each in (row["name"], row["address"], short):
            if each in having:
                having[each].append(str(number))
    seen: set[str] = set()
    out: list[Query] = []
    per_place = 7
    for at, (query, form) in enumerate(queries):
        if query in seen or len(query) < 4:
            continue
        seen.add(query)
        ids = having[query] or [str(at // per_place + 1)]
        out.append((query, ";".join(dict.fromkeys(ids)), form))
    return places, out


def _slip(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    while text[at].isdigit():
        at = rng.randrange(len(text))
    kind = rng.choice(("wrong", "dropped", "exchanged"))
    if kind == "dropped":
        return text[:at] + text[at + 1 :]
    if kind == "exchanged" and at + 1 < len(text) and not text[at + 1].isdigit():
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + rng.choice(_WRONG_CHARACTERS) + text[at + 1 :]


def _read(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=("pairs", "stations", "poi"))
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--places", type=int, default=5000)
    given = parser.parse_args()
    if given.source == "pairs":
        places, queries = pairs(given.data, given.places)
    elif given.source == "stations":
        path = given.data / "shanghai_stations" / "shanghai_stations_bd09.tsv"
        places, queries = named_places(_read(path), "lon_bd09", "lat_bd09", "BD09")
    else:
        path = given.data / "shenzhen_poi" / "shenzhen_poi_gcj02.tsv"
        places, queries = named_places(_read(path), "lon_gcj02", "lat_gcj02", "GCJ02")
    given.folder.mkdir(parents=True, exist_ok=True)
    with (given.folder / "register.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text", "lon", "lat"))
        writer.writerows(places)
    result = {"places": len(places)}
    for half in ("develop", "score"):
        chosen = [query for query in queries if in_half(query[0], half)]
        result[half] = len(chosen)
        with (given.folder / f"queries_{half}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "id", "form"))
            writer.writerows(chosen)
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
