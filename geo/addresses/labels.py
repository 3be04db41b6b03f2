"""Our kinds of token in the labels of the tagged sets, to measure by and to train on.

The two schemes differ. NAACL marks the second road and its number apart, calls a villagers' group a
road and an industrial estate a place, and marks a prefix said twice as redundant. CCKS masks the
digits, has no rooms, calls an industrial estate a development zone, and marks repetitions by
their level. Both call a municipality a city; 上海 without 市 is a province to CCKS.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from geo.addresses.divisions import load_divisions
from geo.addresses.normalise import NormalisedText
from geo.addresses.tagged import LabelledSpan
from geo.addresses.tokens import Kind, Token

_LABELS = {
    Kind.PROVINCE: "prov",
    Kind.CITY: "city",
    Kind.COUNTY: "district",
    Kind.TOWNSHIP: "town",
    Kind.ZONE: "devzone",
    Kind.COMMUNITY: "community",
    Kind.GROUP: "road",
    Kind.ROAD: "road",
    Kind.SUBROAD: "subroad",
    Kind.DOOR: "roadno",
    Kind.SUBDOOR: "subroadno",
    Kind.ESTATE: "poi",
    Kind.SUBESTATE: "subpoi",
    Kind.BUILDING: "houseno",
    Kind.ENTRANCE: "cellno",
    Kind.FLOOR: "floorno",
    Kind.ROOM: "roomno",
    Kind.RELATION: "assist",
    Kind.DISTANCE: "distance",
}
_CCKS = {
    "subroad": "road",
    "subroadno": "roadno",
    "roomno": "",
}
_MUNICIPALITIES = frozenset({"北京市", "天津市", "上海市", "重庆市"})
_INDUSTRIAL = ("工业区", "工业园", "产业园", "科技园", "创业园", "物流园", "园区", "开发区")


def label_tokens(
    tokens: Sequence[Token], normalised: NormalisedText, *, masked: bool
) -> list[LabelledSpan]:
    """Return spans of the original text with the labels of a tagged set.

    masked : the CCKS scheme, else the NAACL scheme
    """
    spans: list[LabelledSpan] = []
    has_estate = False
    for index, (kind, start, end, value, _) in enumerate(tokens):
        label = _LABELS.get(kind, "")
        if kind == Kind.NAME:
            label = "subpoi" if has_estate else "poi"
        has_estate = has_estate or kind in (Kind.ESTATE, Kind.NAME)
        if kind == Kind.PROVINCE and value in _MUNICIPALITIES:
            following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
            in_full = normalised.text[end - 1] == "市"
            is_city = in_full if masked else following != Kind.CITY
            label = "city" if is_city else "prov"
        elif masked:
            label = _masked_label(kind, label, value)
        if label:
            spans.append((*normalised.original_span(start, end), label))
    return spans


def _masked_label(kind: str, label: str, value: str) -> str:
    if kind == Kind.REPEATED:
        return _repeated_label(value)
    if kind == Kind.GROUP:
        return "village_group"
    if kind in (Kind.ESTATE, Kind.SUBESTATE) and value.endswith(_INDUSTRIAL):
        return "devzone"
    return _CCKS.get(label, label)


@functools.lru_cache(maxsize=4_096)
def _repeated_label(name: str) -> str:
    """Return the label of a division that was said again."""
    if name in _MUNICIPALITIES:
        return "city"
    found = load_divisions().search(name)
    if not found:
        return ""
    return _LABELS[min(found, key=lambda division: division.level.rank).level.value]
