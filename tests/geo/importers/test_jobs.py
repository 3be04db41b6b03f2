"""Jobs: their end is written down whatever it is, and only one process works on one."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.errors import Conflict, InvalidFile, InvalidInput, JobNotFound, JobRunning
from geo.importers.job_kinds import prepare_whole_job, run_job
from geo.importers.jobs import (
    UNFORESEEN,
    JobStopped,
    create_job,
    find_jobs,
    find_resumable_job,
    get_job,
    is_worked_on,
    request_stop,
    running_job,
    status_seen,
)
from geo.settings import Settings
from geo.store.database import Database

HOLDER = """
    import sys, time
    from geo.importers.jobs import running_job
    from geo.store.database import Database, make_engine
    with running_job(Database(make_engine(sys.argv[1], pool_size=2)), int(sys.argv[2])):
        print("at work", flush=True)
        time.sleep(60)
"""


def _create(database: Database, **options: object) -> int:
    with database.session() as session:
        job = create_job(
            session, kind="addresses", file_name="a.csv", file_sha256="0" * 64, options=options
        )
        return job.id


def _status(database: Database, job_id: int) -> tuple[str, str | None]:
    with database.session() as session:
        job = get_job(session, job_id)
        return status_seen(session, job), job.message


def test_a_job_ends_as_its_work_does(database: Database) -> None:
    done, stopped, failed, broken, interrupted = (_create(database, n=n) for n in range(5))
    with running_job(database, done) as job, database.session() as session:
        assert job.advance(session, rows_done=3, rows_failed=1)
    with running_job(database, stopped):
        raise JobStopped("asked to")
    with pytest.raises(InvalidInput), running_job(database, failed):
        raise InvalidInput("The file is wrong. Mend it.")
    with pytest.raises(ZeroDivisionError), running_job(database, broken):
        raise ZeroDivisionError("某某路1号")
    with pytest.raises(KeyboardInterrupt), running_job(database, interrupted):
        raise KeyboardInterrupt
    assert _status(database, done) == ("done", None)
    assert _status(database, stopped) == ("stopped", None)
    assert _status(database, failed) == ("failed", "The file is wrong. Mend it.")
    assert _status(database, broken) == ("failed", UNFORESEEN)
    assert _status(database, interrupted)[0] == "stopped"
    with database.session() as session:
        assert [job.id for job in find_jobs(session)] == [5, 4, 3, 2, 1]
        assert [job.id for job in find_jobs(session, before_id=3, limit=1)] == [2]
        assert (get_job(session, done).rows_done, get_job(session, done).rows_failed) == (3, 1)
    with pytest.raises(Conflict, match="done already"), running_job(database, done):
        pass


def test_what_was_rolled_back_is_not_in_the_report(database: Database) -> None:
    job_id = _create(database)
    with pytest.raises(InvalidInput), running_job(database, job_id) as job:
        job.report = {"rows_in": 5}
        with database.session() as session:
            job.advance(session, rows_done=5, rows_failed=0)
        job.report = {"rows_in": 10}
        with database.session() as session:
            job.advance(session, rows_done=10, rows_failed=0)
            raise InvalidInput("broken off")
    with database.session() as session:
        kept = get_job(session, job_id)
        assert (kept.rows_done, kept.report) == (5, {"rows_in": 5})


def test_a_stop_is_seen_by_the_next_advance(database: Database) -> None:
    job_id = _create(database)
    with running_job(database, job_id) as job:
        with database.session() as session:
            request_stop(session, job_id)
        with database.session() as session:
            assert not job.advance(session, rows_done=1, rows_failed=0)
        raise JobStopped("asked to")
    with database.session() as session, pytest.raises(Conflict, match="stopped already"):
        request_stop(session, job_id)


def test_the_newest_unfinished_job_of_the_same_file_and_options_is_resumed(
    database: Database,
) -> None:
    first = _create(database, path="/one/a.csv", datum="BD09")
    with database.session() as session:
        wanted = {"kind": "addresses", "file_sha256": "0" * 64}
        moved = {"path": "/two/a.csv", "datum": "BD09"}
        found = find_resumable_job(session, options=moved, **wanted)  # type: ignore[arg-type]
        assert found is not None
        assert found.id == first
        other = {"path": "/one/a.csv", "datum": "GCJ02"}
        assert find_resumable_job(session, options=other, **wanted) is None  # type: ignore[arg-type]
        with pytest.raises(JobNotFound):
            get_job(session, 99)


def test_a_whole_file_job_that_failed_reads_the_file_uploaded_again(
    database: Database, tmp_path: Path
) -> None:
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    first.write_text("code,name\n140105001001,滨河社区\n", encoding="utf-8")
    again.write_bytes(first.read_bytes())
    options = {
        "source": "test", "datum": None, "valid_from": "2024-01-01", "standard": "own",
        "level": "community", "mapping": {}, "table_name": None, "encoding": None,
    }  # fmt: skip
    settings = Settings(data_folder=tmp_path / "data")
    job_id = prepare_whole_job(database, first, kind="areas", options=options)
    first.unlink()
    with pytest.raises(InvalidFile, match="gone"):
        run_job(database, job_id, settings=settings)
    assert prepare_whole_job(database, again, kind="areas", options=options) == job_id
    run_job(database, job_id, settings=settings)
    assert _status(database, job_id) == ("done", None)


def test_a_killed_process_lets_go_of_its_job(database: Database) -> None:
    job_id = _create(database)
    url = database.engine.url.render_as_string(hide_password=False)
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), url, str(job_id)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "at work\n"
        assert _status(database, job_id)[0] == "running"
        with pytest.raises(JobRunning), running_job(database, job_id):
            pass
        holder.send_signal(signal.SIGKILL)
    with database.session() as session:
        # The server sees the broken socket within moments.
        for _ in range(200):
            if not is_worked_on(session, job_id):
                break
            session.execute(text("SELECT pg_sleep(0.05)"))
    assert _status(database, job_id)[0] == "failed"
    with running_job(database, job_id):
        pass
    assert _status(database, job_id)[0] == "done"
