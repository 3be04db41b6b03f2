"""ZIP archives and workbooks: counted before they are unpacked, and again while they are."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from geo.errors import FileTooLarge, InvalidFile
from geo.importers.upload_safety import MB, UploadLimits

BLOCK_BYTES = 256 * 1024
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
NESTED = (".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".xlsx", ".kmz", ".jar")
ENCRYPTED_FLAG = 0x1
LOCAL_HEADER_BYTES = 30


def is_workbook(path: Path) -> bool:
    """Whether a ZIP file is an XLSX workbook."""
    with _opened(path) as archive:
        return "xl/workbook.xml" in archive.namelist()


def check_archive(
    path: Path,
    *,
    limits: UploadLimits,
    on_block: Callable[[str, bytes], None] | None = None,
) -> list[zipfile.ZipInfo]:
    """Return the entries of an archive that keeps to `limits`; nothing is written.

    First what it declares (entries, names, kinds, sizes, ratios, nesting), then each entry is
    really unpacked and counted, because declared sizes lie.

    Parameters
    ----------
    on_block : told the name and the unpacked bytes of each block on the way

    Raises
    ------
    InvalidFile : damaged, encrypted, nested, a symlink, a name that leaves its folder, or an
        entry that unpacks to another size than it declares
    FileTooLarge : too many entries, too large, or packed too tightly to be honest
    """
    with _opened(path) as archive, path.open("rb") as file:
        entries = archive.infolist()
        _check_declared(path, entries, limits)
        for entry in entries:
            size = 0
            for block in _unpacked_blocks(path, file, entry):
                size += len(block)
                if size > entry.file_size:
                    raise InvalidFile(
                        f"{path.name} is damaged or hostile: its entry {entry.filename[:80]} "
                        f"declares {entry.file_size} bytes and unpacks to more. Pack it anew.",
                        file=path.name,
                    )
                if on_block is not None:
                    on_block(entry.filename, block)
            if size != entry.file_size:
                raise InvalidFile(
                    f"{path.name} is damaged: its entry {entry.filename[:80]} ends after {size} "
                    f"of {entry.file_size} bytes. Fetch it again.",
                    file=path.name,
                )
    return entries


def unpack_archive(
    path: Path, folder: Path, *, limits: UploadLimits, suffixes: frozenset[str]
) -> list[Path]:
    """Unpack the entries with one of these suffixes flat into `folder`; return their paths.

    Raises
    ------
    InvalidFile, FileTooLarge : as `check_archive`; or two entries of one name
    """
    entries = check_archive(path, limits=limits)
    written: list[Path] = []
    with path.open("rb") as file:
        for entry in entries:
            name = PurePosixPath(entry.filename).name
            if entry.is_dir() or PurePosixPath(name).suffix.lower() not in suffixes:
                continue
            target = folder / name
            if target.exists():
                raise InvalidFile(
                    f"{path.name} holds {name[:80]} twice. Pack one set of files.", file=path.name
                )
            with target.open("xb") as out:
                for block in _unpacked_blocks(path, file, entry):
                    out.write(block)
            written.append(target)
    return written


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidFile(
            f"{path.name} is half a file or damaged: its list of contents can't be read. Fetch it "
            "again.",
            file=path.name,
        ) from error


def _check_declared(path: Path, entries: list[zipfile.ZipInfo], limits: UploadLimits) -> None:
    if len(entries) > limits.max_entries:
        raise FileTooLarge(
            f"{path.name} holds {len(entries)} entries, at most {limits.max_entries} are taken.",
            file=path.name,
        )
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_unpacked_bytes:
        raise FileTooLarge(
            f"{path.name} unpacks to {total / MB:.0f} MB, at most "
            f"{limits.max_unpacked_bytes / MB:.0f} MB are taken. Split it, or raise "
            "GRIDBEAT_UNPACKED_MAX_MB.",
            file=path.name,
            size_bytes=total,
        )
    for entry in entries:
        _check_name(path, entry)
        if entry.file_size > max(limits.ratio_free_bytes, limits.max_ratio * entry.compress_size):
            raise FileTooLarge(
                f"{path.name} looks like a ZIP bomb: its entry {entry.filename[:80]} unpacks "
                f"{entry.compress_size} bytes to {entry.file_size}. Pack it anew with an ordinary "
                "program.",
                file=path.name,
            )


def _check_name(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    fault = None
    if "\x00" in name or "\\" in name or name.startswith("/") or ":" in name:
        fault = "has a path of its own"
    elif ".." in PurePosixPath(name).parts:
        fault = "leaves its folder (..)"
    elif stat.S_ISLNK(entry.external_attr >> 16):
        fault = "is a symbolic link"
    elif entry.flag_bits & ENCRYPTED_FLAG:
        fault = "is encrypted"
    elif entry.compress_type not in (STORED, DEFLATED):
        fault = "is packed by a rare method"
    elif name.lower().endswith(NESTED):
        fault = "is an archive inside the archive"
    if fault is not None:
        raise InvalidFile(
            f"{path.name} is not taken: its entry {name[:80]!r} {fault}. Pack the plain files.",
            file=path.name,
        )


def _unpacked_blocks(path: Path, file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what an entry really holds, without believing its declared size."""
    file.seek(entry.header_offset)
    header = file.read(LOCAL_HEADER_BYTES)
    if len(header) < LOCAL_HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
        raise InvalidFile(
            f"{path.name} is damaged: an entry isn't where its list says. Fetch it again.",
            file=path.name,
        )
    file.seek(int.from_bytes(header[26:28], "little"), 1)
    file.seek(int.from_bytes(header[28:30], "little"), 1)
    left = entry.compress_size
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if entry.compress_type == DEFLATED else None
    while left > 0:
        packed = file.read(min(BLOCK_BYTES, left))
        if not packed:
            return
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while not unpacker.eof:
            try:
                block = unpacker.decompress(packed, BLOCK_BYTES)
            except zlib.error as error:
                raise InvalidFile(
                    f"{path.name} is damaged: its entry {entry.filename[:80]} can't be unpacked. "
                    "Fetch it again.",
                    file=path.name,
                ) from error
            if block:
                yield block
            packed = unpacker.unconsumed_tail
            if not packed and len(block) < BLOCK_BYTES:
                break
