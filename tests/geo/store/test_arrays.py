"""Columns as parameters come to PostgreSQL as they were."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.store.arrays import NO_TIME, bigints, floats, reals, texts, times


def test_columns_arrive_as_they_are(session: Session) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)
    before = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    given = {
        "whole": bigints(np.array([1, -(2**62), 3])),
        "real": reals(np.array([1.5, -0.0, np.nan])),
        "double": floats(np.array([112.55, 1e300, np.nan])),
        "at": times(np.array([round(at.timestamp() * 1e6), -1, NO_TIME], np.int64)),
        "word": texts(["甲", None, ""]),
    }
    found = session.execute(
        text(
            "SELECT whole, NULLIF(real, 'NaN'), NULLIF(double, 'NaN'), NULLIF(at, '-infinity'), "
            "word FROM unnest(CAST(:whole AS bigint[]), CAST(:real AS real[]), "
            "CAST(:double AS float8[]), CAST(:at AS timestamptz[]), CAST(:word AS text[])) "
            "AS given(whole, real, double, at, word)"
        ),
        given,
    ).all()
    assert found == [
        (1, 1.5, 112.55, at, "甲"), (-(2**62), 0.0, 1e300, before, None), (3, None, None, None, "")
    ]  # fmt: skip


def test_a_column_of_nothing_is_no_row(session: Session) -> None:
    given = {"whole": bigints(np.array([], np.int64)), "word": texts([])}
    statement = "SELECT * FROM unnest(CAST(:whole AS bigint[]), CAST(:word AS text[]))"
    assert session.execute(text(statement), given).all() == []
