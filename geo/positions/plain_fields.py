"""The platform's own names for the fields of a fix, in CSV and in batches; all in SI units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.positions import columns, wire
from geo.positions.fix import Drop, Reading, Source
from geo.positions.rows import ROW, SOURCES, FixTable
from geo.store.arrays import NO_TIME

FIELDS = (
    "device_id", "fixed_at", "longitude", "latitude", "sent_at", "accuracy_m", "speed_mps",
    "course_deg", "altitude_m", "battery_share", "alarm",
)  # fmt: skip
_READERS = {
    "accuracy_m": columns.accuracies_m, "speed_mps": columns.speeds_mps,
    "course_deg": columns.courses_deg, "altitude_m": columns.altitudes_m,
    "battery_share": columns.battery_shares,
}  # fmt: skip
_DROPS = (None, Drop.NO_DEVICE, Drop.NO_POSITION, Drop.BAD_POSITION, Drop.ZERO, Drop.BAD_TIME,
          Drop.UNREADABLE)  # fmt: skip
_CODE = {reason: code for code, reason in enumerate(_DROPS)}


def reading_of_fields(
    messages: Sequence[Mapping[str, Any] | None], source: Source, device_id: str | None = None
) -> Reading:
    """Return the fixes that named fields tell of, and why there are no more.

    Parameters
    ----------
    messages : of `FIELDS`; times in ISO 8601 or Unix time, the rest as in `Fix`. None for one that
        can't be read
    device_id : where the fields don't name one
    """
    fields = [{} if each is None else each for each in messages]
    values = {name: [each.get(name) for each in fields] for name in FIELDS}
    rows = np.zeros(len(fields), ROW)
    rows["source"] = SOURCES.index(source)
    rows["lon"], rows["lat"] = map(columns.numbers, (values["longitude"], values["latitude"]))
    rows["fixed_us"] = columns.times_us(values["fixed_at"])
    rows["sent_us"] = columns.times_us(values["sent_at"])
    rows["stale_us"] = NO_TIME
    for name, read in _READERS.items():
        rows[name] = read(values[name])
    rows["alarm"] = columns.unless_all_missing(values["alarm"], wire.alarm_of)
    names = columns.unless_all_missing(values["device_id"], wire.name_of)
    found = [device_id] if names is None else [name or device_id for name in names]

    # What is said first of a fix that has several faults stands last here.
    codes = np.zeros(len(fields), np.uint8)
    codes[rows["fixed_us"] == NO_TIME] = _CODE[Drop.BAD_TIME]
    _note_bad_places(codes, rows, values["longitude"], values["latitude"])
    codes[[name is None for name in found] if len(found) == len(codes) else found[0] is None] = (
        _CODE[Drop.NO_DEVICE]
    )
    codes[[each is None for each in messages]] = _CODE[Drop.UNREADABLE]

    reading = Reading()
    for code in np.unique(codes[codes > 0]):
        where = np.flatnonzero(codes == code)
        reason = _DROPS[code]
        assert reason is not None
        reading.dropped[reason] = len(where)
        reading.first_at[reason] = int(where[0])
    kept = codes == 0
    if not kept.all():
        rows = rows[kept]
        if names is not None:
            found = [name for name, is_kept in zip(found, kept, strict=True) if is_kept]
    if len(rows):
        reading.fixes = FixTable(rows, [name for name in found if name is not None])
        reading.claimed = found[0]
    return reading


def _note_bad_places(
    codes: NDArray[np.uint8],
    rows: NDArray[np.void],
    longitudes: Sequence[Any],
    latitudes: Sequence[Any],
) -> None:
    lon, lat = rows["lon"], rows["lat"]
    codes[(lon == 0) & (lat == 0)] = _CODE[Drop.ZERO]
    is_place = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    for at in np.flatnonzero(~is_place).tolist():
        is_missing = longitudes[at] in (None, "") and latitudes[at] in (None, "")
        codes[at] = _CODE[Drop.NO_POSITION if is_missing else Drop.BAD_POSITION]
