"""The embedded PostgreSQL: a private cluster in the data folder, on a Unix socket only.

Several processes may use one cluster at a time (`gridbeat run` in one terminal, `gridbeat
geocode` in another). Each holds a shared lock while it does; the last to leave stops the server.
Locks are the kernel's, so a killed process holds none, and a server it left behind is found
running and used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from geo.errors import (
    DatabaseUnavailable,
    DataFolderInUse,
    DiskFull,
    PlatformError,
    PostGISMissing,
)

log = structlog.get_logger(__name__)

OWNER_ROLE = "gridbeat"
APPLICATION_ROLE = "gridbeat_app"
DATABASE_NAME = "gridbeat"
SERVER_FOLDERS = Path("/usr/lib/postgresql")  # where Debian puts each version
SOCKET_PATH_MAX = 90  # bytes; Linux allows 107 with the socket's own name, see unix(7)
LOOK_EVERY_S = 0.5  # whether the server is still there
BUSY_MAX_S = 60.0  # how long what a killed server left behind is waited for
# What PostgreSQL says where a killed one still has processes, or another is starting it.
BUSY_WORDS = ("pre-existing shared memory block", '" already exists')
DISK_MIN_MB = 200  # a new cluster takes 65 MB; below this a start would only fail later
INSTALL_COMMAND = "apt-get install -y --no-install-recommends postgresql-15 postgresql-15-postgis-3"

SERVER_SETTINGS = {
    "listen_addresses": "''",
    "fsync": "on",
    "max_connections": "60",
    "shared_buffers": "'256MB'",
    "work_mem": "'32MB'",
    "maintenance_work_mem": "'256MB'",
    "effective_cache_size": "'1GB'",
    "max_wal_size": "'2GB'",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than it saves on queries of milliseconds
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_destination": "'stderr'",
    # Values must not reach the log: addresses and names are personal data.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "'terse'",
}


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """Where a PostgreSQL with PostGIS is installed."""

    folder: Path
    version: int


def find_server_binaries() -> ServerBinaries:
    """Return the newest installed PostgreSQL that has PostGIS.

    Raises
    ------
    PostGISMissing : there is none; `remedy` is the command that installs it
    """
    found = []
    for folder in SERVER_FOLDERS.glob("*/bin"):
        version = folder.parent.name
        control = Path("/usr/share/postgresql") / version / "extension" / "postgis.control"
        if version.isdigit() and (folder / "initdb").exists() and control.exists():
            found.append(ServerBinaries(folder, int(version)))
    on_path = shutil.which("initdb")
    if not found and on_path:
        folder = Path(on_path).resolve().parent
        shown = subprocess.run(
            [folder / "pg_config", "--sharedir", "--version"], capture_output=True, text=True
        )
        lines = shown.stdout.splitlines()
        if len(lines) == 2 and (Path(lines[0]) / "extension" / "postgis.control").exists():
            found.append(ServerBinaries(folder, int(lines[1].split()[1].split(".")[0])))
    if not found:
        raise PostGISMissing(
            "PostgreSQL with PostGIS is not installed (looked in /usr/lib/postgresql/*/bin and on "
            f"PATH). Install it with: {INSTALL_COMMAND} — or name a server of your own in "
            "GRIDBEAT_DATABASE_URL.",
            remedy=INSTALL_COMMAND,
        )
    return max(found, key=lambda binaries: binaries.version)


class EmbeddedCluster:
    """A private cluster below `folder`.

    >>> with EmbeddedCluster(folder).running() as url:
    ...     ...
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "postgresql"
        self.log_file = folder / "postgresql.log"
        self._binaries: ServerBinaries | None = None

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: in the data folder, or a short private one in /tmp."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
            return inside
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(f"/tmp/gridbeat-{os.geteuid()}-{digest}")  # noqa: S108 - made 0700 and checked

    def url(self, role: str, database: str = DATABASE_NAME) -> str:
        """The SQLAlchemy URL by which `role` reaches `database`."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.socket_folder}"

    @contextlib.contextmanager
    def running(self) -> Iterator[EmbeddedCluster]:
        """Use the cluster: made if absent, started if stopped, stopped by the last who leaves.

        Raises
        ------
        PostGISMissing, DiskFull, DatabaseUnavailable, DataFolderInUse
        """
        self._make_folders()
        with self._lock_file("users.lock") as users:
            with self._lock_file("start.lock") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start_when_free()
            try:
                yield self
            finally:
                with self._lock_file("start.lock") as starting:
                    fcntl.flock(starting, fcntl.LOCK_EX)
                    try:
                        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        log.debug("cluster.left_running", folder=str(self.folder))
                    else:
                        self._stop()

    @contextlib.contextmanager
    def kept_running(self, *, look_every_s: float = LOOK_EVERY_S) -> Iterator[None]:
        """Start the server again where it dies by itself, while the context is open.

        For a program that serves for long, within `running`. Until it is up again questions are
        answered with DatabaseUnavailable.
        """
        leaving = threading.Event()

        def watch() -> None:
            while not leaving.wait(look_every_s):
                if not self._is_alive():
                    self._start_again(leaving)

        watcher = threading.Thread(target=watch, name="postgresql-watcher", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            leaving.set()
            watcher.join()

    def _start_again(self, leaving: threading.Event) -> None:
        try:
            with self._lock_file("start.lock") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                if not leaving.is_set():
                    self._start()
        except PlatformError as error:
            # Those of its processes that are still busy hold its memory: at the next look.
            log.warning("cluster.not_started_again", error=type(error).__name__)
        else:
            log.warning("cluster.started_again")

    # -- folders and locks

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The data folder {self.folder} can't be made: {error.strerror}. Name another in "
                "GRIDBEAT_DATA_FOLDER, or make this one and give it to you."
            ) from None
        if self.socket_folder.is_symlink() or self.socket_folder.stat().st_uid not in {
            os.geteuid(),
            self._server_user().pw_uid,
        }:
            raise DataFolderInUse(
                f"{self.socket_folder} belongs to somebody else. Remove it, or name another "
                "GRIDBEAT_DATA_FOLDER.",
                owner=self.socket_folder.stat().st_uid,
            )

    def _lock_file(self, name: str) -> IO[bytes]:
        try:
            return (self.folder / name).open("ab")
        except OSError as error:
            raise DatabaseUnavailable(
                f"The data folder {self.folder} can't be written: {error.strerror}. It may belong "
                "to another user; name another in GRIDBEAT_DATA_FOLDER."
            ) from None

    # -- the server's programs

    def _server_user(self) -> pwd.struct_passwd:
        """The user the server runs as: this one, or `postgres` for root, whom it refuses."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return pwd.getpwnam("nobody")

    def _program(self, name: str, *words: str | Path, check: bool = True) -> int:
        if self._binaries is None:
            self._binaries = find_server_binaries()
        command: list[str | Path] = [self._binaries.folder / name, *words]
        user = self._server_user()
        if os.geteuid() == 0:
            command = [
                "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                *command,
            ]  # fmt: skip
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PG")
        }
        with (self.folder / "commands.log").open("wb") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment | {"LC_ALL": "C.UTF-8"},
            )
        if check and done.returncode != 0:
            self._raise_start_failure(name)
        return done.returncode

    def _raise_start_failure(self, program: str) -> None:
        said = ""
        for file in (self.log_file, self.folder / "commands.log"):
            with contextlib.suppress(OSError):
                lines = file.read_text(errors="replace").splitlines()
                said += "\n".join(lines[-5:]) + "\n"
        if "No space left" in said:
            raise DiskFull(
                f"The disk that holds {self.folder} is full. Free some space and start again; "
                "what was committed is safe."
            )
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL did not come up ({program}). Its last words, from "
            f"{self.log_file}:\n{said.strip()}"
        )

    # -- start and stop

    def _start_when_free(self) -> None:
        """Start, and wait for what a killed server has left behind."""
        until = time.monotonic() + BUSY_MAX_S
        while True:
            try:
                return self._start()
            except DatabaseUnavailable as error:
                is_busy = any(words in error.message for words in BUSY_WORDS)
                if not is_busy or time.monotonic() > until:
                    raise
            log.warning("cluster.busy", folder=str(self.folder))
            time.sleep(LOOK_EVERY_S)

    def _start(self) -> None:
        free_mb = shutil.disk_usage(self.folder).free / 1e6
        if free_mb < DISK_MIN_MB:
            raise DiskFull(
                f"{free_mb:.0f} MB are free where {self.folder} lies, wanted {DISK_MIN_MB} at "
                "least. Free some space, or name another GRIDBEAT_DATA_FOLDER."
            )
        user = self._server_user()
        if os.geteuid() == 0:
            os.chown(self.socket_folder, user.pw_uid, user.pw_gid)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user)
        self._check_version()
        if self._answers():
            return
        self._free_pid_file()
        self.log_file.touch()
        if os.geteuid() == 0:
            os.chown(self.log_file, user.pw_uid, user.pw_gid)
        started = time.monotonic()
        self._program(
            "pg_ctl", "start", "-w", "-t", "60", "-D", self.data, "-l", self.log_file,
            "-o", f"-c unix_socket_directories={self.socket_folder}",
        )  # fmt: skip
        log.debug("cluster.started", seconds=round(time.monotonic() - started, 2))

    def _initialise(self, user: pwd.struct_passwd) -> None:
        """Make the cluster aside and move it into place, so that half a cluster never counts."""
        fresh = self.folder / "postgresql.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(fresh, user.pw_uid, user.pw_gid)
            self._let_through(user)
        # C.UTF-8: under plain C, pg_trgm splits Chinese into nothing.
        self._program(
            "initdb", "-D", fresh, "-U", OWNER_ROLE, "-E", "UTF8", "--locale=C.UTF-8",
            "--data-checksums", "--auth=trust", "--no-instructions",
        )  # fmt: skip
        with (fresh / "postgresql.conf").open("a") as file:
            file.write("\n# GridBeat\n")
            file.writelines(f"{name} = {value}\n" for name, value in SERVER_SETTINGS.items())
        fresh.rename(self.data)

    def _let_through(self, user: pwd.struct_passwd) -> None:
        """Refuse early where root's data folder lies in a place the server's user can't enter."""
        reached = subprocess.run(
            ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
             "test", "-x", str(self.folder)],
            check=False,
        )  # fmt: skip
        if reached.returncode != 0:
            raise DatabaseUnavailable(
                f"PostgreSQL runs as user {user.pw_name}, who may not enter {self.folder}. Name "
                "another GRIDBEAT_DATA_FOLDER, such as /var/lib/gridbeat."
            )

    def _check_version(self) -> None:
        made_by = int((self.data / "PG_VERSION").read_text().strip())
        if self._binaries is None:
            self._binaries = find_server_binaries()
        if made_by == self._binaries.version:
            return
        folder = SERVER_FOLDERS / str(made_by) / "bin"
        if not (folder / "pg_ctl").exists():
            raise DatabaseUnavailable(
                f"{self.data} was made by PostgreSQL {made_by}, installed is "
                f"{self._binaries.version}. Install PostgreSQL {made_by} again, or move the data "
                "with pg_upgrade."
            )
        self._binaries = ServerBinaries(folder, made_by)

    def _free_pid_file(self) -> None:
        """Give the pid file of a crash a number that nobody has: another program may have its own.

        The file stays: by its other lines PostgreSQL knows the memory of the server that was, and
        refuses to start beside processes of that one which still write.
        """
        with contextlib.suppress(OSError):  # the socket's, in a folder that only this server uses
            (self.socket_folder / ".s.PGSQL.5432.lock").unlink()
        file = self.data / "postmaster.pid"
        with contextlib.suppress(OSError):
            lines = file.read_text().splitlines()
            ended = subprocess.Popen(["true"])
            ended.wait()
            file.write_text("\n".join([str(ended.pid), *lines[1:]]) + "\n")

    def _answers(self) -> bool:
        """Whether it runs, and takes questions: another program may be starting it just now."""
        until = time.monotonic() + BUSY_MAX_S
        while self._is_alive():
            if not self._program("pg_isready", "-q", "-h", self.socket_folder, check=False):
                return True
            if time.monotonic() > until:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL in {self.data} runs, but takes no questions. See "
                    f"{self.log_file}."
                )
            time.sleep(0.1)
        return False

    def _is_alive(self) -> bool:
        """Whether the server runs: its pid file names a PostgreSQL that isn't dead."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            # pid (command) state …; a dead one that nobody has buried yet is in the state Z
            command, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(") ")
        except (OSError, ValueError, IndexError):
            return False
        return "(postgres" in command and not rest.startswith(("Z", "X"))

    def _stop(self) -> None:
        self._program(
            "pg_ctl", "stop", "-w", "-t", "60", "-m", "fast", "-D", self.data, check=False
        )


@contextlib.contextmanager
def serving_alone(folder: Path) -> Iterator[None]:
    """Hold the data folder as its one server.

    Raises
    ------
    DataFolderInUse : another `gridbeat run` serves from it; `owner` is its process id
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "serve.lock"
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().decode(errors="replace").strip() or "unknown"
            raise DataFolderInUse(
                f"{folder} is served already, by process {owner}. Stop that one, or give this one "
                "another GRIDBEAT_DATA_FOLDER and GRIDBEAT_PORT.",
                owner=owner,
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield
