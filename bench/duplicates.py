"""Find planted duplicates in a generated register.

    python -m bench.duplicates N [--seed 2026] [--share 0.05]

A register of N entries (`bench.planted_duplicates`), read as an import reads it: entries with the
same key are one already. Ours is the search of `gridbeat addresses duplicates find` without the
database; the peer, in the same run, pairs entries whose folded text without province, city and
county is the same. Precision is the share of suggested pairs that are one place, recall the share
of pairs that are one place and were suggested. Rows a second are by processor time, reading the
texts left out; the peak is that of the process, texts and all.

RESULT keys: `precision`, `recall`, `rows_per_s`, `peer_precision`, `peer_recall`,
`peer_rows_per_s`, `suggested`, `truth`, `peak_mb`; `recall_KIND` for each kind of second entry.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np

from bench.planted_duplicates import Entry, planted_register
from geo.addresses import WrittenForm, parse
from geo.duplicates.blocks import BlockBuilder
from geo.duplicates.facts import AddressFacts, address_facts, alias_key
from geo.duplicates.finding import BATCH_PAIRS, READ_ROWS, weigh
from geo.errors import InvalidInput
from geo.register import StandardForm, standard_form, text_key

Pair = tuple[int, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong pairs")
    given = parser.parse_args()
    entries = planted_register(given.count, seed=given.seed, share=given.share)
    facts, texts, of_entry = _read(entries)
    truth = _truth(entries, of_entry)
    aliases: dict[int, set[str]] = defaultdict(set)
    for entry, address_id in zip(entries, of_entry, strict=True):
        if entry.alias is not None and entry.kind == "first" and address_id:
            key = alias_key(entry.alias)
            if key is not None:
                aliases[address_id].add(key)
    by_id = {each.id: each for each in facts}
    started = time.process_time()
    ours = _ours(facts, by_id, aliases)
    ours_s = time.process_time() - started
    started = time.process_time()
    peer = _same_text(texts)
    peer_s = time.process_time() - started
    result: dict[str, float] = {"rows": len(facts), "truth": len(truth), "suggested": len(ours)}
    print(f"{'':24}{'precision':>10}{'recall':>10}{'suggested':>11}{'rows/s':>12}")
    for name, found, seconds, prefix in (
        ("search for duplicates", ours, ours_s, ""), ("same folded text", peer, peer_s, "peer_"),
    ):  # fmt: skip
        right = len(found & truth.keys())
        precision, recall = right / max(1, len(found)), right / max(1, len(truth))
        per_s = len(facts) / max(1e-9, seconds)
        print(f"{name:24}{precision:>10.4f}{recall:>10.4f}{len(found):>11,}{per_s:>12,.0f}")
        result |= {f"{prefix}precision": round(precision, 4), f"{prefix}recall": round(recall, 4),
                   f"{prefix}rows_per_s": round(per_s)}  # fmt: skip
    kinds = Counter(truth.values())
    print("\nrecall by kind of second entry")
    for kind, count in sorted(kinds.items()):
        hit = sum(1 for pair, its in truth.items() if its == kind and pair in ours)
        print(f"  {kind:18}{hit / count:>8.3f}  of {count:,}")
        result[f"recall_{kind}"] = round(hit / count, 4)
    for pair in sorted(ours - truth.keys())[: given.wrong]:
        print("wrong:", *(texts[i].canonical_text for i in pair), sep="\n  ")
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("RESULT", json.dumps(result))


def _read(
    entries: list[Entry],
) -> tuple[list[AddressFacts], dict[int, StandardForm], list[int]]:
    """The addresses, their forms by id, and for each entry the id of its address; 0 where none can
    be read."""
    form = WrittenForm()
    ids: dict[str, int] = {}
    facts: list[AddressFacts] = []
    texts: dict[int, StandardForm] = {}
    of_entry = []
    for entry in entries:
        parsed = parse(entry.text)
        names = [note.text for note in parsed.leftovers if note.kind == "name"]
        try:
            found = standard_form(parsed, max(names, key=len, default=None), form=form)
        except InvalidInput:
            of_entry.append(0)
            continue
        if found.search_key not in ids:
            ids[found.search_key] = len(ids) + 1
            values = dict(found.components)
            if found.point_of_interest:
                values["point_of_interest"] = found.point_of_interest
            texts[len(ids)] = found
            facts.append(address_facts(len(ids), values, found.search_key, entry.lon, entry.lat))
        of_entry.append(ids[found.search_key])
    return facts, texts, of_entry


def _truth(entries: list[Entry], of_entry: list[int]) -> dict[Pair, str]:
    """Pairs of addresses that are one place → how the second is written."""
    places: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for entry, address_id in zip(entries, of_entry, strict=True):
        if address_id:
            places[entry.place].append((address_id, entry.kind))
    return {
        (min(a, b), max(a, b)): kind
        for group in places.values()
        for (a, _), (b, kind) in combinations(group, 2)
        if a != b
    }


def _ours(
    facts: list[AddressFacts], by_id: dict[int, AddressFacts], aliases: dict[int, set[str]]
) -> set[Pair]:
    blocks = BlockBuilder()
    for start in range(0, len(facts), READ_ROWS):
        blocks.add(facts[start : start + READ_ROWS])
    written = [(i, key) for i, keys in sorted(aliases.items()) for key in sorted(keys)]
    blocks.add_writings(np.array([i for i, _ in written], np.int64), [key for _, key in written])
    return {
        (pair.first_id, pair.second_id)
        for batch in blocks.pairs().batches(BATCH_PAIRS)
        for pair in weigh(batch, by_id, aliases, is_slip=blocks.is_slip)
    }


def _same_text(texts: dict[int, StandardForm]) -> set[Pair]:
    groups: dict[str, list[int]] = defaultdict(list)
    for address_id, form in texts.items():
        local = form.canonical_text
        for level in ("province", "city", "county"):
            local = local.removeprefix(form.components.get(level, ""))
        groups[text_key(local)].append(address_id)
    return {pair for ids in groups.values() for pair in combinations(sorted(ids), 2)}


if __name__ == "__main__":
    main()
