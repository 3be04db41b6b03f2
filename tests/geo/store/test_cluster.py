"""The embedded cluster: kept between starts, shared by processes, not blocked by a crash."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from geo.errors import DatabaseUnavailable, DataFolderInUse, DiskFull, PostGISMissing
from geo.settings import Settings
from geo.store import cluster as cluster_module
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster, find_server_binaries, serving_alone
from geo.store.database import open_database

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the server's user may enter, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="gridbeat-cluster-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def settings_for(folder: Path) -> Settings:
    return Settings(data_folder=folder, database_url=None, pool_size=2)


def server_pid(folder: Path) -> int:
    return int((folder / "postgresql" / "postmaster.pid").read_text().splitlines()[0])


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended but nobody has waited for doesn't."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def hold_open(folder: str, opened: Event, leave: Event) -> None:
    with open_database(settings_for(Path(folder))):
        opened.set()
        leave.wait(60)


def test_second_start_finds_the_data_and_the_last_to_leave_stops_the_server(folder: Path) -> None:
    with open_database(settings_for(folder)) as database, database.session() as session:
        session.execute(text("INSERT INTO store_note (name, value) VALUES ('kept', '1')"))
        pid = server_pid(folder)
        assert is_alive(pid)
    assert not is_alive(pid)
    with open_database(settings_for(folder)) as database, database.session() as session:
        assert session.scalar(text("SELECT value FROM store_note WHERE name = 'kept'")) == 1


def test_two_processes_share_the_server(folder: Path) -> None:
    opened, leave = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=hold_open, args=(str(folder), opened, leave))
    other.start()
    try:
        assert opened.wait(60)
        with open_database(settings_for(folder)) as database:
            database.ping()
        assert is_alive(server_pid(folder))  # the other process still uses it
    finally:
        leave.set()
        other.join(60)
    assert other.exitcode == 0
    assert not (folder / "postgresql" / "postmaster.pid").exists()


def test_killed_program_and_killed_server_block_nothing(folder: Path) -> None:
    opened, leave = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=hold_open, args=(str(folder), opened, leave))
    other.start()
    assert opened.wait(60)
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join(60)
    pid = server_pid(folder)
    assert is_alive(pid)  # left behind: the next start uses it
    with open_database(settings_for(folder)) as database:
        database.ping()
        assert server_pid(folder) == pid
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        with pytest.raises(DatabaseUnavailable):
            database.ping()
    with open_database(settings_for(folder)) as database:
        database.ping()


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def test_a_killed_server_that_still_works_is_waited_for(folder: Path) -> None:
    """One of its processes, stopped here, holds its memory: no other may start beside it."""
    cluster = EmbeddedCluster(folder)
    with (
        cluster.running(),
        psycopg.connect(
            host=str(cluster.socket_folder), user=OWNER_ROLE, dbname="postgres"
        ) as asked,
    ):
        worker = asked.info.backend_pid
        os.kill(worker, signal.SIGSTOP)
        os.kill(server_pid(folder), signal.SIGKILL)
        ending = threading.Timer(2.0, os.kill, (worker, signal.SIGKILL))
        ending.start()
        with EmbeddedCluster(folder).running() as again:
            assert not is_alive(worker)
            assert answers(again)
        ending.join()


def test_pid_file_of_a_crash_whose_number_another_program_has(folder: Path) -> None:
    with open_database(settings_for(folder)):
        lines = (folder / "postgresql" / "postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getpid())
    stale = folder / "postgresql" / "postmaster.pid"
    stale.write_text("\n".join(lines) + "\n")
    shutil.chown(stale, *owner_of(folder / "postgresql"))
    of_socket = folder / "socket" / ".s.PGSQL.5432.lock"  # a killed server leaves this one, too
    of_socket.write_text("\n".join(lines[:5]) + "\n")
    shutil.chown(of_socket, *owner_of(folder / "postgresql"))
    with open_database(settings_for(folder)) as database:
        database.ping()


def owner_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def test_half_made_cluster_does_not_count(folder: Path) -> None:
    (folder / "postgresql.new" / "base").mkdir(parents=True)
    with open_database(settings_for(folder)) as database:
        database.ping()


def test_second_server_on_the_same_folder_is_refused(folder: Path) -> None:
    with serving_alone(folder):
        with pytest.raises(DataFolderInUse) as caught, serving_alone(folder):
            pass
        assert caught.value.owner == str(os.getpid())
    with serving_alone(folder):
        pass


def test_missing_postgis_names_the_command(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(cluster_module, "SERVER_FOLDERS", folder)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(PostGISMissing, match="apt-get install"):
        find_server_binaries()


def test_long_folder_names_get_a_short_socket(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with EmbeddedCluster(deep).running() as running:
        assert len(os.fsencode(running.socket_folder)) < 100
        shutil.rmtree(running.socket_folder, ignore_errors=True)


def test_folder_that_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    with (
        pytest.raises(DatabaseUnavailable, match="GRIDBEAT_DATA_FOLDER"),
        EmbeddedCluster(folder / "file" / "data").running(),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_full_disk_is_said(folder: Path) -> None:
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", str(small)],
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(DiskFull, match="MB are free"), EmbeddedCluster(small).running():
            pass
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_server_that_dies_alone_is_started_again(folder: Path) -> None:
    cluster = EmbeddedCluster(folder)
    pid_file = folder / "postgresql" / "postmaster.pid"

    def pid() -> int:
        try:
            return int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return 0

    with cluster.running(), cluster.kept_running(look_every_s=0.05):
        first = pid()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while pid() in (0, first) or not answers(cluster):
            assert time.monotonic() < deadline, "the server was not started again"
            time.sleep(0.05)
    assert not pid_file.exists()


def answers(cluster: EmbeddedCluster) -> bool:
    """Whether the server takes a question."""
    try:
        with psycopg.connect(
            host=str(cluster.socket_folder), user=OWNER_ROLE, dbname="postgres"
        ) as asked:
            return bool(asked.execute("SELECT 1").fetchone())
    except psycopg.OperationalError:
        return False
