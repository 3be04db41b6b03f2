"""Reading a file with a large parser in a process of its own: limited, timed, unable to write.

The child (`geo.importers.reader_process`) opens the file and sends Arrow batches over a pipe, so
that a parser that is broken by a hostile file takes nothing down with it, and memory here stays
bounded by one batch.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from geo.errors import FileTooLarge, InvalidFile, InvalidInput, InvalidMapping
from geo.importers.upload_safety import GDAL_DRIVERS, FileKind, UploadLimits

ROW_COLUMN = "__row__"
GEOMETRY_COLUMN = "__geometry__"
FAULT_COLUMN = "__fault__"
READ_TASK, ROADS_TASK = "read", "roads"  # of OpenStreetMap files: what a map draws, or the roads
ERRORS: dict[str, type[InvalidInput]] = {
    error.__name__: error for error in (InvalidFile, FileTooLarge, InvalidMapping)
}
GDAL_KINDS = (FileKind.GEOPACKAGE, FileKind.GEOJSON, FileKind.SHAPEFILE, FileKind.KML)
STDERR_BYTES_MAX = 20_000


class IsolatedTable(Protocol):
    """What the child says about a table before its first batch, and its batches."""

    about: dict[str, Any]
    schema: pa.Schema

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


class _Reader:
    def __init__(self, stream: pa.ipc.RecordBatchStreamReader, pipe: _TimedPipe) -> None:
        self.schema = stream.schema
        self.about = json.loads(stream.schema.metadata[b"about"])
        self._stream = stream
        self._pipe = pipe

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._stream
        except (pa.ArrowInvalid, OSError) as error:
            raise self._pipe.failure() from error
        # The stream's end is only believed from a child that ended well.
        self._pipe.expect_success()


class _TimedPipe(io.RawIOBase):
    """The child's output, read with a time-out."""

    def __init__(self, child: subprocess.Popen[bytes], path: Path, limits: UploadLimits) -> None:
        assert child.stdout is not None and child.stderr is not None
        self.child = child
        self._fd = child.stdout.fileno()
        self._said = child.stderr
        self._path = path
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ready, _, _ = select.select([self._fd], [], [], self._limits.reader_silence_s)
        if not ready:
            raise InvalidFile(
                f"{self._path.name} took longer than {self._limits.reader_silence_s:g} s to read "
                "on. It may be hostile; export it anew, as CSV.",
                file=self._path.name,
            )
        data = os.read(self._fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def expect_success(self) -> None:
        if self.child.wait(timeout=self._limits.reader_silence_s) != 0:
            raise self.failure()

    def failure(self) -> InvalidInput:
        """The error the child reported, or one that says how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(timeout=5)
        self.child.kill()  # or reading what it said might wait for more
        lines = self._said.read(STDERR_BYTES_MAX).decode("utf-8", "replace").splitlines()
        for line in reversed(lines):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                return ERRORS[said["error"]](said["message"], file=self._path.name)
        return InvalidFile(
            f"{self._path.name} can't be read: its reader ended abruptly (code "
            f"{self.child.returncode}), over its {self._limits.reader_memory_mb} MB of memory or "
            f"{self._limits.reader_cpu_s} s, or broken by the file. Export it anew, as CSV.",
            file=self._path.name,
        )


@contextlib.contextmanager
def read_isolated(
    path: Path,
    kind: FileKind,
    *,
    limits: UploadLimits,
    batch_rows: int,
    table_name: str | None = None,
    task: str = READ_TASK,
) -> Iterator[IsolatedTable]:
    """Open a table of a file in a child process, to be iterated once.

    Raises
    ------
    InvalidFile, FileTooLarge, InvalidMapping : as the child says, or for how it ended
    """
    request = {
        "task": task,
        "path": str(path.resolve()),
        "kind": kind.value,
        "table_name": table_name,
        "batch_rows": batch_rows,
        "limits": asdict(limits),
    }
    # Its errors come by a pipe, too: a file it could not write to, not even a temporary one.
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "geo.importers.reader_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_child_environment(kind),
        cwd="/",
    )
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode())
            child.stdin.close()
        pipe = _TimedPipe(child, path, limits)
        try:
            stream = pa.ipc.open_stream(pa.PythonFile(io.BufferedReader(pipe, 1 << 20)))
        except (pa.ArrowInvalid, OSError) as error:
            raise pipe.failure() from error
        yield _Reader(stream, pipe)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def _child_environment(kind: FileKind) -> dict[str, str]:
    """Only what the parsers need; no setting, password or proxy of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = kept | {
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
    }
    if kind in GDAL_KINDS:
        environment |= {
            "GDAL_SKIP": ",".join(_refused_drivers()),
            "GDAL_NUM_THREADS": "1",
            "OGR_SQLITE_PRAGMA": "trusted_schema=OFF",
        }
    return environment


@functools.cache
def _refused_drivers() -> tuple[str, ...]:
    """Every installed GDAL driver that is not on our list; the child never registers them."""
    import pyogrio

    return tuple(name for name in pyogrio.list_drivers() if name not in GDAL_DRIVERS)
