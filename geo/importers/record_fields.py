"""The fields of tables of dwellings, residents, establishments, and how columns are recognised."""

from __future__ import annotations

from geo.errors import InvalidMapping
from geo.importers.mapping import ColumnMapping, FieldRule

_ADDRESS = {
    "address_id": FieldRule(("标准地址编号", "addressid", "standardaddressid")),
    "address_text": FieldRule(
        (
            "标准地址", "详细地址", "地址", "住址", "现住地址", "居住地址", "单位地址", "经营地址",
            "房屋地址", "addresstext", "address",
        ),
    ),
    "verified_on": FieldRule(("核实日期", "核查日期", "走访日期", "采集日期", "verifiedon")),
}  # fmt: skip
_NOTE = {"note": FieldRule(("备注", "note", "remark"))}

RECORD_FIELDS: dict[str, dict[str, FieldRule]] = {
    "dwellings": {
        **_ADDRESS,
        "use": FieldRule(("房屋用途", "用途", "使用情况", "房屋类型", "出租情况", "use")),
        "room_count": FieldRule(("房间数", "间数", "居室数", "roomcount", "rooms")),
        "landlord_name": FieldRule(
            ("房东姓名", "房东", "房主", "出租人", "landlordname", "landlord")
        ),
        "landlord_phone": FieldRule(
            ("房东电话", "房东手机", "房主电话", "出租人电话", "landlordphone")
        ),
        "registered_on": FieldRule(("登记日期", "备案日期", "registeredon")),
        "safety_findings": FieldRule(("安全隐患", "隐患", "safetyfindings")),
        **_NOTE,
    },
    "residents": {
        **_ADDRESS,
        "name": FieldRule(("姓名", "name")),
        "identity_number": FieldRule(
            (
                "身份证号", "身份证号码", "公民身份号码", "证件号码", "证件号", "identitynumber",
                "idnumber",
            )
        ),
        "identity_kind": FieldRule(("证件类型", "证件种类", "identitykind")),
        "birth_year": FieldRule(("出生年", "出生年份", "birthyear")),
        "phone": FieldRule(("联系电话", "手机", "手机号", "电话", "phone", "mobile")),
        "kind": FieldRule(("人口类型", "人口类别", "居住类型", "kind")),
        "household_ref": FieldRule(("户号", "户", "household", "householdref")),
        "lived_from": FieldRule(
            ("居住起始日期", "入住日期", "来本地日期", "起始日期", "livedfrom")
        ),
        "lived_to": FieldRule(("离开日期", "搬离日期", "截止日期", "livedto")),
    },
    "establishments": {
        **_ADDRESS,
        "name": FieldRule(("单位名称", "名称", "场所名称", "企业名称", "字号名称", "name")),
        "credit_code": FieldRule(
            ("统一社会信用代码", "社会信用代码", "信用代码", "营业执照号", "creditcode")
        ),
        "establishment_class": FieldRule(
            ("单位类别", "单位类型", "类别", "establishmentclass", "class")
        ),
        "trade": FieldRule(("行业", "行业类别", "经营范围", "trade")),
        "contact_name": FieldRule(("联系人", "负责人", "法定代表人", "contactname", "contact")),
        "contact_phone": FieldRule(("联系电话", "负责人电话", "电话", "contactphone", "phone")),
        "occupied_from": FieldRule(("开业日期", "入驻日期", "成立日期", "occupiedfrom")),
        **_NOTE,
    },
}  # fmt: skip
REQUIRED = {
    "dwellings": ("use",),
    "residents": ("name", "kind", "lived_from"),
    "establishments": ("name", "establishment_class", "occupied_from"),
}

# What lists of offices write, beside our own words.
WORDS: dict[str, dict[str, str]] = {
    "use": {
        "自住": "owner_occupied", "整租": "rented_whole", "出租整租": "rented_whole",
        "出租": "rented_whole", "合租": "rented_shared", "群租": "rented_shared",
        "出租合租": "rented_shared", "空置": "vacant", "闲置": "vacant", "商住": "mixed",
        "商住两用": "mixed", "其他": "other",
    },
    "kind": {
        "户籍": "registered", "户籍人口": "registered", "常住": "registered",
        "常住人口": "registered", "流动": "floating", "流动人口": "floating", "暂住": "floating",
        "寄住": "lodging", "寄住人口": "lodging", "境外": "overseas", "境外人员": "overseas",
        "未落户": "unregistered", "未落户人员": "unregistered",
    },
    "establishment_class": {
        "重点": "key", "重点单位": "key", "一般": "ordinary", "一般单位": "ordinary",
        "九小": "nine_small", "九小场所": "nine_small", "其他": "other",
    },
    "identity_kind": {
        "身份证": "resident_identity", "居民身份证": "resident_identity", "护照": "other_document",
        "其他": "other_document",
    },
    "safety_findings": {
        "安全出口": "exits", "用电": "wiring", "线路": "wiring", "用气": "gas", "燃气": "gas",
        "隔断": "partitions", "消防": "fire_equipment", "消防器材": "fire_equipment",
        "充电": "charging", "电动车充电": "charging", "结构": "structure", "其他": "other",
    },
}  # fmt: skip


def check_record_mapping(kind: str, mapping: ColumnMapping) -> None:
    """Refuse a mapping that can't make records.

    Raises
    ------
    InvalidMapping : no column holds the address, or a field without which nothing is a record
    """
    lacking = [name for name in REQUIRED[kind] if name not in mapping]
    if "address_id" not in mapping and "address_text" not in mapping:
        lacking.insert(0, "address_text")
    if lacking:
        raise InvalidMapping(
            f"No column holds {', '.join(lacking)}. Columns left: "
            f"{', '.join(mapping.unused)[:300] or 'none'}. Name them, such as {lacking[0]}=列名."
        )
