"""The intake: from a device's message to positions on disk, many messages in one transaction.

While one batch is being written, what comes meanwhile is gathered for the next. A message is
answered when its fixes are committed and not before: an acknowledged fix is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from geo.errors import DatabaseUnavailable, PlatformError
from geo.positions.admission import refusal_by_clock
from geo.positions.clocks import FIXES_MIN, measure_skew
from geo.positions.fix import Drop, Reading
from geo.positions.storing import (
    PlacedFix,
    count_drops,
    make_position_partitions,
    store_fixes,
)
from geo.store.database import Database
from geo.tables import PatrolDevice
from geo.units.devices import KnownDevice, find_device
from geo.values import GridScope

log = structlog.get_logger(__name__)

BATCH_FIXES = 20_000
DEVICE_KNOWN_S = 10.0  # a device that has ended is turned away after this at the latest
TOKENS_KEPT = 50_000
CLOCK_FIXES = 100  # of each device, that its clock is measured by
CLOCK_EVERY_S = 9.0  # one of so long is enough
SKEW_TOLD_S = 5.0  # a change of the skew that is written down


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message: fixes stored, and counts by reason of those that weren't."""

    stored: int
    dropped: Counter[Drop]


@dataclass(slots=True)
class _Message:
    fixes: list[PlacedFix]
    dropped: Counter[Drop]
    device_id: int
    answer: Future[Taken] = field(default_factory=Future)
    waits: asyncio.Future[Taken] | None = None  # of an event loop, told in its own thread


