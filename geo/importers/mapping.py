"""Which column of a table holds which field: guessed from names and content, shown, overridden."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from geo.errors import InvalidMapping

SAMPLE_SHARE = 0.6  # share of filled sample cells that must look like a field to be taken for it


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How a column of a field is recognised.

    names : header names, folded (lower case, no spaces or punctuation), in order of preference
    looks_right : told the filled cells of the sample; False turns the guess down
    by_content : tried, in order of the rules, on columns no name claimed
    """

    names: tuple[str, ...]
    looks_right: Callable[[pd.Series], bool] | None = None
    by_content: Callable[[pd.Series], bool] | None = None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Field → column. `guessed` are the fields nobody named; `unused` the columns left over."""

    columns: Mapping[str, str]
    guessed: frozenset[str] = frozenset()
    unused: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        return self.columns.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.columns


@dataclass(slots=True)
class _Guess:
    columns: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def take(self, name: str, column: str) -> None:
        self.columns[name] = column
        self.taken.add(column)


def parse_overrides(words: Iterable[str]) -> dict[str, str]:
    """Return field → column of words like `address_text=地址`; an empty column drops the field.

    Raises
    ------
    InvalidMapping : no equals sign, or a field named twice
    """
    overrides: dict[str, str] = {}
    for word in words:
        name, sign, column = word.partition("=")
        if not sign or not name.strip():
            raise InvalidMapping(f"“{word[:60]}” is no mapping. Wanted field=column.")
        if name.strip() in overrides:
            raise InvalidMapping(f"The field {name.strip()} is mapped twice. Name one column.")
        overrides[name.strip()] = column.strip()
    return overrides


def guess_mapping(
    columns: Sequence[str],
    sample: pd.DataFrame,
    rules: Mapping[str, FieldRule],
    *,
    overrides: Mapping[str, str] | None = None,
) -> ColumnMapping:
    """Return the column of each field that can be found; overrides win.

    Parameters
    ----------
    columns : the table's, in its order
    sample : some rows of it, text
    rules : of each field, in order of importance: an earlier one has the first choice
    overrides : field → column; an empty column says that the field isn't there

    Raises
    ------
    InvalidMapping : an override names a field or a column that doesn't exist, or one column twice
    """
    overrides = dict(overrides or {})
    guess = _Guess()
    for name, column in overrides.items():
        _check_override(name, column, columns, rules, guess)
        if column:
            guess.take(name, column)
    folded = {fold_header(column): column for column in reversed(columns)}
    open_rules = [(name, rule) for name, rule in rules.items() if name not in overrides]
    for name, rule in open_rules:
        for known in rule.names:
            found = folded.get(known)
            if found is None or found in guess.taken:
                continue
            if rule.looks_right is None or rule.looks_right(_filled(sample, found)):
                guess.take(name, found)
                break
    for name, rule in open_rules:
        if rule.by_content is None or name in guess.columns:
            continue
        for column in columns:
            cells = _filled(sample, column)
            if column not in guess.taken and len(cells) and rule.by_content(cells):
                guess.take(name, column)
                break
    return ColumnMapping(
        columns=guess.columns,
        guessed=frozenset(guess.columns) - frozenset(overrides),
        unused=tuple(column for column in columns if column not in guess.taken),
    )


def fold_header(column: str) -> str:
    """Return a header name as it is compared: lower case, no spaces, signs or brackets' content."""
    bare = re.sub(r"[(（\[【].*?[)）\]】]", "", column.lower())
    return re.sub(r"[\s_\-./:：*#]+", "", bare or column.lower())


def share_matching(cells: pd.Series, pattern: str) -> float:
    """Return the share of cells in which `pattern` is found."""
    return float(cells.str.contains(pattern, regex=True).mean()) if len(cells) else 0.0


def _check_override(
    name: str,
    column: str,
    columns: Sequence[str],
    rules: Mapping[str, FieldRule],
    guess: _Guess,
) -> None:
    if name not in rules:
        raise InvalidMapping(
            f"There is no field “{name[:40]}”. Fields: {', '.join(rules)}.", field=name
        )
    if column and column not in columns:
        raise InvalidMapping(
            f"There is no column “{column[:60]}” for {name}. Columns: {', '.join(columns)[:300]}.",
            field=name,
        )
    if column in guess.taken:
        raise InvalidMapping(f"The column “{column[:60]}” is mapped twice. Name it once.")


def _filled(sample: pd.DataFrame, column: str) -> pd.Series:
    return sample[column].dropna() if column in sample else pd.Series(dtype=str)
