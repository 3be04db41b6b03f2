"""The intake: from a device's message to positions on disk, many messages in one transaction.

While one transaction is being written, what comes meanwhile is gathered for the next. A message is
answered when its fixes are committed and not before: an acknowledged fix is on disk.

A transaction takes what waits of short messages, and of long ones a part each in turn: a phone that
comes back with thousands of fixes waits longer for its answer, and lets nobody else wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import structlog

from geo.errors import DatabaseUnavailable, PlatformError
from geo.positions.admission import CLOCK_REFUSALS, refusal_by_clock, refusals_by_clock
from geo.positions.clocks import FIXES_MIN, measure_skew
from geo.positions.fix import Drop, Reading
from geo.positions.rows import FixTable, Rows, row_of, rows_of, to_datetime, to_us
from geo.positions.storing import OUTCOMES, count_drops, make_position_partitions, store_rows
from geo.store.database import Database
from geo.tables import PatrolDevice
from geo.units.devices import KnownDevice, find_device
from geo.values import GridScope

log = structlog.get_logger(__name__)

GATHER_S = 0.02  # between the beginnings of two transactions, at least
TRANSACTION_FIXES = 4_000  # some 50 ms: so long the next message may wait for its turn
PART_FIXES = 500  # of a longer message, at a time
WAITING_FIXES_MAX = 1_000_000  # beyond, devices are told to come back: each takes some 150 bytes
ROOM_EVERY_S, ROOM_AGAIN_S = 3600.0, 60.0  # days are made ahead of time
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
    """What one device sent: `rows` as `row_of` makes them, or as a table.

    codes : what became of the rows that were written, as in `geo.positions.storing.OUTCOMES`
    """

    rows: list[tuple[Any, ...]] | Rows
    dropped: Counter[Drop]
    device_id: int
    answer: Future[Taken] | None = None
    waits: asyncio.Future[Taken] | None = None  # of an event loop, told in its own thread
    codes: list[int] = field(default_factory=list)


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
        moved: Callable[[Rows], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._moved = moved
        self._now = now
        self._waiting: deque[_Message] = deque()
        self._comes = threading.Event()
        self._devices: dict[str, tuple[float, KnownDevice | None]] = {}
        self._clocks: dict[int, deque[tuple[float, float, float]]] = {}
        self._skews: dict[int, float] = {}
        self._told_skews: dict[int, float] = {}
        self._leaving = threading.Event()
        self._room_keeper: threading.Thread | None = None
        self._counting = threading.Lock()
        self._fixes_waiting = 0
        self._starting = threading.Lock()
        self._started_count = 0
        self._writer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        with self._starting:
            self._started_count += 1
            if self._writer is None:
                self._leaving.clear()
                # Before the first position: its day should not have to be moved.
                has_room = self._make_room()
                self._room_keeper = threading.Thread(
                    target=self._keep_room, args=(has_room,), name="position-days", daemon=True
                )
                self._room_keeper.start()
                self._writer = threading.Thread(target=self._write, name="positions", daemon=True)
                self._writer.start()

    def stop(self) -> None:
        """Write what waits, and end, where nobody else has it started."""
        with self._starting:
            self._started_count -= 1
            if self._writer is not None and self._started_count == 0:
                self._leaving.set()
                self._comes.set()
                self._writer.join()
                self._writer = None
                if self._room_keeper is not None:
                    self._room_keeper.join()

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
        message.answer = Future()
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
        if not len(message.rows) and not message.dropped:
            _tell([message], [Taken(0, message.dropped)])
            return
        with self._counting:
            is_full = self._fixes_waiting > WAITING_FIXES_MAX
            self._fixes_waiting += 0 if is_full else len(message.rows)
        if is_full:
            _tell([message], [_busy()])
        else:
            self._waiting.append(message)
            if not self._comes.is_set():  # else it takes a lock that the writer holds now and then
                self._comes.set()

    def _message(self, device: KnownDevice, reading: Reading) -> _Message:
        received_at = self._now()
        skew = timedelta(seconds=self._skew_of(device))
        dropped = Counter(reading.dropped)
        if isinstance(reading.fixes, FixTable):
            rows = self._admitted(device, reading.fixes, dropped, received_at, skew)
            return _Message(rows, dropped, device.id)
        placed = []
        received_us, skew_s = to_us(received_at), skew.total_seconds()
        for fix in reading.fixes:
            if device.name is not None and fix.device_id != device.name:
                dropped[Drop.UNKNOWN_DEVICE] += 1
                continue
            refusal = refusal_by_clock(fix.fixed_at, received_at=received_at, skew=skew)
            if refusal is not None:
                dropped[refusal] += 1
            if refusal in (None, Drop.FUTURE):
                self._note_clock(device, fix.fixed_at, fix.sent_at, received_at)
            if refusal is None:
                placed.append(row_of(fix, device.unit_id, device.id, received_us, skew_s))
        return _Message(placed, dropped, device.id)

    def _admitted(
        self, device: KnownDevice, fixes: FixTable, dropped: Counter[Drop],
        received_at: datetime, skew: timedelta,
    ) -> Rows:  # fmt: skip
        """The rows of a table that the clocks and the device's name admit; counts the others."""
        rows = fixes.rows
        if device.name is not None:
            is_own = np.array([name == device.name for name in fixes.names], bool)
            if len(is_own) == 1:
                is_own = np.repeat(is_own, len(rows))
            if not is_own.all():
                dropped[Drop.UNKNOWN_DEVICE] += int((~is_own).sum())
                rows = rows[is_own]
        codes = refusals_by_clock(rows["fixed_us"], received_at=received_at, skew=skew)
        for code in np.unique(codes[codes > 0]):
            reason = CLOCK_REFUSALS[code]
            assert reason is not None
            dropped[reason] += int((codes == code).sum())
        # All came at once, so that one tells of the clock what all do.
        tells = np.flatnonzero((codes == 0) | (codes == CLOCK_REFUSALS.index(Drop.FUTURE)))
        if len(tells):
            first = rows[tells[0]]
            fixed_at = to_datetime(int(first["fixed_us"]))
            assert fixed_at is not None
            self._note_clock(device, fixed_at, to_datetime(int(first["sent_us"])), received_at)
        rows = np.compress(codes == 0, rows)
        rows["unit_id"], rows["device_id"] = device.unit_id, device.id
        rows["received_us"], rows["skew_s"] = to_us(received_at), skew.total_seconds()
        return rows

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

    # -- the thread that makes room for the days to come

    def _keep_room(self, has_room: bool) -> None:
        while not self._leaving.wait(ROOM_EVERY_S if has_room else ROOM_AGAIN_S):
            has_room = self._make_room()

    def _make_room(self) -> bool:
        try:
            with self._database.session() as session:
                return make_position_partitions(session, now=self._now())
        except PlatformError as error:
            log.warning("positions.no_room_made", error=type(error).__name__)
            return False

    # -- the writer's thread

    def _write(self) -> None:
        parted: deque[tuple[_Message, int]] = deque()  # long messages, and from where on
        next_at = 0.0
        while True:
            is_leaving = self._leaving.is_set()
            if not parted and not is_leaving:
                self._comes.wait()
            # Many messages in a transaction cost hardly more than one: let some come together.
            time.sleep(max(0.0, next_at - time.monotonic()))
            next_at = time.monotonic() + GATHER_S
            self._comes.clear()
            parts = self._next_parts(parted)
            if self._waiting:
                self._comes.set()
            if parts and not self._write_parts(parts):
                failed = {id(part.message) for part in parts}
                parted = deque(each for each in parted if id(each[0]) not in failed)
            if is_leaving and not parts:
                return

    def _next_parts(self, parted: deque[tuple[_Message, int]]) -> list[_Part]:
        """What the next transaction takes: all short messages, then a part each of long ones."""
        parts: list[_Part] = []
        count = 0
        while count < TRANSACTION_FIXES and self._waiting:
            message = self._waiting.popleft()
            if len(message.rows) > PART_FIXES:
                parted.append((message, 0))
            else:
                parts.append(_Part(message, message.rows, is_last=True))
                count += len(message.rows)
        while count < TRANSACTION_FIXES and parted:
            message, begin = parted.popleft()
            end = min(begin + PART_FIXES, len(message.rows))
            is_last = end == len(message.rows)
            parts.append(_Part(message, message.rows[begin:end], is_last=is_last))
            count += end - begin
            if not is_last:
                parted.append((message, end))
        return parts

    def _write_parts(self, parts: list[_Part]) -> bool:
        """Write some in one transaction, and answer those that are whole; whether it was done."""
        messages = list({id(part.message): part.message for part in parts}.values())
        done = messages
        try:
            moved = self._stored(parts)
        except Exception as error:
            if not isinstance(error, PlatformError):
                log.error("positions.not_stored", error=type(error).__name__, messages=len(parts))
                error = DatabaseUnavailable(
                    "The positions could not be stored. Send them again.", retry_after_s=5
                )
            answers: list[Taken | PlatformError] = [error] * len(messages)
        else:
            if len(moved):
                self._moved(moved)
            done = [part.message for part in parts if part.is_last]
            answers = [_taken(message) for message in done]
        with self._counting:
            self._fixes_waiting -= sum(len(message.rows) for message in done)
        _tell(done, answers)
        return done is not messages

    def _stored(self, parts: list[_Part]) -> Rows:
        now = self._now()
        singles = [row for part in parts if isinstance(part.rows, list) for row in part.rows]
        tables = [part.rows for part in parts if not isinstance(part.rows, list)]
        with self._database.session() as session:
            stored = store_rows(session, np.concatenate([rows_of(singles), *tables]))
            codes = stored.codes.tolist()
            of_single, of_table = 0, len(singles)
            drops: Counter[tuple[int, Drop]] = Counter()
            written: list[tuple[_Message, list[int]]] = []
            for part in parts:
                if isinstance(part.rows, list):
                    begin = of_single
                    of_single += len(part.rows)
                else:
                    begin = of_table
                    of_table += len(part.rows)
                found = codes[begin : begin + len(part.rows)]
                written.append((part.message, found))
                _count(drops, part, found)
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
        for message, found in written:
            message.codes += found
        self._told_skews |= skews
        return stored.moved