class Intake:
    """One a process; `start` and `stop` it around its use. It writes until as many have stopped it
    as started it.

    Parameters
    ----------
    database : the store
    moved : told of the new latest positions, after they are committed
    now : the clock
    """

    def __init__(
        self,
        database: Database,
        *,
        moved: Callable[[list[PlacedFix]], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._moved = moved
        self._now = now
        self._waiting: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._devices: dict[str, tuple[float, KnownDevice | None]] = {}
        self._clocks: dict[int, deque[tuple[float, float, float]]] = {}
        self._skews: dict[int, float] = {}
        self._told_skews: dict[int, float] = {}
        self._rooms_made_for: object = None
        self._starting = threading.Lock()
        self._started_count = 0
        self._writer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        with self._starting:
            self._started_count += 1
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="positions", daemon=True)
                self._writer.start()

    def stop(self) -> None:
        """Write what waits, and end, where nobody else has it started."""
        with self._starting:
            self._started_count -= 1
            if self._writer is not None and self._started_count == 0:
                # One word ends one writer: with two, the other could take it.
                self._waiting.put(None)
                self._writer.join()
                self._writer = None

    def known_device(self, token: str) -> KnownDevice | None:
        """Return the device of a token if it was asked for lately.

        Raises
        ------
        KeyError : it wasn't; `device_of` asks the database
        """
        asked_at, device = self._devices[token]
        if time.monotonic() - asked_at > DEVICE_KNOWN_S:
            raise KeyError(token)
        return device

    def device_of(self, token: str) -> KnownDevice | None:
        """Return the device of a token, None where there is none."""
        # Which unit it is of is asked before any scope is known.
        with self._database.read_session_of(GridScope.everything()) as session:
            device = find_device(session, token)
        if len(self._devices) >= TOKENS_KEPT:
            self._devices.clear()
        self._devices[token] = (time.monotonic(), device)
        return device

    def take(self, device: KnownDevice, reading: Reading) -> Future[Taken]:
        """Take in what a device sent; the answer comes when it is on disk."""
        message = self._message(device, reading)
        self._queue(message)
        return message.answer

    async def take_in(self, device: KnownDevice, reading: Reading) -> Taken:
        """Take in what a device sent, and return when it is on disk.

        Raises
        ------
        DatabaseUnavailable : it couldn't be stored
        """
        message = self._message(device, reading)
        message.waits = asyncio.get_running_loop().create_future()
        self._queue(message)
        return await message.waits

    def _queue(self, message: _Message) -> None:
        if message.fixes or message.dropped:
            self._waiting.put(message)
        else:
            _tell([message], [Taken(0, message.dropped)])

    def _message(self, device: KnownDevice, reading: Reading) -> _Message:
        received_at = self._now()
        skew = timedelta(seconds=self._skew_of(device))
        dropped = Counter(reading.dropped)
        placed = []
        for fix in reading.fixes:
            if device.name is not None and fix.device_id != device.name:
                dropped[Drop.UNKNOWN_DEVICE] += 1
                continue
            refusal = refusal_by_clock(fix, received_at=received_at, skew=skew)
            if refusal is not None:
                dropped[refusal] += 1
            if refusal in (None, Drop.FUTURE):
                self._note_clock(device, fix.fixed_at, fix.sent_at, received_at)
            if refusal is None:
                placed.append(
                    PlacedFix(fix, device.unit_id, device.id, received_at, skew.total_seconds())
                )
        return _Message(placed, dropped, device.id)

    def _skew_of(self, device: KnownDevice) -> float:
        return self._skews.get(device.id, device.skew_s)

    def _note_clock(
        self,
        device: KnownDevice,
        fixed_at: datetime,
        sent_at: datetime | None,
        received_at: datetime,
    ) -> None:
        clock = self._clocks.setdefault(device.id, deque(maxlen=CLOCK_FIXES))
        if clock and received_at.timestamp() - clock[-1][2] < CLOCK_EVERY_S:
            return
        sent = sent_at.timestamp() if sent_at is not None else float("nan")
        clock.append((fixed_at.timestamp(), sent, received_at.timestamp()))
        skew = measure_skew(*zip(*clock, strict=True))
        if skew.fix_count >= FIXES_MIN:
            self._skews[device.id] = skew.correction.total_seconds()

    # -- the writer's thread

    def _write(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None:
                return
            batch, ends = [first], False
            count = len(first.fixes)
            while count < BATCH_FIXES and not ends:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ends = True
                else:
                    batch.append(more)
                    count += len(more.fixes)
            self._write_batch(batch)
            if ends:
                return

    def _write_batch(self, batch: list[_Message]) -> None:
        try:
            answers, moved = self._stored(batch)
        except PlatformError as error:
            _tell(batch, [error] * len(batch))
            return
        except Exception as error:
            log.error("positions.not_stored", error=type(error).__name__, messages=len(batch))
            refusal = DatabaseUnavailable("The positions could not be stored. Send them again.",
                                          retry_after_s=5)  # fmt: skip
            _tell(batch, [refusal] * len(batch))
            return
        if moved:
            self._moved(moved)
        _tell(batch, answers)

    def _stored(self, batch: list[_Message]) -> tuple[list[Taken], list[PlacedFix]]:
        now = self._now()
        with self._database.session() as session:
            if self._rooms_made_for != now.date():
                make_position_partitions(session, now=now)
            stored = store_fixes(session, [fix for message in batch for fix in message.fixes])
            answers: list[Taken] = []
            drops: Counter[tuple[int, Drop]] = Counter()
            at = 0
            for message in batch:
                outcomes = stored.outcomes[at : at + len(message.fixes)]
                at += len(message.fixes)
                dropped = message.dropped + Counter(why for why in outcomes if why is not None)
                for reason, count in dropped.items():
                    drops[message.device_id, reason] += count
                answers.append(Taken(outcomes.count(None), dropped))
            count_drops(session, drops, day=now.date())
            skews = {
                device: skew
                for device, skew in self._skews.items()
                if abs(skew - self._told_skews.get(device, 0.0)) > SKEW_TOLD_S
            }
            for device, skew in skews.items():
                row = session.get(PatrolDevice, device)
                if row is not None:
                    row.skew_s = skew
        self._rooms_made_for = now.date()
        self._told_skews |= skews
        return answers, stored.moved


def _tell(batch: Sequence[_Message], answers: Sequence[Taken | PlatformError]) -> None:
    """Answer the messages of a batch. An event loop is woken once for all that wait in it: to wake
    it for each took longer than to write them."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Taken], Any]]] = {}
    for message, answer in zip(batch, answers, strict=True):
        if message.waits is not None:
            loops.setdefault(message.waits.get_loop(), []).append((message.waits, answer))
        elif isinstance(answer, PlatformError):
            message.answer.set_exception(answer)
        else:
            message.answer.set_result(answer)
    for loop, waiting in loops.items():
        with contextlib.suppress(RuntimeError):  # it has ended, and nobody waits any more
            loop.call_soon_threadsafe(_settle, waiting)


def _settle(waiting: Sequence[tuple[asyncio.Future[Taken], Taken | PlatformError]]) -> None:
    for future, answer in waiting:
        if future.done():
            continue  # who sent it has gone
        if isinstance(answer, PlatformError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
