"""The search over the whole register: complete, repeatable, stopped and gone on with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.duplicates import finding
from geo.duplicates.blocks import BLOCK_MAX, BlockBuilder
from geo.duplicates.facts import address_facts
from geo.duplicates.finding import prepare_duplicates_job, run_duplicates_job
from geo.duplicates.pairs import decide_apart, find_pairs, put_aside, reopen_pair
from geo.importers.jobs import get_job, request_stop
from geo.register import end_address, merge_address
from geo.store.database import Database
from geo.tables import DuplicatePair
from tests.geo.duplicates.register import ALL, DAY, NOW, address, fill


@pytest.fixture
def ids(database: Database) -> dict[str, int]:
    with database.session() as session:
        return fill(session)


def search(database: Database, **more: Any) -> dict[str, Any]:
    with database.session() as session:
        job_id = prepare_duplicates_job(session)
    run_duplicates_job(database, job_id, **more)
    with database.session() as session:
        return dict(get_job(session, job_id).report)


def found(database: Database, status: str = "open") -> set[tuple[int, int]]:
    with database.session() as session:
        pairs = find_pairs(session, scope=ALL, status=status)
        return {(pair.first_id, pair.second_id) for pair in pairs}


def wanted(ids: dict[str, int], *names: tuple[str, str]) -> set[tuple[int, int]]:
    return {(min(ids[a], ids[b]), max(ids[a], ids[b])) for a, b in names}


PLANTED = (("full", "short"), ("estate", "no_road"), ("home", "alias"))


def test_the_search_finds_what_is_one_place_and_nothing_else(
    database: Database, ids: dict[str, int]
) -> None:
    report = search(database)
    assert found(database) == wanted(ids, *PLANTED)
    assert (report["suggested"], report["taken_out"]) == (3, 0)
    with database.session() as session:
        pair = find_pairs(session, scope=ALL)[0]
        assert 0.9 < pair.score <= 1
        assert pair.distance_m == pytest.approx(0, abs=0.1)
        assert "left_out:county" in {reason for each in find_pairs(session, scope=ALL)
                                     for reason in each.reasons}  # fmt: skip


def test_a_second_search_changes_nothing_and_takes_out_what_no_longer_holds(
    database: Database, ids: dict[str, int]
) -> None:
    search(database)
    with database.session() as session:
        before = [(p.id, p.version, p.created_at) for p in find_pairs(session, scope=ALL)]
    search(database)
    with database.session() as session:
        assert [(p.id, p.version, p.created_at) for p in find_pairs(session, scope=ALL)] == before
        end_address(session, ids["short"], expected_version=1, scope=ALL)
    assert search(database)["taken_out"] == 1
    assert found(database) == wanted(ids, *PLANTED[1:])


def test_what_was_decided_stays_decided(database: Database, ids: dict[str, int]) -> None:
    search(database)
    with database.session() as session:
        pairs = {(p.first_id, p.second_id): p.id for p in find_pairs(session, scope=ALL)}
        apart, later, _ = (pairs[next(iter(wanted(ids, names)))] for names in PLANTED)
        decision = {"version": 1, "decided_by": "示例·甲", "now": NOW, "scope": ALL}
        decide_apart(session, apart, **decision)
        put_aside(session, later, **decision)
    search(database)
    assert found(database) == wanted(ids, PLANTED[2])
    assert found(database, "apart") == wanted(ids, PLANTED[0])
    assert found(database, "later") == wanted(ids, PLANTED[1])


def test_a_decision_holds_for_what_an_address_was_merged_into(
    database: Database, ids: dict[str, int]
) -> None:
    """A is not B; A is C: so C is not suggested as B."""
    search(database)
    with database.session() as session:
        (pair,) = [p for p in find_pairs(session, scope=ALL)
                   if {p.first_id, p.second_id} == {ids["full"], ids["short"]}]  # fmt: skip
        decide_apart(session, pair.id, version=1, decided_by="示例·甲", now=NOW, scope=ALL)
        kept = address(session, "太原市坞城路12号")
        merge_address(
            session, ids["full"], kept.id, merged_version=1, kept_version=1, merged_by=None,
            now=NOW, scope=ALL,
        )  # fmt: skip
        new = (ids["short"], kept.id)
        pair_id = pair.id
    search(database)
    assert new not in found(database)
    with database.session() as session:
        reopen_pair(session, pair_id, version=2, undone_by=None, now=NOW, day=DAY, scope=ALL)
    search(database)
    assert new in found(database)


def test_a_search_that_was_stopped_goes_on(
    database: Database, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        job_id = prepare_duplicates_job(session)
    seen: list[int] = []

    def stop_after_first(done: int, _total: int | None) -> None:
        seen.append(done)
        if done:
            with database.session() as session:
                if get_job(session, job_id).status == "running":
                    request_stop(session, job_id)

    run_duplicates_job(database, job_id, progress=stop_after_first, batch_pairs=1)
    with database.session() as session:
        job = get_job(session, job_id)
        assert job.status == "stopped"
        assert 0 < job.rows_done < len(ids)
        assert prepare_duplicates_job(session) == job_id
    assert len(found(database)) < len(PLANTED)

    weighed: list[int] = []
    find_likely = finding.find_likely

    def noted(session: Session, batch: Any, blocks: Any) -> Any:
        weighed.extend(batch.vaguer.tolist())
        return find_likely(session, batch, blocks)

    monkeypatch.setattr(finding, "find_likely", noted)
    run_duplicates_job(database, job_id, batch_pairs=1)
    with database.session() as session:
        job = get_job(session, job_id)
        assert (job.status, job.rows_done) == ("done", len(ids))
        assert job.report["suggested"] == len(PLANTED)
        assert prepare_duplicates_job(session) != job_id
    assert found(database) == wanted(ids, *PLANTED)
    assert min(weighed) > 1  # what was weighed before the stop is not weighed again


def test_a_room_that_fits_two_entrances_is_not_suggested(database: Database) -> None:
    with database.session() as session:
        for text in ("1单元301室", "2单元301室", "301室"):
            address(session, f"山西省太原市小店区滨河路3号2幢{text}")
    search(database)
    assert found(database) == set()


def test_an_empty_register_and_one_of_one_address(database: Database) -> None:
    assert search(database)["candidate_pairs"] == 0
    with database.session() as session:
        address(session, "山西省太原市小店区滨河路3号")
    assert search(database)["candidate_pairs"] == 0


def test_candidates_stay_few_where_many_share_a_key() -> None:
    """A key shared by more than BLOCK_MAX addresses is left out: work stays linear."""
    blocks = BlockBuilder()
    count = 5 * BLOCK_MAX
    blocks.add(
        address_facts(i + 1, {"road": "滨河路", "door": "3", "township": f"第{i}街道"},
                      f"township=第{i}街道|road=滨河路|door=3")
        for i in range(count)
    )  # fmt: skip
    pairs = blocks.pairs()
    assert (len(pairs), pairs.block_count_left_out) == (0, 2)
    assert len(blocks) == count


def test_batches_keep_the_pairs_of_an_address_together_and_cover_all() -> None:
    blocks = BlockBuilder()
    blocks.add(
        address_facts(10 * (i + 1), {"road": "滨河路", "door": str(i // 3)},
                      f"road=滨河路|door={i // 3}")
        for i in range(30)
    )  # fmt: skip
    pairs = blocks.pairs()
    assert len(pairs) == 30  # three of each door
    batches = list(pairs.batches(4))
    assert sum(len(batch) for batch in batches) == 30
    owners = [set(batch.vaguer.tolist()) for batch in batches]
    assert all(a.isdisjoint(b) for a in owners for b in owners if a is not b)
    rest = list(pairs.batches(1000, after_id=150))
    assert min(rest[0].vaguer) > 150


def test_statements_do_not_grow_with_the_pairs(session: Session) -> None:
    assert finding.store_pairs(session, [], job_id=None) == 0
    assert session.scalars(select(DuplicatePair)).all() == []
