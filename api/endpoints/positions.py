"""Positions: in from devices, out to viewers.

What devices send has a door of its own: a device's token, in `Authorization` (Bearer, or Basic with
any user), in the query as `token`, or as the name by which the device calls itself, for apps in
which only that can be set. It opens nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Message, Send

from api.callers import CallerAccess, SignedInCaller, current_caller
from api.dependencies import Scope, ServicesDep, WriteSession, now
from api.geojson import GeoJSONResponse
from api.position_formats import UPLOADS, Format, device_token, read_message
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.units import IntakeAnswer, LatestPositions, LivePositions
from api.services import Services
from geo.accounts import Caller, Permission
from geo.audit import record
from geo.errors import InvalidFile, NotSignedIn
from geo.positions.cursor_on_target_out import event_of
from geo.positions.fix import Drop, Reading
from geo.positions.live import state_of
from geo.positions.osmand import read_osmand
from geo.positions.reading import latest_positions
from geo.units.units import find_units, ids_of_units, units_of_account

intake = APIRouter(prefix="/positions", tags=["positions"])
router = APIRouter(prefix="/positions", tags=["positions"])

TICK_S = 1.0
SCOPE_EVERY_S = 15.0  # after so long nobody sees what they may not see any more
MARK_EVERY_S = 10.0  # whether anything changed by which that is decided; the answer is 5 s old
CALLER_EVERY_S = 60.0  # who is watching, and in which grids, is asked for anew in any case
WATCH_MAX_S = 3600
SLOW_MAX_S = 30.0


class EventStream(StreamingResponse):
    """Server-sent events. Who doesn't take what was sent for long is let go: nothing is held back
    for them, and their browser comes back to what changed since."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SLOW_MAX_S):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(send_in_time)


@intake.get(
    "/in/osmand",
    operation_id="send_position",
    summary="A device sends a position in a query (OsmAnd)",
    responses=error_responses(),
)
async def send_position(request: Request) -> IntakeAnswer:
    """Words of the OsmAnd protocol, docs/live_positions.md. Duplicates and positions that can't be
    used are answered as success and counted."""
    reading = read_osmand(request.url.query.encode(), received_at=datetime.now(UTC))
    return await _take(request, reading)


@intake.post(
    "/in/{format}",
    operation_id="send_positions",
    summary="A device sends positions",
    response_model=IntakeAnswer,
    responses=write_error_responses(404),
)
async def send_positions(
    request: Request,
    format: Annotated[Format, Path(description="Which of the formats the body has.")],
) -> Any:
    """A form, JSON, XML or CSV, as the format has it: docs/live_positions.md. Duplicates and
    positions that can't be used are answered as success and counted; an upload (batch, gpx, csv)
    of which nothing can be read is refused."""
    body = await request.body()
    reading = read_message(format, body, request)
    if format in UPLOADS and not reading.fixes:
        for reason in (Drop.UNREADABLE, Drop.FORBIDDEN_XML):
            if reading.dropped[reason]:
                raise InvalidFile(f"This is no {format} that can be read: {reason}.")
    answer = await _take(request, reading)
    return JSONResponse([]) if format == Format.OWNTRACKS else answer


async def _take(request: Request, reading: Reading) -> IntakeAnswer:
    """Wait until it is on disk.

    Raises
    ------
    NotSignedIn : no device has this token
    DatabaseUnavailable
    """
    services: Services = request.app.state.services
    token = device_token(request, reading)
    try:
        device = services.intake.known_device(token)
    except KeyError:
        device = await run_in_threadpool(services.intake.device_of, token)
    if device is None:
        raise NotSignedIn("No device has this token. Give the device its own: docs/live_positions.")
    taken = await services.intake.take_in(device, reading)
    return IntakeAnswer(
        stored=taken.stored, dropped={str(why): count for why, count in taken.dropped.items()}
    )


@router.get(
    "/latest",
    operation_id="list_latest_positions",
    summary="Where units are",
    response_class=GeoJSONResponse,
    responses={**error_responses(), 200: {"model": LatestPositions}},
)
def list_latest_positions(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Annotated[datetime, Depends(now)],
) -> Response:  # fmt: skip
    """The newest position of each unit that the caller leads, or belongs to. Each look is
    audited."""
    units = find_units(session, scope=scope) if caller.may(Permission.LEAD) else (
        units_of_account(session, caller.account_id, scope=scope)
    )  # fmt: skip
    found = latest_positions(session, units)
    record(session, access, "positions.read_latest", object_kind="patrol_unit",
           row_count=len(found))  # fmt: skip
    return GeoJSONResponse(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": unit.id,
                    "geometry": {
                        "type": "Point",
                        "coordinates": [round(row.lon, 7), round(row.lat, 7)],
                    },
                    "properties": {
                        "unit_id": unit.id, "code": unit.code, "name": unit.name,
                        "kind": unit.kind, "status": unit.status, "at": row.at.isoformat(),
                        "state": state_of(row.at, now=moment), "accuracy_m": row.accuracy_m,
                        "speed_mps": row.speed_mps, "course_deg": row.course_deg,
                        "battery_share": row.battery_share, "alarm": row.alarm,
                    },
                }
                for unit, row in found
            ],
        }
    )  # fmt: skip


