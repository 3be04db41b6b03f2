"""Which column of a table holds the addresses."""

from __future__ import annotations

import pandas as pd

from geo.addresses.parse import parse
from geo.errors import InvalidInput, InvalidMapping

SAMPLE_ROWS = 50  # rows read to judge a column
MIN_SHARE = 0.3  # of them that must look like addresses

_NAMES = ("地址", "标准地址", "详细地址", "住址", "address", "addr", "address_text", "text")
_TELLING = {"road", "door", "estate", "building", "room", "township", "community", "county"}


def guess_address_column(sample: pd.DataFrame) -> str:
    """Return the column that holds addresses: by its name, else by what stands in it.

    Raises
    ------
    InvalidMapping : no column looks like addresses
    """
    lowered = {str(name).strip().lower(): str(name) for name in sample.columns}
    for name in _NAMES:
        if name in lowered:
            return lowered[name]
    shares = {str(name): _share(sample[name]) for name in sample.columns}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < MIN_SHARE:
        raise InvalidMapping(
            "No column looks like addresses. Name it with --column; there are: "
            f"{', '.join(shares) or 'none'}.",
            columns=list(shares),
        )
    return best


def _share(column: pd.Series[str]) -> float:
    texts = [str(value) for value in column.dropna().head(SAMPLE_ROWS)]
    telling = 0
    for text in texts:
        try:
            levels = parse(text, max_length=500).components().keys()
        except InvalidInput:
            continue
        telling += len(levels & _TELLING) >= 2
    return telling / len(texts) if texts else 0.0
