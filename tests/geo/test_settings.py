"""Settings are read once, and a day is the deployment's own."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from geo.errors import InvalidInput
from geo.settings import Settings, load_settings


def test_a_day_begins_in_the_deployments_time_zone() -> None:
    # 2026-06-01 17:00 UTC is 2026-06-02 01:00 in China
    evening = datetime(2026, 6, 1, 17, tzinfo=UTC)
    assert Settings().local_day(evening) == date(2026, 6, 2)
    assert Settings(time_zone="Europe/London").local_day(evening) == date(2026, 6, 1)


def test_unknown_time_zone_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDBEAT_TIME_ZONE", "Peking")
    with pytest.raises(InvalidInput, match="GRIDBEAT_TIME_ZONE='Peking'"):
        load_settings()
