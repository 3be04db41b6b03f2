"""The fields of an address table and how their columns are recognised."""

from __future__ import annotations

import pandas as pd

from geo.errors import InvalidMapping
from geo.importers.mapping import SAMPLE_SHARE, ColumnMapping, FieldRule, share_matching
from geo.tables import ADDRESS_COMPONENTS

_NUMBER = r"^\s*[+-]?\d+(?:\.\d+)?\s*°?\s*$"
_DIVISION_OR_DOOR = r"[省市区县镇乡街路弄巷村号院楼幢栋]"


def _numbers(cells: pd.Series) -> bool:
    return share_matching(cells, _NUMBER) >= SAMPLE_SHARE


def _no_numbers(cells: pd.Series) -> bool:
    return share_matching(cells, _NUMBER) < SAMPLE_SHARE


def _address_texts(cells: pd.Series) -> bool:
    return share_matching(cells, _DIVISION_OR_DOOR) >= SAMPLE_SHARE and cells.str.len().mean() >= 6


def _lonlat_pairs(cells: pd.Series) -> bool:
    return share_matching(cells, _PAIR) >= SAMPLE_SHARE


_PAIR = r"^\s*[+-]?\d{1,3}(?:\.\d+)?\s*[,，;\s]\s*[+-]?\d{1,3}(?:\.\d+)?\s*$"


def _datum_suffixed(*names: str) -> tuple[str, ...]:
    """Each name bare and with the datum people write behind it (lon_bd09, lng_gcj02, …)."""
    datums = ("", "wgs84", "wgs", "84", "gcj02", "gcj", "bd09", "bd", "cgcs2000", "2000")
    return tuple(name + datum for datum in datums for name in names)


_LON = _datum_suffixed("lon", "lng", "longitude", "long", "经度", "x", "pointx", "xcoord", "x坐标")
_LAT = _datum_suffixed("lat", "latitude", "纬度", "y", "pointy", "ycoord", "y坐标")

ADDRESS_FIELDS: dict[str, FieldRule] = {
    "address_text": FieldRule(
        (
            "标准地址", "详细地址", "地址全称", "完整地址", "全地址", "地址", "地址描述", "住址",
            "详址", "通讯地址", "addresstext", "fulladdress", "standardaddress", "formattedaddress",
            "address", "addr", "dz", "dzmc", "bzdz", "xxdz",
        ),
        looks_right=_no_numbers,
        by_content=_address_texts,
    ),
    "lon": FieldRule((*_LON, "easting", "东坐标", "横坐标"), looks_right=_numbers),
    "lat": FieldRule((*_LAT, "northing", "北坐标", "纵坐标"), looks_right=_numbers),
    "lonlat": FieldRule(
        ("lonlat", "lnglat", "location", "坐标", "经纬度", "coordinates", "coordinate"),
        looks_right=_lonlat_pairs,
        by_content=_lonlat_pairs,
    ),
    "source_ref": FieldRule(
        (
            "sourceref", "地址编码", "标准地址编码", "地址id", "唯一编码", "唯一标识", "编号",
            "addressid", "addresscode", "dzbm", "id", "uid", "poiid", "fid", "objectid", "编码",
        ),
    ),
    "name": FieldRule(
        (
            "名称", "单位名称", "场所名称", "机构名称", "店名", "兴趣点", "兴趣点名称", "poi",
            "poiname", "pointofinterest", "name", "title", "mc",
        ),
        looks_right=_no_numbers,
    ),
    "alias": FieldRule(("别名", "曾用名", "俗称", "其他地址", "原地址", "alias", "aliases", "bm")),
    "accuracy_m": FieldRule(("精度", "精度米", "accuracy", "accuracym"), looks_right=_numbers),
    "datum": FieldRule(("坐标系", "坐标系统", "datum", "crs", "coordsys", "coordtype")),
    "province": FieldRule(("省", "省份", "省级", "province", "prov"), looks_right=_no_numbers),
    "city": FieldRule(("市", "城市", "地市", "地级市", "市级", "city"), looks_right=_no_numbers),
    "county": FieldRule(
        ("区县", "县区", "区", "县", "行政区", "县级", "所属区", "所属区县", "county", "district"),
        looks_right=_no_numbers,
    ),
    "township": FieldRule(
        ("街道", "乡镇", "镇街", "街镇", "乡镇街道", "街道乡镇", "township", "town", "subdistrict"),
        looks_right=_no_numbers,
    ),
    "development_zone": FieldRule(("开发区", "developmentzone"), looks_right=_no_numbers),
    "community": FieldRule(
        ("社区", "村", "社区村", "村社区", "居委会", "村居", "社区名称", "community", "village"),
        looks_right=_no_numbers,
    ),
    "village_group": FieldRule(("组", "村民小组", "小组", "villagegroup")),
    "road": FieldRule(
        ("路", "道路", "路街巷", "街路巷", "街路巷名称", "路名", "road", "street", "roadname"),
        looks_right=_no_numbers,
    ),
    "door": FieldRule(("门牌", "门牌号", "门牌号码", "门号", "door", "doorno", "housenumber")),
    "estate": FieldRule(
        ("小区", "小区名称", "院落", "小区院落", "楼盘", "estate", "compound"),
        looks_right=_no_numbers,
    ),
    "building": FieldRule(
        ("楼栋", "楼幢", "幢", "栋", "楼号", "幢号", "栋号", "楼栋号", "building")
    ),
    "entrance": FieldRule(("单元", "单元号", "梯", "entrance")),
    "floor": FieldRule(("楼层", "层", "层号", "floor")),
    "room": FieldRule(("室", "房号", "室号", "房间号", "户室", "房间", "room", "roomno")),
}  # fmt: skip


def check_address_mapping(mapping: ColumnMapping) -> None:
    """Refuse a mapping that can't make addresses.

    Raises
    ------
    InvalidMapping : no text and no component; or one coordinate without the other
    """
    unused = ", ".join(mapping.unused)[:300] or "none"
    if "address_text" not in mapping and not any(name in mapping for name in ADDRESS_COMPONENTS):
        raise InvalidMapping(
            f"No column holds an address. Columns left: {unused}. Name one, such as "
            "address_text=地址, or components such as road=路名."
        )
    if ("lon" in mapping) != ("lat" in mapping):
        found, missing = ("lon", "lat") if "lon" in mapping else ("lat", "lon")
        raise InvalidMapping(
            f"{found} is column “{mapping.get(found)}”, but no column holds {missing}. Columns "
            f"left: {unused}. Name it, or drop the other with {found}=."
        )
