"""Whether a text leads to the right street code (9 digits) and village code (12 digits).

    python -m bench.address_codes FILE [--peer]

FILE is JSON lines with `text`, `street_code` and `village_code` (or null). An answer is right,
wrong, or none: the engine names a code only where text and list settle it. With --peer, jionlp
(where installed) answers the same texts; its township is looked up by name under its county.

RESULT keys: right, wrong, none [shares of texts], village_right, village_wrong [shares of texts
with a village code], per_s [by CPU time], n; jionlp: right, wrong, none.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from geo.addresses.divisions import load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.parse import parse_many


def verdict(found: str | None, wanted: str) -> str:
    return "none" if found is None else "right" if found == wanted else "wrong"


def jionlp_code(text: str) -> str | None:
    """The code of the township that jionlp names, looked up under the county it names."""
    import jionlp  # type: ignore[import-not-found]

    answer = jionlp.parse_location(text, town_village=True)
    if not answer.get("town") or not answer.get("county"):
        return None
    divisions = load_divisions()
    for county in divisions.search(answer["county"], level=AddressLevel.COUNTY):
        towns = divisions.search(answer["town"], level=AddressLevel.TOWNSHIP, within=county.code)
        above = [d.name for d in divisions.chain(county.code)]
        if len(towns) == 1 and answer["province"] in above:
            return towns[0].code
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    with options.file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    texts = [row["text"] for row in rows]
    parse_many(texts)  # loads the lists
    started = time.process_time()
    codes = [parsed.division_code for parsed in parse_many(texts)]
    per_s = len(texts) / (time.process_time() - started)

    streets = [code[:9] if code and len(code) >= 9 else None for code in codes]
    villages = [code if code and len(code) == 12 else None for code in codes]
    judged = Counter(
        verdict(code, row["street_code"]) for code, row in zip(streets, rows, strict=True)
    )
    with_village = [(v, row["village_code"]) for v, row in zip(villages, rows, strict=True)
                    if row.get("village_code")]  # fmt: skip
    judged_villages = Counter(verdict(found, wanted) for found, wanted in with_village)

    def shares(counts: Counter[str], total: int) -> dict[str, float]:
        return {name: round(counts[name] / max(total, 1), 4) for name in ("right", "wrong", "none")}

    result: dict[str, Any] = shares(judged, len(rows))
    village = shares(judged_villages, len(with_village))
    result |= {"village_right": village["right"], "village_wrong": village["wrong"]}
    result |= {"per_s": round(per_s), "n": len(rows)}
    print(f"{'method':<18}{'right':>8}{'wrong':>8}{'none':>8}{'n':>8}")
    print(_line("ours, street", result, len(rows)))
    print(_line("ours, village", village, len(with_village)))
    if options.peer and importlib.util.find_spec("jionlp") is not None:
        judged = Counter(verdict(jionlp_code(row["text"]), row["street_code"]) for row in rows)
        result["jionlp"] = shares(judged, len(rows))
        print(_line("jionlp, street", result["jionlp"], len(rows)))
    print("RESULT", json.dumps(result))


def _line(name: str, shares: dict[str, Any], total: int) -> str:
    return (
        f"{name:<18}{shares['right']:>8.3f}{shares['wrong']:>8.3f}{shares['none']:>8.3f}{total:>8,}"
    )


if __name__ == "__main__":
    main()
