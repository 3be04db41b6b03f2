"""What a hostile or broken file gets: a clear error, quickly, and nothing written."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from geo.errors import FileTooLarge, InvalidFile
from geo.importers.archives import check_archive, unpack_archive
from geo.importers.upload_safety import (
    FileKind,
    UploadLimits,
    check_file,
    refuse_virtual_path,
    sha256_of_file,
)

LIMITS = UploadLimits()
SMALL = UploadLimits(max_bytes=1000, max_unpacked_bytes=50_000, ratio_free_bytes=10_000)


def _zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"a,b\n1,2\n", FileKind.DELIMITED),
        ("地址\n测试路1号\n".encode("gb18030"), FileKind.DELIMITED),
        (b'\xef\xbb\xbf{"a": 1}\n', FileKind.JSON_LINES),
        (b'{"type": "FeatureCollection", "features": []}', FileKind.GEOJSON),
        (b'{\n "features": [\n', FileKind.GEOJSON),
        (b'{"type": "shop", "address": "x"}\n', FileKind.JSON_LINES),
        (b"SQLite format 3\x00rest", FileKind.GEOPACKAGE),
        (b"PAR1rest", FileKind.PARQUET),
        (b"\x00\x00\x27\x0arest", FileKind.SHAPEFILE),
        (b"<?xml version='1.0'?><kml></kml>", FileKind.KML),
    ],
)
def test_the_kind_is_told_by_content_not_by_name(
    tmp_path: Path, data: bytes, kind: FileKind
) -> None:
    assert check_file(_written(tmp_path / "data.csv", data), limits=LIMITS) is kind


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0old", "old or encrypted Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8bgz", "gzip"),
        (b"<OGRVRTDataSource/>", "XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><kml/>', "XML"),
        (b"[1, 2]", "JSON array"),
        (b"PK\x03\x04cut", "half a file"),
    ],
)
def test_what_is_not_taken_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(InvalidFile, match=said):
        check_file(_written(tmp_path / "data.csv", data), limits=LIMITS)


def test_a_missing_file_a_folder_and_a_large_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="can't be read"):
        check_file(tmp_path / "nothing.csv", limits=LIMITS)
    with pytest.raises(InvalidFile, match="no ordinary file"):
        check_file(tmp_path, limits=LIMITS)
    with pytest.raises(FileTooLarge) as caught:
        check_file(_written(tmp_path / "large.csv", b"x" * 1001), limits=SMALL)
    assert caught.value.size_bytes == 1001


@pytest.mark.parametrize(
    "path", ["/vsizip/a.zip/x.csv", "/VSICURL/http://x/y", "//vsimem/x", "GPKG:/tmp/x.gpkg"]
)
def test_virtual_paths_of_gdal_are_refused(path: str) -> None:
    with pytest.raises(InvalidFile, match="virtual path"):
        refuse_virtual_path(Path(path))


def test_an_honest_archive_passes_and_is_unpacked(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"in/x.shp": b"shape", "in/x.dbf": b"table", "read.me": b"no"})
    written = unpack_archive(path, tmp_path, limits=LIMITS, suffixes=frozenset({".shp", ".dbf"}))
    assert {file.name: file.read_bytes() for file in written} == {
        "x.shp": b"shape",
        "x.dbf": b"table",
    }
    assert check_file(path, limits=LIMITS) is FileKind.ARCHIVE


def test_a_zip_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = _zip(tmp_path / "bomb.zip", {"zeros.csv": bytes(60_000_000)})
    with pytest.raises(FileTooLarge, match="ZIP bomb"):
        check_archive(path, limits=LIMITS)


def test_the_sum_of_sizes_and_the_number_of_entries_are_capped(tmp_path: Path) -> None:
    many = _zip(tmp_path / "sum.zip", {f"{n}.csv": bytes(9_000) for n in range(9)})
    with pytest.raises(FileTooLarge, match="unpacks to"):
        check_archive(many, limits=SMALL)
    entries = _zip(tmp_path / "n.zip", {f"{n}.csv": b"x" for n in range(12)})
    with pytest.raises(FileTooLarge, match="12 entries"):
        check_archive(entries, limits=UploadLimits(max_entries=10))


@pytest.mark.parametrize("declared", [10, 10_000_000])
def test_a_declared_size_that_lies_is_found_out(tmp_path: Path, declared: int) -> None:
    data = bytes(range(256)) * 400
    path = _zip(tmp_path / "lie.zip", {"x.csv": data})
    raw = bytearray(path.read_bytes())
    true = struct.pack("<I", len(data))
    central = raw.rindex(b"PK\x01\x02")
    at = raw.index(true, central)
    raw[at : at + 4] = struct.pack("<I", declared)
    path.write_bytes(raw)
    with pytest.raises((InvalidFile, FileTooLarge)):
        check_archive(path, limits=LIMITS)


@pytest.mark.parametrize("name", ["../x.csv", "/etc/x.csv", "a\\..\\x.csv", "C:x.csv", "in.zip"])
def test_names_that_leave_the_folder_and_nested_archives_are_refused(
    tmp_path: Path, name: str
) -> None:
    path = _zip(tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(InvalidFile, match="is not taken"):
        unpack_archive(path, tmp_path, limits=LIMITS, suffixes=frozenset({".csv"}))
    assert not (tmp_path.parent / "x.csv").exists()


def test_symbolic_links_in_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("x.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidFile, match="symbolic link"):
        check_archive(path, limits=LIMITS)


def test_a_cut_or_corrupted_archive_is_damaged(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"x.csv": zlib.compress(bytes(range(256)) * 50) * 40})
    data = path.read_bytes()
    with pytest.raises(InvalidFile, match="half a file"):
        check_archive(_written(tmp_path / "cut.zip", data[: len(data) // 2]), limits=LIMITS)
    raw = bytearray(data)
    raw[60:90] = bytes(30)
    with pytest.raises(InvalidFile, match="damaged"):
        check_archive(_written(tmp_path / "bad.zip", bytes(raw)), limits=LIMITS)


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    # SHA-256 of "abc", FIPS 180-4, example B.1.
    path = _written(tmp_path / "abc", b"abc")
    assert sha256_of_file(path).startswith("ba7816bf8f01cfea414140de5dae2223")
