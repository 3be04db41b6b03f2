"""One unchangeable part of the register index: rows grouped by site, found by name.

A site is an address without entrance, floor and room. Rows of one site lie side by side. All arrays
are numpy; a row costs about 60 bytes beside its text, a site about 70.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geo.addresses.levels import LEVELS
from geo.addresses.name_table import NameTable
from geo.addresses.normalise import fold_name, normalise
from geo.addresses.register_keys import (
    NAME_LEVELS,
    SITE_NUMBER_LEVELS,
    TAIL_LEVELS,
    component_key,
    floor_of_room,
)
from geo.addresses.register_rows import COMPONENTS

AREA_COLUMNS = range(NAME_LEVELS.index("community") + 1)
"""Columns of the names of areas, which have many sites."""

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


class NumberKeys:
    """Number keys of the register (`269`, `25附2`, `3`) and their ids, from 1."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.texts: list[str] = [""]
        self._ordered: list[str] = []

    def add(self, key: str) -> int:
        found = self.ids.get(key)
        if found is None:
            found = self.ids[key] = len(self.texts)
            self.texts.append(key)
        return found

    def starting_with(self, start: str, limit: int = 2_000) -> list[int]:
        """Return ids of the numbers that begin with `start`, in order of their text."""
        ordered = self._ordered
        if len(ordered) != len(self.texts) - 1:
            ordered = self._ordered = sorted(self.texts[1:])
        first = bisect.bisect_left(ordered, start)
        found = []
        for text in ordered[first : first + limit]:
            if not text.startswith(start):
                break
            found.append(self.ids[text])
        return found


@dataclass(frozen=True)
class Segment:
    """Rows of the register, by site. Rows and sites are numbered from 0 within the segment.

    site_names : (n_sites, len(NAME_LEVELS)) ids of names, 0 for none
    site_numbers : (n_sites, len(SITE_NUMBER_LEVELS)) ids of numbers, 0 for none
    site_begin : (n_sites + 1,) first row of each site
    row_site : (n_rows,)
    row_tail : (n_rows, len(TAIL_LEVELS)) ids of numbers, 0 for none
    row_id : (n_rows,) of the standard address
    row_lonlat : (n_rows, 2) [degrees, WGS 84], NaN where there is no point
    row_accuracy_m : (n_rows,) NaN where unknown
    row_grid : (n_rows,) index into `grid_codes`, -1 for none
    row_h3_cell : (n_rows,) 0 for none
    row_is_alias : (n_rows,)
    row_rank : (n_rows,) rank of the finest level that a row has, -1 for none
    alias_rows : folded text of an alias → its rows
    texts : canonical text of each row
    components : level → (codes of each row, -1 for none; values)
    pairs : of names of areas with numbers of their sites: sorted keys name << 34 | column << 32 |
        number, where the sites of each begin, and the sites, in order
    kept : what other modules make of the segment on first use, under their name
    """

    site_names: Int32
    site_numbers: Int32
    site_begin: Int64
    row_site: Int32
    row_tail: Int32
    row_id: Int64
    row_lonlat: NDArray[np.float64]
    row_accuracy_m: NDArray[np.float32]
    row_grid: Int32
    row_h3_cell: Int64
    row_is_alias: NDArray[np.bool_]
    row_rank: NDArray[np.int8]
    alias_rows: dict[str, tuple[int, ...]]
    grid_codes: list[str]
    texts: pa.Array
    components: dict[str, tuple[Int32, pa.Array]]
    posting_names: Int32
    posting_begin: Int64
    posting_sites: Int32
    pairs: tuple[Int64, Int64, Int32]
    kept: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_rows(self) -> int:
        return len(self.row_id)

    @property
    def n_sites(self) -> int:
        return len(self.site_names)

    def sites_of_name(self, name_id: int) -> Int32:
        """Return the sites that have this name at any level, in order."""
        at = int(np.searchsorted(self.posting_names, name_id))
        if at == len(self.posting_names) or self.posting_names[at] != name_id:
            return self.posting_sites[:0]
        return self.posting_sites[self.posting_begin[at] : self.posting_begin[at + 1]]

    def rows_of_sites(self, sites: Int32) -> Int64:
        """Return all rows of these sites, site by site."""
        begins, ends = self.site_begin[sites], self.site_begin[sites + 1]
        counts = ends - begins
        total = int(counts.sum())
        before = np.concatenate(([0], np.cumsum(counts)[:-1]))
        rows: Int64 = np.repeat(begins - before, counts) + np.arange(total)
        return rows

    def rows_of_site(self, row: int) -> Int64:
        """Return all rows of the site of `row`."""
        site = int(self.row_site[row])
        return np.arange(self.site_begin[site], self.site_begin[site + 1])

    def find_row(self, address_id: int) -> int | None:
        """Return the row of a standard address itself, not of an alias."""
        rows = np.flatnonzero((self.row_id == address_id) & ~self.row_is_alias)
        return int(rows[0]) if len(rows) else None

    def row_components(self, row: int) -> dict[str, str]:
        """Return level → value of one row, as stored."""
        found = {}
        for level, (codes, values) in self.components.items():
            code = int(codes[row])
            if code >= 0:
                found[level] = values[code].as_py()
        return found


