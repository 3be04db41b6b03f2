"""Our kinds of token in the labels of the tagged sets, to measure by and to train on.

The two schemes differ in three places: NAACL marks the second road and its number apart and calls
a villagers' group a road; CCKS masks the digits and has no rooms. Both call a municipality a city.
"""

from __future__ import annotations

from collections.abc import Sequence

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
_MUNICIPALITIES = frozenset({"110000", "120000", "310000", "500000"})


def label_tokens(
    tokens: Sequence[Token], normalised: NormalisedText, *, masked: bool
) -> list[LabelledSpan]:
    """Return spans of the original text with the labels of a tagged set.

    masked : the CCKS scheme, else the NAACL scheme
    """
    spans: list[LabelledSpan] = []
    has_estate = False
    for index, (kind, start, end, _, code) in enumerate(tokens):
        label = _LABELS.get(kind, "")
        if kind == Kind.NAME:
            label = "subpoi" if has_estate else "poi"
        has_estate = has_estate or kind in (Kind.ESTATE, Kind.NAME)
        if masked:
            label = "village_group" if kind == Kind.GROUP else _CCKS.get(label, label)
        if kind == Kind.PROVINCE and code in _MUNICIPALITIES:
            following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
            label = "prov" if following == Kind.CITY else "city"
        if label:
            spans.append((*normalised.original_span(start, end), label))
    return spans
