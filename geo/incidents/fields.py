"""The fields of an incident table and how their columns are recognised."""

from __future__ import annotations

from geo.errors import InvalidMapping
from geo.importers.address_fields import ADDRESS_FIELDS
from geo.importers.mapping import ColumnMapping, FieldRule

INCIDENT_FIELDS: dict[str, FieldRule] = {
    "source_ref": FieldRule(
        (
            "警情编号", "接警编号", "接警单编号", "警单编号", "案件编号", "jqbh", "jjdbh", "ajbh",
            "incidentid", "incidentnumber", "caseid", "casenumber", "eventid", "编号", "id",
        )
    ),
    "category": FieldRule(
        (
            "警情类别", "警情类型", "报警类别", "案件类别", "类别", "类型", "jqlb", "bjlb", "ajlb",
            "category", "primarytype", "incidenttype", "offense", "crimetype", "type",
        )
    ),
    "occurred_from": FieldRule(
        (
            "发生时间", "案发时间", "发案时间", "发生时间起", "发案开始时间", "开始时间", "fssj",
            "fasj", "occurredfrom", "occurredat", "occurred", "dateoccurred", "starttime", "date",
            "datetime", "time", "时间",
        )
    ),
    "occurred_to": FieldRule(
        ("发生时间止", "发案结束时间", "结束时间", "occurredto", "endtime", "dateend")
    ),
    "reported_at": FieldRule(
        (
            "报警时间", "接警时间", "受理时间", "bjsj", "jjsj", "reportedat", "reported",
            "datereported", "calltime",
        )
    ),
    "dispatched_at": FieldRule(("派警时间", "派出时间", "pjsj", "dispatchedat", "dispatchtime")),
    "arrived_at": FieldRule(("到达时间", "到场时间", "ddsj", "arrivedat", "arrivaltime")),
    "cleared_at": FieldRule(("处结时间", "处置完毕时间", "结案时间", "clearedat", "cleartime")),
    "source": FieldRule(("警情来源", "报警方式", "来源", "jqly", "incidentsource")),
    "address_text": FieldRule(
        (
            "案发地址", "发生地址", "事发地址", "警情地址", "报警地址", "案发地点", "发生地点",
            "事发地点", "afdz", "fsdz", "block", *ADDRESS_FIELDS["address_text"].names,
        )
    ),
    "lon": ADDRESS_FIELDS["lon"],
    "lat": ADDRESS_FIELDS["lat"],
    "lonlat": ADDRESS_FIELDS["lonlat"],
}  # fmt: skip


def check_incident_mapping(mapping: ColumnMapping, *, has_geometry: bool) -> None:
    """Refuse a mapping that can't make incidents.

    Raises
    ------
    InvalidMapping : no time, no category, no place, or one coordinate without the other
    """
    unused = ", ".join(mapping.unused)[:300] or "none"
    if "occurred_from" not in mapping and "reported_at" not in mapping:
        raise InvalidMapping(
            f"No column says when it happened or was reported. Columns left: {unused}. Name one, "
            "such as occurred_from=发生时间."
        )
    if "category" not in mapping:
        raise InvalidMapping(
            f"No column holds the category. Columns left: {unused}. Name it: category=警情类别."
        )
    if ("lon" in mapping) != ("lat" in mapping):
        raise InvalidMapping(
            f"One coordinate has a column and the other has none. Columns left: {unused}. Name "
            "both, lon=… lat=…, or drop one with lon=."
        )
    if not has_geometry and not any(name in mapping for name in ("lon", "lonlat", "address_text")):
        raise InvalidMapping(
            f"No column says where: neither an address nor a point. Columns left: {unused}. Name "
            "one, such as address_text=案发地址."
        )
