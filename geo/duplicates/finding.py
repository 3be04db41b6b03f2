"""The search for duplicates in the whole register: a job that can be stopped and goes on.

First all addresses are read once and candidates are paired by shared keys; then the candidates are
weighed, batch by batch, each batch in its own transaction together with how far the job is. What
was suggested before and is no longer found is taken out at the end; decisions stay.

The search sees the whole register, whoever started it: who is shown what of it is decided when it
is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.duplicates.blocks import BlockBuilder, CandidatePairs
from geo.duplicates.facts import AddressFacts, address_facts, alias_key
from geo.duplicates.likeness import SUGGEST_FROM, IsSlip, Likeness, contradict, likeness
from geo.geodesy import geodesic_distance_m
from geo.importers.jobs import JobStopped, RunningJob, create_job, running_job
from geo.store.database import Database
from geo.tables import (
    ADDRESS_COMPONENTS,
    AddressAlias,
    DuplicatePair,
    ImportJob,
    StandardAddress,
)

JOB_KIND = "duplicates"
READ_ROWS = 10_000  # addresses read at a time
BATCH_PAIRS = 10_000  # candidates weighed, and stored, at a time
STORED_ROWS = 2_000  # a statement: the driver takes 65,535 parameters
CLEARLY_BETTER = 0.15  # by so much one partner must lead over another that contradicts it

Progress = Callable[[int, int | None], None]
_LEVELS = (*ADDRESS_COMPONENTS, "point_of_interest")


@dataclass(frozen=True, slots=True)
class FoundPair:
    """Two addresses that are probably one place; `distance_m` None where one has no point."""

    first_id: int
    second_id: int
    likeness: Likeness
    distance_m: float | None


def prepare_duplicates_job(session: Session) -> int:
    """Return the id of the job that will search; one that was stopped or waits is taken up again.

    One that is being worked on is answered as well: two searches at a time would find the same.
    """
    job = session.scalars(
        select(ImportJob)
        .where(ImportJob.kind == JOB_KIND, ImportJob.status != "done")
        .order_by(ImportJob.id.desc())
        .limit(1)
    ).first()
    return (job or create_job(session, kind=JOB_KIND, file_name="-", options={})).id


def run_duplicates_job(
    database: Database,
    job_id: int,
    *,
    progress: Progress | None = None,
    batch_pairs: int = BATCH_PAIRS,
) -> None:
    """Search the register for duplicates, from where the job stands.

    Rows done are addresses whose candidates were weighed. A register that was changed while the
    job was stopped is read anew, and what lies before the place reached is left to the next search.

    Raises
    ------
    JobNotFound, JobRunning, Conflict : it is unknown, in hand, or done
    DatabaseUnavailable
    """
    with running_job(database, job_id) as job:
        blocks = BlockBuilder()
        with database.session() as session:
            total = session.scalar(select(func.count()).where(StandardAddress.status == "current"))
            job.expect_rows(session, total or 0)
        tell = progress or (lambda _done, _total: None)
        for chunk in _read_register(database):
            blocks.add(chunk)
            tell(0, total)
            with database.session() as session:
                _advance(session, job, job.rows_done)
        with database.session() as session:
            _add_aliases(session, blocks)
        candidates = blocks.pairs()
        job.report |= {
            "candidate_pairs": len(candidates),
            "keys_left_out": candidates.block_count_left_out,
        }
        after_id = int(job.report.get("state", {}).get("after_id", 0))
        job.report.setdefault("suggested", 0)
        for batch in candidates.batches(batch_pairs, after_id=after_id):
            with database.session() as session:
                found = find_likely(session, batch, blocks)
                job.report["suggested"] += store_pairs(session, found, job_id=job.id)
                job.report["state"] = {"after_id": int(batch.vaguer[-1])}
                done = blocks.count_up_to(int(batch.vaguer[-1]))
                _advance(session, job, done)
            tell(done, total)
        with database.session() as session:
            job.report["taken_out"] = drop_stale(session, job_id=job.id)
            job.report.pop("state", None)
            _advance(session, job, len(blocks))
        tell(len(blocks), total)


def find_likely(session: Session, batch: CandidatePairs, blocks: BlockBuilder) -> list[FoundPair]:
    """Return those candidates that are probably one place, as the register is now."""
    ids = np.unique(np.concatenate((batch.vaguer, batch.fuller))).tolist()
    facts = {each.id: each for each in load_facts(session, ids)}
    return weigh(batch, facts, _load_alias_keys(session, ids), is_slip=blocks.is_slip)


def weigh(
    batch: CandidatePairs,
    facts: Mapping[int, AddressFacts],
    aliases: Mapping[int, set[str]],
    *,
    is_slip: IsSlip,
) -> list[FoundPair]:
    """Return those candidates that are probably one place; pairs without facts are left out.

    Where an address fits two others that contradict each other (a room without its entrance, in a
    building of three), it is no clearer than before, and none of them is suggested.

    Parameters
    ----------
    batch : ordered by `vaguer`, as `BlockBuilder.pairs` gives them
    aliases : id → keys of its aliases (`facts.alias_key`)
    """
    found: list[FoundPair] = []
    pairs = zip(batch.vaguer.tolist(), batch.fuller.tolist(), _distances(batch, facts), strict=True)
    for vaguer_id, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        fitting = []
        for _, fuller_id, distance in group:
            one, other = facts.get(vaguer_id), facts.get(fuller_id)
            if one is None or other is None:  # ended since it was read
                continue
            alike = likeness(
                one,
                other,
                distance_m=distance,
                is_slip=is_slip,
                is_alias=_is_alias(one, other, aliases),
            )
            if alike is not None and alike.score >= SUGGEST_FROM:
                first, second = sorted((vaguer_id, fuller_id))
                fitting.append((other, FoundPair(first, second, alike, distance)))
        found += _unambiguous(fitting)
    return found


def _unambiguous(fitting: list[tuple[AddressFacts, FoundPair]]) -> list[FoundPair]:
    kept = []
    for facts, pair in fitting:
        rivals = [
            other.likeness.score
            for rival, other in fitting
            if rival is not facts and contradict(facts, rival)
        ]
        if not rivals or pair.likeness.score >= max(rivals) + CLEARLY_BETTER:
            kept.append(pair)
    return kept


def store_pairs(session: Session, found: Sequence[FoundPair], *, job_id: int | None) -> int:
    """Store suggestions; return how many. Pairs that were decided stay as they are, and so does
    what follows from a decision: A is not B, and C was merged into A, so C is not B either."""
    apart = _apart_roots(session)
    rows = [
        {
            "first_id": pair.first_id,
            "second_id": pair.second_id,
            "score": pair.likeness.score,
            "distance_m": pair.distance_m,
            "reasons": list(pair.likeness.reasons),
            "job_id": job_id,
        }
        for pair in found
        if (pair.first_id, pair.second_id) not in apart
    ]
    for start in range(0, len(rows), STORED_ROWS):
        stored = insert(DuplicatePair).values(rows[start : start + STORED_ROWS])
        found_again = ("score", "distance_m", "reasons", "job_id")
        session.execute(
            stored.on_conflict_do_update(
                index_elements=[DuplicatePair.first_id, DuplicatePair.second_id],
                set_={name: stored.excluded[name] for name in found_again},
                where=DuplicatePair.status.in_(("open", "later")),
            )
        )
    return len(rows)


def drop_stale(session: Session, *, job_id: int) -> int:
    """Take out suggestions that the search of this job did not find; return how many."""
    gone = session.execute(
        delete(DuplicatePair).where(
            DuplicatePair.status.in_(("open", "later")),
            DuplicatePair.job_id.is_distinct_from(job_id),
        )
    )
    return int(getattr(gone, "rowcount", 0))


def load_facts(session: Session, ids: Sequence[int]) -> list[AddressFacts]:
    """Return what is compared of the current addresses with these ids, in no order."""
    return _facts(session.execute(_SELECT.where(StandardAddress.id.in_(ids))))


_SELECT = select(
    StandardAddress.id,
    StandardAddress.search_key,
    func.ST_X(StandardAddress.geom),
    func.ST_Y(StandardAddress.geom),
    *(getattr(StandardAddress, level) for level in _LEVELS),
).where(StandardAddress.status == "current")


def _facts(rows: Iterable[Any]) -> list[AddressFacts]:
    return [
        address_facts(
            row[0],
            {level: value for level, value in zip(_LEVELS, row[4:], strict=True) if value},
            row[1],
            row[2],
            row[3],
        )
        for row in rows
    ]


def _read_register(database: Database) -> Iterator[list[AddressFacts]]:
    after_id = 0
    while True:
        query = _SELECT.where(StandardAddress.id > after_id)
        with database.session() as session:
            chunk = _facts(session.execute(query.order_by(StandardAddress.id).limit(READ_ROWS)))
        if not chunk:
            return
        after_id = chunk[-1].id
        yield chunk


def _add_aliases(session: Session, blocks: BlockBuilder) -> None:
    rows = session.execute(_ALIASES.execution_options(yield_per=READ_ROWS))
    for part in rows.partitions():
        keyed = [(address_id, key) for address_id, text in part if (key := alias_key(text))]
        ids = np.array([address_id for address_id, _ in keyed], np.int64)
        blocks.add_writings(ids, [key for _, key in keyed])


def _load_alias_keys(session: Session, ids: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    query = _ALIASES.where(AddressAlias.standard_address_id.in_(ids))
    for address_id, text in session.execute(query):
        key = alias_key(text)
        if key is not None:
            found.setdefault(address_id, set()).add(key)
    return found


_ALIASES = select(AddressAlias.standard_address_id, AddressAlias.alias_text).where(
    AddressAlias.ended_at.is_(None)
)


def _is_alias(one: AddressFacts, other: AddressFacts, aliases: Mapping[int, set[str]]) -> bool:
    return other.local_key in aliases.get(one.id, ()) or one.local_key in aliases.get(other.id, ())


def _distances(batch: CandidatePairs, facts: Mapping[int, AddressFacts]) -> list[float | None]:
    def column(ids: Iterable[int], name: str) -> np.ndarray:
        values = (getattr(facts.get(i), name, None) for i in ids)
        return np.array([np.nan if value is None else value for value in values], float)

    vaguer, fuller = batch.vaguer.tolist(), batch.fuller.tolist()
    metres = geodesic_distance_m(
        column(vaguer, "lon"), column(vaguer, "lat"), column(fuller, "lon"), column(fuller, "lat")
    )
    return [None if np.isnan(value) else float(value) for value in np.atleast_1d(metres)]


def _apart_roots(session: Session) -> set[tuple[int, int]]:
    """Pairs that were decided to be two places, each address followed into what it was merged."""
    into = {
        row.id: row.merged_into
        for row in session.execute(
            select(StandardAddress.id, StandardAddress.merged_into).where(
                StandardAddress.status == "merged"
            )
        )
    }

    def root(address_id: int) -> int:
        while address_id in into:
            address_id = into[address_id]
        return address_id

    pairs = session.execute(
        select(DuplicatePair.first_id, DuplicatePair.second_id).where(
            DuplicatePair.status == "apart"
        )
    )
    found = set()
    for first, second in pairs:
        a, b = sorted((root(first), root(second)))
        found.add((a, b))
    return found


def _advance(session: Session, job: RunningJob, done: int) -> None:
    if not job.advance(session, rows_done=done, rows_failed=0):
        session.commit()  # what this batch found is found
        raise JobStopped(f"Job {job.id} was stopped. It goes on from where it is.")
