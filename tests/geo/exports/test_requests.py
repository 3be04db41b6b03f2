"""Exports from asking to expiring: caps, the second person, scope, stops, the record."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from geo import accounts
from geo.audit import Access, read_log
from geo.errors import (
    Conflict,
    ExportNotFound,
    InvalidInput,
    JobRunning,
    NotPermitted,
    PurposeMissing,
)
from geo.exports import (
    EXPORT_KINDS,
    ExportFilter,
    approve_export,
    expire_exports,
    find_exports,
    get_export,
    refuse_export,
    run_export,
    running,
    stop_export,
)
from geo.exports import kind as kind_module
from geo.exports.kind import ExportKind
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.tables import ExportRequest, ReviewItem
from geo.values import GridScope
from tests.api.conftest import GRID_A, GRID_B, District, settled_district
from tests.geo.exports.asking import Asking

NOW = datetime.now(UTC)
A = GridScope.of([GRID_A])


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    with settled_district(cluster, tmp_path_factory.mktemp("exports")) as settled:
        with settled.database.session() as session:
            for name, area in (("wang", None), ("li", None), ("zhang", GRID_B)):
                account = accounts.create_account(
                    session, name, "a-long-password", role="grid_worker"
                )
                accounts.assign(session, account, area, valid_from=NOW.date() - timedelta(days=2))
        yield settled


@pytest.fixture
def asking(place: District, tmp_path: Path) -> Asking:
    """The district, and nobody has asked for anything lately."""
    with place.database.session() as session:
        session.execute(
            update(ExportRequest).values(
                status="failed", grid_codes=["elsewhere"], created_at=NOW - timedelta(days=9)
            )
        )
        session.execute(update(ReviewItem).values(grid_code="elsewhere"))
    return Asking(place, Settings(data_folder=tmp_path, demo=False, export_rows_max=10))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_up_to_the_cap_it_is_written_at_once_within_the_scope(asking: Asking) -> None:
    request = asking.ask("wang", scope=A)
    assert (request.status, request.rows_expected) == ("waiting", 9)
    assert len(rows_of(asking.run_and_fetch(request, "wang", scope=A))) == 9
    theirs = asking.ask("li", scope=GridScope.of([GRID_B]))
    rows = rows_of(asking.run_and_fetch(theirs, "li"))
    assert {row["grid_code"] for row in rows} == {GRID_B}
    assert rows[0]["gridbeat_export"].startswith(f"GridBeat export {theirs.id}, li, ")


def test_filters_narrow_and_never_widen(asking: Asking) -> None:
    assert asking.ask("wang", scope=A, filters=ExportFilter(grid_code=GRID_B)).rows_expected == 0
    by_community = ExportFilter(community_code="140105001002")
    assert asking.ask("wang", filters=by_community).rows_expected == 2
    assert asking.ask("wang", scope=A, filters=by_community).rows_expected == 0
    assert asking.ask("wang", kind="grids", filters=by_community).rows_expected == 1
    assert asking.ask("wang", kind="review_items", filters=by_community).rows_expected == 0


def test_above_the_cap_a_second_person_decides(asking: Asking) -> None:
    with pytest.raises(PurposeMissing):
        asking.ask("wang", purpose=None)
    request = asking.ask("wang")
    assert (request.status, request.rows_expected) == ("asked", 14)
    with pytest.raises(Conflict):
        run_export(asking.database, request.id, settings=asking.settings)
    with pytest.raises(Conflict):
        asking.fetch(request, "wang")
    with asking.database.session() as session, pytest.raises(NotPermitted):
        approve_export(session, Access("wang"), request.id, now=NOW)
    with asking.database.session() as session:
        approve_export(session, Access("chief"), request.id, note="可以", now=NOW)
    with asking.database.session() as session, pytest.raises(Conflict):
        refuse_export(session, Access("chief"), request.id, note="改主意了", now=NOW)
    rows = rows_of(asking.run_and_fetch(request, "wang"))
    assert len(rows) == 14
    assert rows[0]["gridbeat_export"].endswith(", approved by chief")
    with pytest.raises(ExportNotFound):  # who approved has no use for the file
        asking.fetch(request, "chief")


def test_many_small_ones_count_together_for_a_day(asking: Asking) -> None:
    first = asking.ask("wang", scope=A)
    assert first.status == "waiting"
    assert asking.ask("wang", scope=A).status == "asked"
    assert asking.ask("li", scope=A).status == "waiting"
    # Moved to another grid, and back in time by nothing: what was asked before still counts.
    assert asking.ask("wang", scope=GridScope.of([GRID_B])).status == "asked"
    later = NOW + timedelta(hours=25)
    assert asking.ask("wang", scope=A, now=later).status == "waiting"


def test_what_a_second_person_approved_uses_up_nothing(asking: Asking) -> None:
    request = asking.ask("wang")
    with asking.database.session() as session:
        approve_export(session, Access("chief"), request.id, now=NOW)
    assert asking.ask("wang", scope=A).status == "waiting"


def test_a_refusal_says_why_and_leaves_nothing(asking: Asking) -> None:
    request = asking.ask("wang")
    with asking.database.session() as session, pytest.raises(InvalidInput):
        refuse_export(session, Access("chief"), request.id, note="  ", now=NOW)
    with asking.database.session() as session:
        refuse_export(session, Access("chief"), request.id, note="用途不明", now=NOW)
    with asking.database.session() as session:
        assert get_export(session, request.id, seen_by="wang").note == "用途不明"
    with pytest.raises(ExportNotFound):
        asking.fetch(request, "wang")


def test_the_database_itself_refuses_a_decision_about_ones_own(asking: Asking) -> None:
    request = asking.ask("wang")
    with pytest.raises(IntegrityError, match="second_person"), asking.database.session() as session:
        stored = session.get(ExportRequest, request.id)
        assert stored is not None
        stored.decided_by = "wang"


def test_others_requests_are_not_there_nor_those_of_other_grids(asking: Asking) -> None:
    request = asking.ask("wang", scope=A)
    with asking.database.session_of(A) as session:
        assert [each.id for each in find_exports(session, seen_by="wang")] == [request.id]
        assert find_exports(session, seen_by="li") == []
        assert len(find_exports(session, seen_by="li", may_approve=True)) == 1
        with pytest.raises(ExportNotFound):
            get_export(session, request.id, seen_by="li")
        with pytest.raises(ExportNotFound):
            stop_export(session, Access("li"), request.id, now=NOW)
    with asking.database.session_of(GridScope.of([GRID_B])) as session:
        assert find_exports(session, seen_by="chief of B", may_approve=True) == []
        with pytest.raises(ExportNotFound):
            approve_export(session, Access("chief of B"), request.id, now=NOW)
        with pytest.raises(ExportNotFound):  # moved to another grid this minute
            get_export(session, request.id, seen_by="wang")


def test_who_was_moved_or_left_gets_no_file_written(asking: Asking) -> None:
    request = asking.ask("zhang", scope=A)
    with pytest.raises(Conflict, match="other grids by now"):
        run_export(asking.database, request.id, settings=asking.settings)
    own = asking.ask("zhang", scope=GridScope.of([GRID_B]))
    with asking.database.session() as session:
        assert get_export(session, request.id, seen_by="zhang").status == "failed"
        accounts.end_account(session, accounts.get_account(session, "zhang"), now=NOW)
    with pytest.raises(Conflict, match="has ended"):
        run_export(asking.database, own.id, settings=asking.settings)


def test_a_stop_ends_the_writing_and_leaves_no_file(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asking.ask("wang", scope=A)
    monkeypatch.setattr(kind_module, "BATCH_ROWS", 2)
    seen: list[int] = []

    def stop_at_four(done: int, _total: int | None) -> None:
        seen.append(done)
        if done == 4:
            with asking.database.session() as session:
                stop_export(session, Access("wang"), request.id, now=NOW)

    run_export(asking.database, request.id, settings=asking.settings, progress=stop_at_four)
    assert seen == [2, 4]
    with asking.database.session() as session:
        assert get_export(session, request.id, seen_by="wang").status == "stopped"
        with pytest.raises(Conflict):
            stop_export(session, Access("wang"), request.id, now=NOW)
    assert list((asking.settings.data_folder / "exports").iterdir()) == []


def test_two_processes_do_not_write_one_file(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asking.ask("wang", scope=A)
    begun, go_on = threading.Event(), threading.Event()

    def wait(_done: int, _total: int | None) -> None:
        begun.set()
        go_on.wait(30)

    first = threading.Thread(
        target=run_export,
        args=(asking.database, request.id),
        kwargs={"settings": asking.settings, "progress": wait},
    )
    first.start()
    assert begun.wait(30)
    with pytest.raises(JobRunning):
        run_export(asking.database, request.id, settings=asking.settings)
    go_on.set()
    first.join()
    assert len(rows_of(asking.fetch(request, "wang"))) == 9


def test_what_a_dead_process_left_is_begun_anew(asking: Asking) -> None:
    request = asking.ask("wang", scope=A)
    with asking.database.session() as session:
        stored = session.get(ExportRequest, request.id)
        assert stored is not None
        stored.status, stored.rows_done = "running", 4
        assert running.find_waiting_exports(session) == [request.id]
    assert len(rows_of(asking.run_and_fetch(request, "wang"))) == 9


def test_a_failure_is_told_and_leaves_no_file(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asking.ask("wang", scope=A)

    def breaks(*_: Any) -> Any:
        raise ZeroDivisionError("甲某 was in row 3")

    monkeypatch.setitem(
        EXPORT_KINDS, "addresses", ExportKind("addresses", {"id": "int"}, breaks, "Point")
    )
    with pytest.raises(ZeroDivisionError):
        run_export(asking.database, request.id, settings=asking.settings)
    with asking.database.session() as session:
        found = get_export(session, request.id, seen_by="wang")
        assert (found.status, found.message) == ("failed", running.UNFORESEEN)
    assert list((asking.settings.data_folder / "exports").iterdir()) == []


def test_more_rows_than_were_asked_for_are_not_written(asking: Asking) -> None:
    request = asking.ask("wang", scope=A)
    with asking.database.session() as session:
        stored = session.get(ExportRequest, request.id)
        assert stored is not None
        stored.rows_expected = -2  # as if eleven rows had come since
    with pytest.raises(Conflict, match="more than"):
        run_export(asking.database, request.id, settings=asking.settings)


def test_a_file_expires_and_is_deleted(asking: Asking) -> None:
    request = asking.ask("wang", scope=A)
    path = asking.run_and_fetch(request, "wang")
    assert path.stat().st_mode & 0o077 == 0, "nobody else on the machine reads it"
    over = NOW + timedelta(days=asking.settings.export_keep_days + 1)
    with pytest.raises(ExportNotFound):  # even before it is deleted
        asking.fetch(request, "wang", now=over)
    with asking.database.session() as session:
        access = Access("operator:test")
        assert expire_exports(session, access, settings=asking.settings, now=NOW) == 0
        assert expire_exports(session, access, settings=asking.settings, now=over) == 1
    assert not path.exists()
    with asking.database.session() as session:
        assert get_export(session, request.id, seen_by="wang").status == "expired"


def test_each_step_is_audited_with_its_purpose(asking: Asking) -> None:
    request = asking.ask("wang", purpose="门牌核对", case_ref="任务 7")
    with asking.database.session() as session:
        approve_export(session, Access("chief"), request.id, now=NOW)
    asking.run_and_fetch(request, "wang")
    with asking.database.session() as session:
        day = timedelta(days=1)
        entries = read_log(session, Access("audit"), start=NOW - day, end=NOW + day)
        steps = [
            (entry.action, entry.actor, entry.row_count, entry.purpose, entry.case_ref)
            for entry in entries
            if entry.object_kind == "export" and entry.object_ref == str(request.id)
        ]
    why = ("门牌核对", "任务 7")
    assert sorted(steps) == sorted(
        [
            ("export.ask", "wang", 14, *why),
            ("export.approve", "chief", 14, *why),
            ("export.write", "wang", 14, *why),
            ("export.fetch", "wang", 14, *why),
        ]
    )


def test_about_persons_each_takes_purpose_case_and_a_second_person(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = EXPORT_KINDS["review_items"]
    persons = ExportKind("persons", places.columns, places.query, about_persons=True)
    monkeypatch.setitem(EXPORT_KINDS, "persons", persons)
    with pytest.raises(PurposeMissing):
        asking.ask("wang", kind="persons", scope=A, case_ref=None)
    asking.add_review_item(GRID_A)
    assert asking.ask("wang", kind="persons", scope=A, case_ref="任务 7").status == "asked"
    with pytest.raises(InvalidInput, match="can't be had as"):
        asking.ask("wang", kind="persons", scope=A, case_ref="任务 7", file_format="geojson")


def test_what_cannot_be_had_is_refused(asking: Asking) -> None:
    with pytest.raises(InvalidInput, match="can't be exported"):
        asking.ask("wang", kind="accounts")
    with pytest.raises(InvalidInput, match="can't be had as"):
        asking.ask("wang", file_format="pdf")
    with pytest.raises(InvalidInput, match="can't be had as"):
        asking.ask("wang", kind="review_items", file_format="gpkg")


@pytest.mark.parametrize("kind", ["addresses", "grids", "review_items"])
def test_every_kind_can_be_had_as_every_file_it_promises(asking: Asking, kind: str) -> None:
    asking.settings = asking.settings.model_copy(update={"export_rows_max": 1000})
    asking.add_review_item(GRID_A)
    for ending in EXPORT_KINDS[kind].formats:
        request = asking.ask("wang", kind=kind, file_format=ending)
        assert request.rows_expected > 0
        assert asking.run_and_fetch(request, "wang").stat().st_size > 0
