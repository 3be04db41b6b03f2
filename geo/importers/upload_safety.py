"""What a file from outside must pass before anything reads it: kind, size, and what it unpacks to.

A file is judged by its content, never by its name or by the sizes it declares. Archives are
unpacked once into nothing, counting. Formats that need a large parser (GeoPackage, GeoJSON,
Shapefile, KML, XLSX, Parquet) are read in a process of their own, see `geo.importers.isolation`.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import FileTooLarge, InvalidFile

if TYPE_CHECKING:
    from geo.settings import Settings

MB = 1024 * 1024
HEAD_BYTES = 4096
HASH_BLOCK_BYTES = 4 * MB

# The only GDAL drivers that ever open a file here. No VRT (it names other files), no CSV (ours
# keeps row numbers), nothing that reaches the network.
GDAL_DRIVERS = ("GPKG", "GeoJSON", "ESRI Shapefile", "KML", "LIBKML")


class FileKind(enum.StrEnum):
    """What a file is, by its content."""

    DELIMITED = "delimited"
    JSON_LINES = "json_lines"
    GEOJSON = "geojson"
    XLSX = "xlsx"
    PARQUET = "parquet"
    GEOPACKAGE = "geopackage"
    SHAPEFILE = "shapefile"
    KML = "kml"
    OSM_PBF = "osm_pbf"
    OSM_XML = "osm_xml"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Caps on one file. Sizes in bytes, memory of the reading process in MB, times in seconds."""

    max_bytes: int = 512 * MB
    max_unpacked_bytes: int = 2048 * MB
    max_entries: int = 2_000
    max_ratio: float = 200.0
    """Unpacked size over packed size of one entry. Sheets reach some 40; a bomb 1,000."""
    ratio_free_bytes: int = 20 * MB
    """Below this unpacked size the ratio doesn't matter."""
    max_rows: int = 20_000_000
    max_columns: int = 1_000
    reader_memory_mb: int = 4_096
    reader_cpu_s: int = 900
    reader_silence_s: float = 120.0
    """How long the reading process may take from one batch to the next."""

    @classmethod
    def from_settings(cls, settings: Settings) -> UploadLimits:
        return cls(
            max_bytes=settings.upload_max_mb * MB,
            max_unpacked_bytes=settings.unpacked_max_mb * MB,
        )


def check_file(path: Path, *, limits: UploadLimits) -> FileKind:
    """Return the kind of a file after the checks that cost nothing.

    OpenStreetMap's kinds are not among them: only the base map takes those.

    Raises
    ------
    InvalidFile : as `check_ordinary_file`, or a kind that is not taken
    FileTooLarge : over `limits.max_bytes`
    """
    check_ordinary_file(path, limits=limits)
    return sniff_kind(path)


def check_ordinary_file(path: Path, *, limits: UploadLimits) -> None:
    """Refuse what is no file of bearable size, before its content is looked at.

    Raises
    ------
    InvalidFile : not an ordinary file, empty, or a path GDAL reads as a virtual one
    FileTooLarge : over `limits.max_bytes`
    """
    refuse_virtual_path(path)
    try:
        found = path.stat()
    except OSError as error:
        raise InvalidFile(
            f"{path.name} can't be read: {error.strerror}. Check the path.", file=path.name
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidFile(f"{path.name} is no ordinary file. Give a file.", file=path.name)
    if found.st_size > limits.max_bytes:
        raise FileTooLarge(
            f"{path.name} has {found.st_size / MB:.0f} MB, at most {limits.max_bytes / MB:.0f} MB "
            "are taken. Split it, or raise GRIDBEAT_UPLOAD_MAX_MB.",
            file=path.name,
            size_bytes=found.st_size,
            max_bytes=limits.max_bytes,
        )
    if found.st_size == 0:
        raise InvalidFile(f"{path.name} is empty.", file=path.name)


def refuse_virtual_path(path: Path) -> None:
    """Refuse the path prefixes by which GDAL reads from memory, archives or the network.

    Raises
    ------
    InvalidFile : such a path
    """
    text = str(path)
    if re.match(r"^/+vsi", text, re.IGNORECASE) or re.match(r"^[A-Za-z]{2,}:", text):
        raise InvalidFile(f"“{text[:60]}” is a virtual path. Give a file of this machine.")


def sniff_kind(path: Path) -> FileKind:
    """Return what a file is by its first bytes (and, for archives, by what it lists).

    Raises
    ------
    InvalidFile : a kind that is not taken
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        from geo.importers.archives import is_workbook  # which builds on this module

        return FileKind.XLSX if is_workbook(path) else FileKind.ARCHIVE
    if head.startswith(b"SQLite format 3\x00"):
        return FileKind.GEOPACKAGE
    if head.startswith(b"PAR1"):
        return FileKind.PARQUET
    if head.startswith(b"\x00\x00\x27\x0a"):
        return FileKind.SHAPEFILE
    for magic, name, remedy in _REFUSED:
        if head.startswith(magic):
            raise InvalidFile(f"{path.name} is {name}. {remedy}", file=path.name)
    return _text_kind(path, head)


_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Excel file", "Save it as XLSX without a password."),
    (b"%PDF", "a PDF", "Give the table it was made from."),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first."),
    (b"Rar!", "a RAR archive", "Unpack it first."),
    (b"\xff\xd8\xff", "a picture", "Give a table."),
    (b"\x89PNG", "a picture", "Give a table."),
    (b"\x7fELF", "a program", "Give a table."),
)


def _text_kind(path: Path, head: bytes) -> FileKind:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        if b"<kml" in text and b"<!ENTITY" not in text:
            return FileKind.KML
        raise InvalidFile(
            f"{path.name} is XML or HTML other than KML. Give CSV, XLSX, GeoJSON, GeoPackage, "
            "Parquet, Shapefile or KML.",
            file=path.name,
        )
    if text.startswith(b"{"):
        return FileKind.GEOJSON if _is_geojson(text) else FileKind.JSON_LINES
    if text.startswith(b"["):
        raise InvalidFile(
            f"{path.name} is one JSON array. Write one object a line (JSON lines) instead.",
            file=path.name,
        )
    return FileKind.DELIMITED


def _is_geojson(text: bytes) -> bool:
    first_line = text.split(b"\n", 1)[0]
    try:
        # A whole object on the first line, of no GeoJSON type, is a line of JSON lines.
        first = json.loads(first_line)
    except ValueError:
        return re.search(rb'"(?:type|features|coordinates|crs)"\s*:', text) is not None
    return isinstance(first, dict) and first.get("type") in {"FeatureCollection", "Feature"}


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