def build_segment(table: pa.Table, names: NameTable, numbers: NumberKeys) -> Segment:
    """Return the segment of register rows; its names and numbers are added to the tables."""
    columns = {level: _codes_and_values(table, level) for level in COMPONENTS}
    keys = {level: _ids_of_keys(level, *columns[level], names, numbers) for level in COMPONENTS}
    names_of_rows = np.stack([keys[level][0] for level in NAME_LEVELS], axis=1)
    numbers_of_rows = np.stack([keys[level][1] for level in SITE_NUMBER_LEVELS], axis=1)
    tail = np.stack([keys[level][1] for level in TAIL_LEVELS], axis=1)
    _fill_floors(tail, numbers)
    ids = table["id"].to_numpy()
    site_codes = _group(np.concatenate([names_of_rows, numbers_of_rows], axis=1))
    order = np.lexsort((ids, tail[:, 2], tail[:, 1], tail[:, 0], site_codes))
    in_order = site_codes[order]
    starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
    first_rows = order[starts] if len(order) else order
    if not len(order):
        starts = starts[:0]
    site_names = names_of_rows[first_rows]
    posting = _postings(site_names)
    aliases = _one_chunk(table["alias_text"]).take(pa.array(order))
    is_alias = aliases.is_valid().to_numpy(zero_copy_only=False)
    return Segment(
        site_names=site_names,
        site_numbers=numbers_of_rows[first_rows],
        site_begin=np.append(starts, len(order)).astype(np.int64),
        row_site=(np.cumsum(np.isin(np.arange(len(order)), starts)) - 1).astype(np.int32),
        row_tail=tail[order],
        row_id=ids[order],
        row_lonlat=np.stack([_floats(table, "lon"), _floats(table, "lat")], axis=1)[order],
        row_accuracy_m=_floats(table, "accuracy_m").astype(np.float32)[order],
        row_grid=_codes_and_values(table, "grid_code")[0][order],
        row_h3_cell=table["h3_cell"].fill_null(0).to_numpy()[order],
        row_is_alias=is_alias,
        row_rank=_finest_ranks(
            {level: codes[order] for level, (codes, _) in columns.items()}, len(order)
        ),
        alias_rows=_alias_rows(aliases, np.flatnonzero(is_alias)),
        grid_codes=_codes_and_values(table, "grid_code")[1].to_pylist(),
        texts=_one_chunk(table["text"]).take(pa.array(order)),
        components={level: (codes[order], values) for level, (codes, values) in columns.items()},
        posting_names=posting[0],
        posting_begin=posting[1],
        posting_sites=posting[2],
        pairs=_pairs(site_names, numbers_of_rows[first_rows]),
    )


def _finest_ranks(codes: dict[str, Int32], n_rows: int) -> NDArray[np.int8]:
    ranks = np.full(n_rows, -1, np.int8)
    for level in LEVELS:
        if level.value in codes:
            ranks[codes[level.value] >= 0] = level.rank
    return ranks