@dataclass(slots=True)
class _Part:
    """Rows of a message that are written in one transaction."""

    message: _Message
    rows: list[tuple[Any, ...]] | Rows
    is_last: bool


def _count(drops: Counter[tuple[int, Drop]], part: _Part, codes: list[int]) -> None:
    """Add what wasn't kept of a part, and with its last one what never became a row."""
    device_id = part.message.device_id
    if any(codes):
        for code in codes:
            reason = OUTCOMES[code]
            if reason is not None:
                drops[device_id, reason] += 1
    if part.is_last:
        for reason, count in part.message.dropped.items():
            drops[device_id, reason] += count


def _taken(message: _Message) -> Taken:
    dropped = message.dropped
    if any(message.codes):
        reasons = (OUTCOMES[code] for code in message.codes)
        dropped = dropped + Counter(reason for reason in reasons if reason is not None)
    return Taken(message.codes.count(0), dropped)


def _busy() -> PlatformError:
    return DatabaseUnavailable(
        "More positions are coming in than can be stored. Keep these, and send them again.",
        retry_after_s=5,
    )


def _tell(batch: Sequence[_Message], answers: Sequence[Taken | PlatformError]) -> None:
    """Answer the messages of a batch. An event loop is woken once for all that wait in it: to wake
    it for each took longer than to write them."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Taken], Any]]] = {}
    for message, answer in zip(batch, answers, strict=True):
        if message.waits is not None:
            loops.setdefault(message.waits.get_loop(), []).append((message.waits, answer))
        elif message.answer is None:
            continue
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
