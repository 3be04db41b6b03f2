"""What tells whether a row that came again differs: its cells as text."""

from __future__ import annotations

import pandas as pd

from geo.incidents.rows import _written


def test_times_are_written_as_python_writes_them() -> None:
    """So that rows stored by an earlier version are known again."""
    moments = ["2014-01-01 00:00:00", "2014-01-02 03:04:05.5", None, "1969-12-31 23:59:59.000001"]
    column = pd.Series(pd.to_datetime(moments, utc=True, format="ISO8601"))
    assert _written(column.astype("datetime64[us, UTC]")) == [str(one) for one in column.tolist()]
    assert _written(pd.Series(["a", None, 1.5], dtype=object)) == ["a", "None", "1.5"]