def alias_key(text: str) -> str:
    """Return what an alias is found by: its text without spaces, case and writing of numerals."""
    return fold_name(normalise(text).text)


def _alias_rows(aliases: pa.Array, rows: NDArray[np.intp]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for row in rows.tolist():
        key = alias_key(aliases[row].as_py())
        found[key] = (*found.get(key, ()), row)
    return found


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return combined.chunk(0) if combined.num_chunks else pa.array([], column.type)
    return combined


def _codes_and_values(table: pa.Table, name: str) -> tuple[Int32, pa.Array]:
    array = _one_chunk(table[name])
    codes: Int32 = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, array.dictionary


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy()
    return values


def _ids_of_keys(
    level: str, codes: Int32, values: pa.Array, names: NameTable, numbers: NumberKeys
) -> tuple[Int32, Int32]:
    """Return ids of names and of numbers for each row; one of them is 0."""
    written = values.to_pylist()
    name_ids = np.zeros(len(written) + 1, np.int32)
    number_ids = np.zeros(len(written) + 1, np.int32)
    name_at: list[int] = []
    name_keys: list[str] = []
    for at, value in enumerate(written):
        key = component_key(level, value) if value else None
        if key is None:
            continue
        if key.is_number:
            number_ids[at] = numbers.add(key.text)
        else:
            name_at.append(at)
            name_keys.append(key.text)
    name_ids[name_at] = names.add(name_keys, level)
    # Code -1 (none) reads the last element, which is 0.
    return name_ids[codes], number_ids[codes]


def _fill_floors(tail: Int32, numbers: NumberKeys) -> None:
    """Give a room the floor that its number says, where the address names none: 1203室 is on 12."""
    rooms = np.unique(tail[tail[:, 1] == 0, 2])
    floor_of = np.zeros(len(numbers.texts), np.int32)
    for room in rooms.tolist():
        floor = floor_of_room(numbers.texts[room])
        if floor is not None:
            floor_of[room] = numbers.add(floor)
    unsaid = tail[:, 1] == 0
    tail[unsaid, 1] = floor_of[tail[unsaid, 2]]


def _group(columns: Int32) -> Int64:
    """Return a number for each row, equal where all columns are equal."""
    groups = np.zeros(len(columns), np.int64)
    for column in columns.T:
        if not column.any():
            continue
        combined = groups * (int(column.max()) + 1) + column
        groups = np.unique(combined, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return groups


def _postings(site_names: Int32) -> tuple[Int32, Int64, Int32]:
    sites = np.repeat(np.arange(len(site_names), dtype=np.int32), site_names.shape[1])
    name_ids = site_names.reshape(-1)
    kept = name_ids > 0
    pairs = np.unique(name_ids[kept].astype(np.int64) << 32 | sites[kept])
    name_ids = (pairs >> 32).astype(np.int32)
    posting_names, begin = np.unique(name_ids, return_index=True)
    return (
        posting_names.astype(np.int32),
        np.append(begin, len(name_ids)).astype(np.int64),
        (pairs & 0xFFFFFFFF).astype(np.int32),
    )


def _pairs(site_names: Int32, site_numbers: Int32) -> tuple[Int64, Int64, Int32]:
    found = []
    for level in AREA_COLUMNS:
        for column, numbers in enumerate(site_numbers.T):
            names = site_names[:, level]
            sites = np.flatnonzero((names > 0) & (numbers > 0))
            key = names[sites].astype(np.int64) << 34 | column << 32 | numbers[sites]
            found.append((key, sites.astype(np.int32)))
    keys, sites = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.lexsort((sites, keys))
    keys, sites = keys[order], sites[order]
    # A name at two levels of one site, such as a city and its county, is one pair.
    is_new = (np.diff(keys, prepend=-1) != 0) | (np.diff(sites, prepend=-1) != 0)
    unique, begin = np.unique(keys[is_new], return_index=True)
    return unique, np.append(begin, is_new.sum()).astype(np.int64), sites[is_new]
