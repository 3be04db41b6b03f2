"""Uploaded files: kept in the data folder until their job is done."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from geo.errors import DiskFull, FileTooLarge, InvalidFile
from geo.settings import Settings

BLOCK_BYTES = 1024 * 1024
STEM_CHARS_MAX = 60  # of up to four bytes each; a file system takes 255 bytes
SUFFIX_CHARS_MAX = 12
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A file as it lies in the data folder. `name` is the sender's, made harmless."""

    path: Path
    name: str
    sha256: str


def uploads_folder(settings: Settings) -> Path:
    """Return the folder of uploads, made if need be."""
    folder = settings.data_folder / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def store_upload(settings: Settings, file: BinaryIO, given_name: str | None) -> StoredUpload:
    """Write an upload to the data folder and return where it lies.

    Raises
    ------
    InvalidFile : it is empty
    FileTooLarge : it is over `settings.upload_max_mb`
    DiskFull
    """
    name = harmless_name(given_name)
    folder = uploads_folder(settings) / uuid4().hex
    cap = settings.upload_max_mb * MB
    digest, size_bytes = hashlib.sha256(), 0
    try:
        folder.mkdir()
        with (folder / name).open("xb") as out:
            while block := file.read(BLOCK_BYTES):
                size_bytes += len(block)
                if size_bytes > cap:
                    raise FileTooLarge(
                        f"{name} has more than {settings.upload_max_mb} MB. Split it, or raise "
                        "GRIDBEAT_UPLOAD_MAX_MB.",
                        max_bytes=cap,
                    )
                digest.update(block)
                out.write(block)
        if size_bytes == 0:
            raise InvalidFile(f"{name} is empty. Send a file with content.", file=name)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "The disk that holds the data folder is full. Nothing was stored. Free some space "
                "and try again."
            ) from None
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return StoredUpload(folder / name, name, digest.hexdigest())


def remove_upload(settings: Settings, path: Path) -> None:
    """Remove an upload and its folder; what lies elsewhere, or is gone already, is left alone."""
    if path.parent.parent == settings.data_folder / "uploads":
        shutil.rmtree(path.parent, ignore_errors=True)


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
