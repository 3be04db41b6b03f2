"""In which formats positions come over HTTP, and whose they are.

What the entrance needs while all else is still being loaded: it imports no more than that.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from starlette.requests import Request

from geo.positions.batch import read_batch
from geo.positions.csv_fixes import read_csv
from geo.positions.cursor_on_target import read_cursor_on_target
from geo.positions.fix import Reading
from geo.positions.gpx import read_gpx
from geo.positions.osmand import read_osmand
from geo.positions.owntracks import read_owntracks
from geo.positions.traccar_client_form import read_traccar_client_form
from geo.positions.traccar_client_json import read_traccar_client_json
from geo.positions.traccar_forward import read_traccar_forward


class Format(StrEnum):
    """How positions may come in."""

    OSMAND = "osmand"
    TRACCAR = "traccar"
    OWNTRACKS = "owntracks"
    COT = "cot"
    TRACCAR_FORWARD = "traccar-forward"
    BATCH = "batch"
    GPX = "gpx"
    CSV = "csv"


# What a person or a program uploads as a whole: told where nothing of it could be read.
UPLOADS = frozenset({Format.BATCH, Format.GPX, Format.CSV})


def read_message(format: Format, body: bytes, request: Request) -> Reading:
    """Return what a message holds, by its format."""
    if format == Format.OWNTRACKS:
        headers = request.headers
        return read_owntracks(body, user=headers.get("x-limit-u"), device=headers.get("x-limit-d"))
    if format == Format.OSMAND:
        return read_osmand(body or request.url.query.encode(), received_at=datetime.now(UTC))
    if format == Format.GPX:
        return read_gpx(body, device_id=request.query_params.get("id", "gpx"))
    if format == Format.TRACCAR and "json" not in request.headers.get("content-type", ""):
        return read_traccar_client_form(body)
    return _READERS[format](body)


_READERS: dict[Format, Callable[[bytes], Reading]] = {
    Format.TRACCAR: read_traccar_client_json,
    Format.COT: read_cursor_on_target,
    Format.TRACCAR_FORWARD: read_traccar_forward,
    Format.BATCH: lambda given: read_batch(given, device_id="batch"),
    Format.CSV: lambda given: read_csv(given, device_id="csv"),
}


def device_token(request: Request, reading: Reading) -> str:
    """Return the device's token, from wherever it is; empty where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return request.query_params.get("token") or reading.claimed or ""
