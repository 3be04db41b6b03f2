"""What is due when a new day begins while the server runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import structlog

from geo.audit import OPERATOR, Access, make_partitions
from geo.audit_anchors import anchor
from geo.coverage.records import purge_presence
from geo.demo.patrol import keep_patrol
from geo.errors import Conflict, InvalidFile, PlatformError
from geo.grid_versions import follow_grids
from geo.positions.purging import is_rolled_up, positions_kept_from, purge_positions
from geo.registers import cycles_of, follow_cycles
from geo.retention import run_retention
from geo.settings import Settings
from geo.store.database import Database
from layers.coverage.follower import CoverageFollower

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60
PROGRAM = Access(OPERATOR + "each day")


def begin_day(database: Database, day: date) -> None:
    """Bring addresses into the grids of a day; a version stored ahead takes hold on its first."""
    with database.session() as session:
        moved = follow_grids(session, on=day)
    if moved.moved:
        log.info("day.grids_followed", day=day.isoformat(), moved=moved.moved)


def keep_due(database: Database, settings: Settings) -> None:
    """Set anew when records are due, where GRIDBEAT_VERIFY_MONTHS was changed since."""
    with database.session() as session:
        moved = follow_cycles(session, cycles_of(settings))
    if moved:
        log.info("day.due_moved", count=moved)


def keep_audit(database: Database, settings: Settings, now: datetime) -> None:
    """Make room for the audit entries to come, and anchor the heads outside of the database.

    The root goes to the log as well: kept elsewhere, it tells of a change of file and database.
    """
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    with database.session() as session:
        make_partitions(session)
        try:
            made = anchor(session, settings.data_folder, now=now)
        except InvalidFile as error:
            log.error("audit.not_anchored", error=error.message)
            return
    count = sum(head.number for head in made.heads)
    log.info("audit.anchored", entries=count, root=made.root)


def delete_what_is_over(database: Database, settings: Settings, now: datetime) -> None:
    """Delete what the rules of retention let go, and the files of exports whose time is over."""
    for each in run_retention(database, PROGRAM, settings=settings, now=now):
        if each.row_count:
            log.info("day.deleted", rule=each.rule, count=each.row_count)


def keep_positions(database: Database, settings: Settings, now: datetime) -> None:
    """Purge the positions of units that are older than they are kept; the receipt is stored.

    What isn't rolled up yet to grids and hours, which name no unit and stay, is rolled up first.

    Raises
    ------
    Conflict : it couldn't be, since another process follows this store: nothing is purged
    """
    before = positions_kept_from(settings.positions_kept_days, now)
    with database.session() as session:
        is_ready = is_rolled_up(session, before=before)
    if not is_ready:
        CoverageFollower(database, settings, now=lambda: now).catch_up()
    with database.session() as session:
        receipt = purge_positions(
            session, kept_days=settings.positions_kept_days, now=now, purged_by=PROGRAM.actor
        )
        hours = purge_presence(session, before=before)
    log.info(
        "positions.purged", before=before.isoformat(), count=receipt.row_count if receipt else 0,
        hours=hours,
    )  # fmt: skip


def keep_demo_patrol(database: Database, settings: Settings, now: datetime) -> None:
    """In the generated city: let its units' roster reach the days to come."""
    with database.session() as session:
        keep_patrol(session, today=settings.local_day(now), zone=ZoneInfo(settings.time_zone))


@contextlib.contextmanager
def each_day(
    database: Database,
    settings: Settings,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    look_every_s: float = LOOK_EVERY_S,
) -> Iterator[None]:
    """Begin the day now, and each new one while the context is open; a new one anchors the audit.

    A day that can't be begun, since the database is away, is tried again at the next look.
    """
    begun = settings.local_day(now())
    begin_day(database, begun)
    keep_due(database, settings)
    delete_what_is_over(database, settings, now())
    try:
        keep_positions(database, settings, now())
    except Conflict as error:  # the next day purges them
        log.warning("positions.not_purged", reason=error.message)
    leaving = threading.Event()

    def watch() -> None:
        nonlocal begun
        while not leaving.wait(look_every_s):
            day = settings.local_day(now())
            if day == begun:
                continue
            try:
                begin_day(database, day)
                keep_audit(database, settings, now())
                delete_what_is_over(database, settings, now())
                keep_positions(database, settings, now())
                keep_demo_patrol(database, settings, now())
            except PlatformError as error:
                log.warning("day.not_begun", day=day.isoformat(), error=type(error).__name__)
            else:
                begun = day

    watcher = threading.Thread(target=watch, name="each-day", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        leaving.set()
        watcher.join(timeout=10)
