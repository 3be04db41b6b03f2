"""Write and read the packed files of the national list of divisions.

`data/divisions.xz` holds the four upper levels: one line a division, code and name, in the order
of the codes. `data/villages.bin` holds the fifth level, one block a prefecture, so that a place's
villages are read without the country's other 600,000. Source: the 2023 edition of the National
Bureau of Statistics' codes as packed by china-division 2.7.0 (WTFPL, see data/LICENSE).
"""

from __future__ import annotations

import csv
import functools
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

DATA_FOLDER = Path(__file__).parent / "data"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
# The fifth level repeats a few long endings 600,000 times; a digit stands for each in the file.
_ENDINGS = (
    ("村民委员会", "1"), ("居民委员会", "2"), ("社区居委会", "3"), ("村委会", "4"),
    ("居委会", "5"), ("社区", "6"),
)  # fmt: skip
_LONG_ENDINGS = {digit: ending for ending, digit in _ENDINGS}
# Divisions that the list leaves out.
_SPECIAL = {"710000": "台湾省", "810000": "香港特别行政区", "820000": "澳门特别行政区"}


def read_upper_lines() -> list[str]:
    """Return lines `code name` of provinces, cities, counties, townships, in order of codes."""
    return lzma.decompress((DATA_FOLDER / "divisions.xz").read_bytes()).decode().split("\n")


@functools.cache
def _village_index() -> tuple[bytes, dict[str, tuple[int, int]]]:
    packed = (DATA_FOLDER / "villages.bin").read_bytes()
    size = int.from_bytes(packed[:4], "big")
    return packed, json.loads(packed[4 : 4 + size])


def read_villages(prefecture: str) -> Iterator[tuple[str, str]]:
    """Yield code (12 digits) and name of every village under a prefecture (first 4 digits)."""
    packed, index = _village_index()
    if prefecture not in index:
        return
    start, end = index[prefecture]
    block = lzma.decompress(packed[start:end], format=lzma.FORMAT_RAW, filters=_FILTERS).decode()
    township = ""
    for line in block.split("\n"):
        if line[0] == ">":
            township = prefecture + line[1:]
            continue
        name = line[3:]
        if name[-1] in _LONG_ENDINGS:
            name = name[:-1] + _LONG_ENDINGS[name[-1]]
        yield township + line[:3], name


def write_division_files(source: Path, target: Path = DATA_FOLDER) -> None:
    """Pack the lists in `source` (provinces, cities, areas, streets .csv, villages .parquet)."""
    import pyarrow.parquet as pq

    names: dict[str, str] = dict(_SPECIAL)
    for file, width in (("provinces", 6), ("cities", 6), ("areas", 6), ("streets", 9)):
        with (source / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                # A few prefectures have no counties; the list repeats them as a county.
                names.setdefault(row["code"].ljust(width, "0"), row["name"])
    text = "\n".join(
        f"{code} {names[code]}" for code in sorted(names, key=lambda c: c.ljust(9, "0"))
    )
    (target / "divisions.xz").write_bytes(
        lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    )

    table = pq.read_table(source / "villages.parquet", columns=["code", "name"])
    blocks: dict[str, list[str]] = {}
    township = ""
    for code, name in sorted(zip(*(table[c].to_pylist() for c in ("code", "name")), strict=True)):
        block = blocks.setdefault(code[:4], [])
        if code[:9] != township or not block:
            township = code[:9]
            block.append(">" + code[4:9])
        short = next((name[: -len(e)] + d for e, d in _ENDINGS if name.endswith(e)), name)
        block.append(code[9:] + short)
    packed = {
        key: lzma.compress("\n".join(lines).encode(), format=lzma.FORMAT_RAW, filters=_FILTERS)
        for key, lines in blocks.items()
    }
    # The index holds absolute offsets, so its own size must be known first: pad it.
    room = 28 * len(packed) + 2
    index, at = {}, 4 + room
    for key, block_bytes in packed.items():
        index[key] = (at, at + len(block_bytes))
        at += len(block_bytes)
    head = json.dumps(index, separators=(",", ":")).encode().ljust(room)
    with (target / "villages.bin").open("wb") as out:
        out.write(len(head).to_bytes(4, "big") + head + b"".join(packed.values()))
