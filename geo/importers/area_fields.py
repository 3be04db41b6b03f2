"""The fields of an area file, how their columns are recognised, and their values read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from geo.area_writes import AreaDraft
from geo.codes import AreaCode, CodeStandard, parse_area_code, parse_own_area_code
from geo.errors import InvalidCode, InvalidMapping
from geo.importers.failures import Failure
from geo.importers.mapping import ColumnMapping, FieldRule
from geo.tables import AREA_LEVELS

NAME_MAX = 100  # characters
_SEPARATORS = re.compile(r"[、，,;；|]+")
_DATE = re.compile(
    r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T]0{1,2}:00(?::00(?:\.0+)?)?)?"
)

LEVEL_WORDS = {
    "province": "province", "省": "province", "省级": "province", "1": "province",
    "city": "city", "市": "city", "地级": "city", "地市": "city", "市级": "city", "2": "city",
    "county": "county", "区县": "county", "县": "county", "区": "county", "县级": "county",
    "3": "county",
    "township": "township", "街道": "township", "乡镇": "township", "镇": "township",
    "乡": "township", "乡级": "township", "街道乡镇": "township", "4": "township",
    "community": "community", "社区": "community", "村": "community", "村居": "community",
    "村级": "community", "居委会": "community", "村委会": "community", "5": "community",
}  # fmt: skip

AREA_FIELDS: dict[str, FieldRule] = {
    "code": FieldRule(
        (
            "code", "区划代码", "行政区划代码", "代码", "编码", "社区编码", "社区代码", "统计代码",
            "统计用区划代码", "村社区编码", "areacode", "adcode", "divisioncode", "qhdm", "xzqdm",
            "xzqhdm", "sqbm", "sqdm", "dm", "bm",
        )
    ),
    "name": FieldRule(
        (
            "name", "名称", "区划名称", "行政区划名称", "单位名称", "社区名称", "社区", "街道名称",
            "areaname", "qhmc", "xzqmc", "sqmc", "mc",
        )
    ),
    "level": FieldRule(("level", "级别", "层级", "区划级别", "类型", "jb", "cj")),
    "parent_code": FieldRule(
        (
            "parentcode", "上级代码", "上级编码", "上级区划代码", "所属街道编码", "所属街道代码",
            "父级代码", "父级编码", "streetcode", "areaparent", "sjdm", "sjbm", "pcode", "parent",
        )
    ),
    "aliases": FieldRule(("aliases", "alias", "别名", "简称", "俗称")),
    "former_names": FieldRule(("formernames", "formername", "曾用名", "原名", "旧名", "原名称")),
    "former_codes": FieldRule(
        ("formercodes", "formercode", "原代码", "旧代码", "原编码", "旧编码")
    ),
    "successor_code": FieldRule(("successorcode", "successor", "变更后代码", "新代码", "并入代码")),
    "valid_from": FieldRule(("validfrom", "启用日期", "生效日期", "开始日期", "起始日期")),
    "valid_to": FieldRule(("validto", "停用日期", "失效日期", "结束日期", "撤销日期", "终止日期")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AreaDefaults:
    """What holds for all rows that don't say otherwise.

    level : for codes of the deployment's own, which don't hold it
    """

    valid_from: date
    standard: CodeStandard
    level: str | None


def check_area_mapping(mapping: ColumnMapping) -> None:
    """Refuse a mapping without codes or names.

    Raises
    ------
    InvalidMapping
    """
    left = ", ".join(mapping.unused)[:300] or "none"
    for field, example in (("code", "区划代码"), ("name", "名称")):
        if field not in mapping:
            raise InvalidMapping(
                f"No column holds the areas' {field}. Columns: {left}. Name one, such as "
                f"{field}={example}.",
                field=field,
            )


def read_area_row(
    row: int, cells: Mapping[str, Any], mapping: ColumnMapping, defaults: AreaDefaults
) -> AreaDraft | Failure:
    """Return an area without its geometry, or why the row is none, with the column to blame.

    Parameters
    ----------
    cells : column → text, missing where empty
    """
    texts = {name: _text(cells.get(column)) for name, column in mapping.columns.items()}

    def failure(field: str, reason: str, message: str) -> Failure:
        return Failure(row, reason, message, mapping.get(field) or field)

    for field, text in texts.items():
        if text is not None and not text.isprintable():
            return failure(field, "control_characters", "It holds control characters. Clean it.")
    if not texts.get("code"):
        return failure("code", "code_missing", "There is no code.")
    name = texts.get("name")
    if not name or len(name) > NAME_MAX:
        return failure("name", "name_wrong", f"Wanted a name of 1 to {NAME_MAX} characters.")
    level = _level(texts.get("level"), defaults)
    if level is None and texts.get("level"):
        return failure(
            "level",
            "level_wrong",
            f"“{texts['level']}” is no level. Levels: {', '.join(AREA_LEVELS)}.",
        )
    try:
        code = _code(texts["code"] or "", level, texts.get("parent_code"), defaults)
    except InvalidCode as error:
        return failure("code", "code_wrong", error.message)
    if level is not None and code.level != level:
        return failure(
            "level",
            "level_wrong",
            f"“{code.code}” is the code of a {code.level}, not of a {level}.",
        )
    days: dict[str, date | None] = {"valid_from": defaults.valid_from, "valid_to": None}
    for field in days:
        text = texts.get(field)
        if text is not None:
            day = read_date(text)
            if day is None:
                return failure(
                    field, "date_wrong", f"“{text[:40]}” is no date. Wanted one such as 2026-01-31."
                )
            days[field] = day
    begins, ends = days["valid_from"], days["valid_to"]
    assert begins is not None
    if ends is not None and ends <= begins:
        return failure("valid_to", "date_wrong", f"It ends on {ends}, not after {begins}.")
    return AreaDraft(
        row=row,
        code=code.code,
        level=code.level,
        name=name,
        parent_code=code.parent_code,
        valid_from=begins,
        valid_to=ends,
        aliases=_list(texts.get("aliases")),
        former_names=_list(texts.get("former_names")),
        former_codes=_list(texts.get("former_codes")),
        successor_code=texts.get("successor_code"),
    )


def read_date(text: str) -> date | None:
    """Return the day of a text: 2026-01-31, 2026/1/31, 20260131, 2026年1月31日; else None."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _code(
    text: str, level: str | None, parent_code: str | None, defaults: AreaDefaults
) -> AreaCode:
    if defaults.standard is CodeStandard.OWN:
        if level is None:
            raise InvalidCode(
                "Codes of the deployment's own don't hold the level. Map a column to level, or "
                "name one level for all rows.",
                code=text[:40],
            )
        return parse_own_area_code(text, level, parent_code)
    if len(text) in (2, 4) and text.isascii() and text.isdigit():
        text = text.ljust(6, "0")  # the statistics bureau's own lists shorten 140000 to 14
    parsed = parse_area_code(text)
    if parent_code is None:
        return parsed
    if len(parent_code) in (2, 4):
        parent_code = parent_code.ljust(6, "0")
    parse_area_code(parent_code)
    return AreaCode(parsed.code, parsed.level, parent_code)


def _level(text: str | None, defaults: AreaDefaults) -> str | None:
    if text is None:
        return defaults.level
    return LEVEL_WORDS.get(text.lower())


def _list(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    parts = (part.strip() for part in _SEPARATORS.split(text))
    return tuple(dict.fromkeys(part for part in parts if part)) or None


def _text(cell: Any) -> str | None:
    if cell is None or pd.isna(cell):
        return None
    return str(cell).strip() or None