class CursorOnTarget(Response):
    """Events of Cursor on Target, in one document."""

    media_type = "application/xml"


@router.get(
    "/cot",
    operation_id="list_cot_events",
    summary="Where units are, as Cursor on Target",
    response_class=CursorOnTarget,
    responses=error_responses(),
)
def list_cot_events(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Annotated[datetime, Depends(now)],
) -> Response:  # fmt: skip
    """An event for each unit that the caller leads, or belongs to, in `<events>`. Each look is
    audited. As a stream, both ways: docs/live_positions.md."""
    units = find_units(session, scope=scope) if caller.may(Permission.LEAD) else (
        units_of_account(session, caller.account_id, scope=scope)
    )  # fmt: skip
    found = latest_positions(session, units)
    record(session, access, "positions.read_latest", object_kind="patrol_unit",
           row_count=len(found))  # fmt: skip
    events = [
        event_of(
            unit.code, unit.name, unit.kind, unit.status, at=row.at, lon=row.lon, lat=row.lat,
            now=moment, accuracy_m=row.accuracy_m, speed_mps=row.speed_mps,
            course_deg=row.course_deg, battery_share=row.battery_share,
        )
        for unit, row in found
    ]  # fmt: skip
    return CursorOnTarget(b"<events>" + b"".join(events) + b"</events>")


@router.get(
    "/live",
    operation_id="watch_positions",
    summary="Units as they move, by server-sent events",
    response_class=EventStream,
    responses={**error_responses(), 200: {"model": LivePositions}},
)
def watch_positions(
    request: Request, services: ServicesDep, session: WriteSession,
    caller: SignedInCaller, access: CallerAccess,
    for_s: Annotated[
        int, Query(ge=0, le=WATCH_MAX_S, description="End after this [s]; the browser returns.")
    ] = WATCH_MAX_S,
) -> EventStream:  # fmt: skip
    """First all units that the caller leads or belongs to, then once a second those that moved:
    events `positions` with a JSON list. Events `musters` hold the numbers of the musters that are
    open, then of those that changed, of these units. A browser that comes back says the last
    event's id and gets what changed since. Each opening is audited."""
    mark = services.access_mark.now()
    visible = _visible(services, caller)
    record(session, access, "positions.watch", object_kind="patrol_unit",
           row_count=len(visible))  # fmt: skip
    epoch, _, number = request.headers.get("last-event-id", "").partition("-")
    is_back = epoch == services.board.epoch and number.isdigit() and len(number) < 19
    return EventStream(
        _events(request, visible, mark, after=int(number) if is_back else 0, for_s=for_s),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _visible(services: Services, caller: Caller) -> frozenset[int]:
    """The units that a caller leads, or belongs to, by number."""
    own = None if caller.may(Permission.LEAD) else caller.account_id
    with services.database.read_session_of(caller.scope) as session:
        return ids_of_units(session, scope=caller.scope, account_id=own)


def _visible_now(request: Request) -> frozenset[int] | None:
    """The units that whoever opened the stream may see by now; None where they are signed out, or
    their role doesn't read any more."""
    caller = current_caller(request)
    if caller is None or not caller.may(Permission.READ):
        return None
    return _visible(request.app.state.services, caller)


async def _events(
    request: Request, visible: frozenset[int], mark: str, *, after: int, for_s: int
) -> AsyncIterator[str]:
    services: Services = request.app.state.services
    board, musters = services.board, services.musters.board
    told = 0
    clock = asyncio.get_running_loop().time
    started = asked_at = looked_at = clock()
    while True:
        if clock() - looked_at > MARK_EVERY_S:
            mark_now = await run_in_threadpool(services.access_mark.now)
            looked_at = clock()
            if mark_now != mark or clock() - asked_at > CALLER_EVERY_S:
                seen = await run_in_threadpool(_visible_now, request)
                if seen is None:
                    return
                visible, mark, asked_at = seen, mark_now, clock()
        number, changed = board.changes(after, visible)
        if changed != "[]" or after == 0:
            yield f"id: {board.epoch}-{number}\nevent: positions\ndata: {changed}\n\n"
        else:
            yield ": still here\n\n"
        after = max(number, 1)
        told, called = musters.changes(told, visible)
        if called:
            yield f"event: musters\ndata: {json.dumps(called)}\n\n"
        if clock() - started + TICK_S > for_s:
            return
        await asyncio.sleep(TICK_S)
