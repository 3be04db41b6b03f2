"""The fields of a grid file, how their columns are recognised, and their values read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from geo.codes import CodeStandard, parse_grid_code
from geo.errors import InvalidCode, InvalidMapping
from geo.faults import FaultKind, GridFault, Severity
from geo.grid_draft import GridDraft
from geo.importers.mapping import ColumnMapping, FieldRule

TEXT_MAX = 200  # characters of a name, a person, a contact
HOUSEHOLDS_MAX = 1_000_000  # a number beyond is no count of households
_COUNT = re.compile(r"\+?(\d{1,9})(?:\.0+)?")

KIND_WORDS = {
    "base": "base", "基础网格": "base", "基础": "base", "普通网格": "base", "综合网格": "base",
    "dedicated": "dedicated", "专属网格": "dedicated", "专属": "dedicated", "专项网格": "dedicated",
}  # fmt: skip

GRID_FIELDS: dict[str, FieldRule] = {
    "grid_code": FieldRule(
        (
            "gridcode", "网格编码", "网格代码", "网格编号", "网格号", "单元网格编码", "编码",
            "代码", "编号", "wgbm", "wgdm", "wgbh", "bgcode", "code", "gridid", "gridno",
            "beatnum", "beat",
        )
    ),
    "name": FieldRule(("网格名称", "名称", "网格名", "wgmc", "mc", "gridname", "name")),
    "kind": FieldRule(("网格类型", "类型", "类别", "wglx", "lx", "gridtype", "kind", "type")),
    "community_code": FieldRule(
        (
            "communitycode", "社区编码", "社区代码", "所属社区编码", "所属社区代码", "村社区编码",
            "社区村编码", "sqbm", "sqdm", "sssqbm", "社区", "所属社区", "community",
        )
    ),
    "person_in_charge": FieldRule(
        (
            "personincharge", "网格长", "网格员", "负责人", "网格长姓名", "网格员姓名", "责任人",
            "wgz", "wgy", "fzr", "zrr", "manager",
        )
    ),
    "contact": FieldRule(
        ("contact", "联系电话", "联系方式", "电话", "手机", "手机号", "lxdh", "lxfs", "dh", "phone")
    ),
    "household_count": FieldRule(
        ("householdcount", "户数", "总户数", "住户数", "家庭户数", "hs", "zhs", "households")
    ),
}  # fmt: skip


def check_grid_mapping(mapping: ColumnMapping) -> None:
    """Refuse a mapping without codes.

    Raises
    ------
    InvalidMapping
    """
    if "grid_code" not in mapping:
        left = ", ".join(mapping.unused)[:300] or "none"
        raise InvalidMapping(
            f"No column holds the grids' codes. Columns: {left}. Name one, such as "
            "grid_code=网格编码.",
            field="grid_code",
        )


def read_grid_row(
    row: int,
    cells: Mapping[str, Any],
    mapping: ColumnMapping,
    standard: CodeStandard,
) -> tuple[GridDraft, list[GridFault]]:
    """Return a grid without its geometry, and what its cells hold that can't be read.

    Parameters
    ----------
    cells : column → text, missing where empty
    """
    texts = {name: _text(cells.get(column)) for name, column in mapping.columns.items()}
    faults: list[GridFault] = []
    code = texts.get("grid_code") or ""
    label = f"Grid “{code[:40]}”" if code else f"The grid in row {row}"

    def refuse(field: str, text: str) -> None:
        faults.append(
            GridFault(
                kind=FaultKind.VALUE_WRONG,
                severity=Severity.ERROR,
                text=f"{label} {text}",
                grid_codes=(code[:40],) if code else (),
                rows=(row,),
                column=mapping.get(field),
            )
        )

    for field, text in texts.items():
        if text is not None and (len(text) > TEXT_MAX or not text.isprintable()):
            refuse(field, f"has more than {TEXT_MAX} characters, or control characters, in "
                          f"“{mapping.get(field)}”. Shorten or clean it.")  # fmt: skip
            texts[field] = text[:40] if text[:40].isprintable() else None
    kind = KIND_WORDS.get((texts.get("kind") or "base").lower())
    if kind is None:
        refuse(
            "kind", f"is of kind “{texts['kind']}”, wanted base (基础网格) or dedicated (专属网格)."
        )
    households: int | None = None
    count = texts.get("household_count")
    if count is not None:
        found = _COUNT.fullmatch(count.replace(",", ""))
        households = int(found[1]) if found else None
        if households is None or households > HOUSEHOLDS_MAX:
            refuse("household_count", f"has “{count[:40]}” households, wanted a whole number.")
            households = None
    community = texts.get("community_code")
    if community is None:
        community = _community_in(code, standard)
    draft = GridDraft(
        row=row,
        grid_code=texts.get("grid_code") or "",
        name=texts.get("name") or code[:TEXT_MAX],
        kind=kind or "base",
        community_code=community,
        person_in_charge=texts.get("person_in_charge"),
        contact=texts.get("contact"),
        household_count=households,
        geometry=None,
    )
    return draft, faults


def _text(cell: Any) -> str | None:
    if cell is None or pd.isna(cell):
        return None
    return str(cell).strip() or None


def _community_in(code: str, standard: CodeStandard) -> str | None:
    try:
        return parse_grid_code(code, standard).community_code
    except InvalidCode:
        return None
