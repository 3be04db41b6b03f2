"""Warming up runs every compiled loop of the matcher, so that no question waits for one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from geo.addresses import match_clear, match_places, match_sites, name_table
from geo.addresses.warm import warm


@pytest.mark.parametrize(
    "module, name",
    [
        (match_sites, "posting_spans"),
        (match_sites, "find_sites"),
        (match_sites, "score_sites"),
        (match_sites, "best_row"),
        (match_sites, "drop_rows"),
        (match_places, "rows_with_tail"),
        (match_places, "rows_of_like_sites"),
        (match_clear, "best_and_next_row"),
        (name_table, "similar_names"),
        (name_table, "names_sharing_pairs"),
    ],
)
def test_every_loop_is_run(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Callable[..., Any] = getattr(module, name)
    calls: list[int] = []

    def counted(*given: Any) -> Any:
        calls.append(len(given))
        return kernel(*given)

    monkeypatch.setattr(module, name, counted)
    warm()
    assert calls
