"""Uploaded files: kept in the data folder until their job is done."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from fastapi import UploadFile

from geo.errors import DiskFull, FileTooLarge, InvalidFile
from geo.settings import Settings

UPLOADS = "uploads"
HALF = "new-"  # begins the folder of a file that is still coming in
BLOCK_BYTES = 1024 * 1024
STEM_CHARS_MAX = 60  # of up to four bytes each; a file system takes 255 bytes
SUFFIX_CHARS_MAX = 12
MB = 1024 * 1024


class StoredUpload:
    """A file as it lies in the data folder, under the sender's name made harmless."""

    def __init__(self, path: Path, is_new: bool) -> None:
        self.path = path
        self.is_kept = not is_new

    def keep(self) -> None:
        """Let a job have it."""
        self.is_kept = True


@contextlib.contextmanager
def stored_upload(
    settings: Settings, file: UploadFile, kind: str, options: Mapping[str, Any]
) -> Iterator[StoredUpload]:
    """Write an upload to the data folder; at the end it goes away again unless it was kept.

    The same content, kind and options lie in the same place, so that sending a file again goes on
    with its unfinished import.

    Raises
    ------
    InvalidFile : it is empty
    FileTooLarge : it is over `settings.upload_max_mb`
    DiskFull
    """
    uploads = settings.data_folder / UPLOADS
    fresh = uploads / f"{HALF}{uuid4().hex}"
    try:
        fresh.mkdir(parents=True)
        name = harmless_name(file.filename)
        digest = _write(file.file, fresh / name, settings)
        asked = json.dumps([digest, name, kind, options], sort_keys=True)
        folder = uploads / hashlib.sha256(asked.encode()).hexdigest()[:32]
        is_new = not folder.exists()
        if is_new:
            fresh.rename(folder)
        upload = StoredUpload(folder / name, is_new)
        try:
            yield upload
        finally:
            if not upload.is_kept:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "The disk that holds the data folder is full. Nothing was stored. Free some space "
                "and try again."
            ) from None
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def clear_half_uploads(settings: Settings) -> None:
    """Remove what a crash left of uploads that never became jobs; before the server takes any."""
    for folder in (settings.data_folder / UPLOADS).glob(f"{HALF}*"):
        shutil.rmtree(folder, ignore_errors=True)


def remove_upload(settings: Settings, path: Path) -> None:
    """Remove a kept upload; what lies elsewhere, or is gone already, is left alone."""
    if path.parent.parent == (settings.data_folder / UPLOADS).resolve():
        shutil.rmtree(path.parent, ignore_errors=True)


def _write(file: BinaryIO, path: Path, settings: Settings) -> str:
    """Write a file, counting; return the digest of its content."""
    cap = settings.upload_max_mb * MB
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("xb") as out:
        while block := file.read(BLOCK_BYTES):
            size_bytes += len(block)
            if size_bytes > cap:
                raise FileTooLarge(
                    f"{path.name} has more than {settings.upload_max_mb} MB. Split it, or raise "
                    "GRIDBEAT_UPLOAD_MAX_MB.",
                    max_bytes=cap,
                )
            digest.update(block)
            out.write(block)
    if size_bytes == 0:
        raise InvalidFile(f"{path.name} is empty. Send a file with content.", file=path.name)
    return digest.hexdigest()


def harmless_name(given: str | None) -> str:
    """Return a sender's file name without folders, control characters and leading dots.

    >>> harmless_name("..\\\\..\\\\etc/标准 地址.csv")
    '标准 地址.csv'
    """
    last = re.split(r"[/\\]", given or "")[-1]
    printable = [sign for sign in last if sign == " " or unicodedata.category(sign)[0] not in "CZ"]
    name = Path("".join(printable).strip(" .") or "upload")
    stem, suffix = name.stem[:STEM_CHARS_MAX], name.suffix[:SUFFIX_CHARS_MAX]
    return f"{stem}{suffix}"
