"""Cursor on Target over TCP, both ways, as TAK clients and pytak speak it.

A client sends events; the `uid` of an event is the device's token. Who wants to see units sends
`<auth><cot username="…" password="TOKEN" uid="…"/></auth>` first, with a program's token that
reads, and gets an event for each unit the token's account belongs to (a token leads nobody): all
at first, then once a second those that moved. There is no encryption here: the port listens on
loopback unless the server's host says otherwise, and a proxy with TLS goes before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool

from api.services import Services
from geo.accounts import Caller, Permission, caller_of_token
from geo.audit import Access, record
from geo.errors import PlatformError
from geo.positions.cursor_on_target import read_cursor_on_target
from geo.positions.cursor_on_target_out import event_of
from geo.positions.safe_xml import local_name, xml_of
from geo.units.units import find_units, units_of_account
from geo.values import GridScope

log = structlog.get_logger(__name__)

MESSAGE_MAX_BYTES = 65_536
CLIENTS_MAX = 200
STRANGERS_MAX = 20  # events of unknown devices, after which a client is turned away
TICK_S = 1.0
SCOPE_EVERY_S = 15.0
_ENDS = (b"</event>", b"</auth>")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an event says of a unit besides its place."""

    code: str
    name: str
    kind: str
    status: str


class CotServer:
    """Answers one connection after another; `serving` opens the port."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._clients = 0

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen while the context is open; yield the port."""
        server = await asyncio.start_server(self._serve, host, port, limit=MESSAGE_MAX_BYTES)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        watching: asyncio.Task[None] | None = None
        try:
            strangers = 0
            while self._clients <= CLIENTS_MAX and strangers < STRANGERS_MAX:
                message = await _next_message(reader)
                if message is None:
                    break
                if message.endswith(b"</auth>"):
                    token = _token_of(message)
                    caller = await run_in_threadpool(self._caller, token)
                    if caller is None or watching is not None:
                        break
                    watching = asyncio.create_task(self._watch(token, caller, writer))
                elif not await self._take(message):
                    strangers += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it left, or sent what is no message
        finally:
            self._clients -= 1
            if watching is not None:
                watching.cancel()
            writer.close()

    async def _take(self, message: bytes) -> bool:
        """Take in an event; whether its device is known."""
        reading = read_cursor_on_target(message)
        token = reading.claimed or ""
        intake = self.services.intake
        try:
            device = intake.known_device(token)
        except KeyError:
            device = await run_in_threadpool(intake.device_of, token)
        if device is None:
            return False
        try:
            await intake.take_in(device, reading)
        except PlatformError as error:  # the protocol has no answer that could say so
            log.warning("cot.not_stored", error=type(error).__name__)
        return True

    def _caller(self, token: str) -> Caller | None:
        """Who reads by a token, None where nobody does."""
        settings, now = self.services.settings, datetime.now(UTC)
        with self.services.database.session_of(GridScope.of([])) as session:
            caller = caller_of_token(session, token, now=now, day=settings.local_day(now))
        return caller if caller is not None and caller.may(Permission.READ) else None

    def _units(self, caller: Caller) -> dict[int, _Shown]:
        with self.services.database.read_session_of(caller.scope) as session:
            units = (
                find_units(session, scope=caller.scope)
                if caller.may(Permission.LEAD)
                else units_of_account(session, caller.account_id, scope=caller.scope)
            )
            return {each.id: _Shown(each.code, each.name, each.kind, each.status) for each in units}

    def _begin(self, caller: Caller, origin: str | None) -> dict[int, _Shown]:
        units = self._units(caller)
        with self.services.database.session_of(caller.scope) as session:
            record(
                session, Access(actor=caller.name, origin=origin), "positions.watch",
                object_kind="patrol_unit", row_count=len(units),
            )  # fmt: skip
        return units

    async def _watch(self, token: str, caller: Caller, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        units = await run_in_threadpool(self._begin, caller, peer[0] if peer else None)
        clock = asyncio.get_running_loop().time
        asked_at, after = clock(), 0
        try:
            while True:
                if clock() - asked_at > SCOPE_EVERY_S:
                    now_caller = await run_in_threadpool(self._caller, token)
                    if now_caller is None:
                        return
                    units = await run_in_threadpool(self._units, now_caller)
                    asked_at = clock()
                number, changed = self.services.board.changes(after, units.keys())
                for each in json.loads(changed):
                    writer.write(_event(units[each.pop("unit_id")], each))
                await writer.drain()
                after = max(number, 1)
                await asyncio.sleep(TICK_S)
        except (OSError, PlatformError) as error:
            log.info("cot.left", error=type(error).__name__)
        finally:
            writer.close()


async def _next_message(reader: asyncio.StreamReader) -> bytes | None:
    """The next event or sign-in; None at the end."""
    came = b""
    while len(came) < MESSAGE_MAX_BYTES:
        piece = await reader.readuntil(b">")
        came += piece
        if came.endswith(_ENDS):
            return came
        if came.rstrip().endswith(b"/>") and came.count(b"<") == 1 and b"<event" in came:
            return came  # an event without anything inside
    return None


def _token_of(message: bytes) -> str:
    """The password of `<auth><cot …/></auth>`, empty where there is none."""
    root = xml_of(message.strip())
    if isinstance(root, str) or local_name(root) != "auth":
        return ""
    return next((child.get("password", "") for child in root if local_name(child) == "cot"), "")


def _event(unit: _Shown, told: dict[str, Any]) -> bytes:
    told.pop("alarm", None)
    at = datetime.fromisoformat(told.pop("at"))
    return event_of(
        unit.code, unit.name, unit.kind, unit.status, at=at, now=datetime.now(UTC), **told
    )
