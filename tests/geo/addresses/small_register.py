"""A small invented register for tests of matching, suggesting and geocoding."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterIndex
from geo.addresses.standardise import search_key
from geo.tables import RegisterChange, StandardAddress

HEAD = "浙江省杭州市西湖区"
# Two phases of an estate, a lane, a village, an office, the same door in two counties.
TEXTS = {
    11: f"{HEAD}文一路269号翠苑一区3幢1单元101室",
    12: f"{HEAD}文一路269号翠苑一区3幢2单元101室",
    13: f"{HEAD}文一路269号翠苑一区3幢2单元102室",
    14: f"{HEAD}文一路269号翠苑一区4幢1单元201室",
    15: f"{HEAD}文一路271号翠苑二区3幢2单元101室",
    16: f"{HEAD}文二路29号",
    17: f"{HEAD}古荡街道青石弄12弄5号301室",
    18: f"{HEAD}三墩镇荷塘村3组25号",
    19: f"{HEAD}三墩镇荷塘村4组25号",
    20: f"{HEAD}天目山路88号银江大厦A座12层1203室",
    21: "浙江省杭州市拱墅区湖墅南路5号",
    22: "浙江省杭州市余杭区湖墅南路5号",
    23: f"{HEAD}翠苑三区",
}
POINTS = {
    address_id: (120.10 + 0.0004 * address_id, 30.28 + 0.0003 * address_id) for address_id in TEXTS
}


def small_rows(ids: Iterable[int] = TEXTS) -> list[tuple[int, str, float | None, float | None]]:
    """Return (id, text, longitude, latitude), in the order of `ids`."""
    return [(address_id, TEXTS[address_id], *POINTS[address_id]) for address_id in ids]


def small_index() -> RegisterIndex:
    return RegisterIndex.from_rows(small_rows())


def add_address(
    session: Session, address_text: str, *, grid_code: str | None = None, lon: float = 120.1,
    lat: float = 30.3,
) -> int:  # fmt: skip
    """Store one standard address and mark the change; return its id."""
    parsed = parse(address_text)
    address = StandardAddress(
        **parsed.components(), canonical_text=address_text, search_key=search_key(parsed),
        level=list(parsed.components())[-1], geom=f"SRID=4326;POINT({lon} {lat})",
        point_method="imported", accuracy_m=5.0, grid_code=grid_code, source="test",
    )  # fmt: skip
    session.add(address)
    session.flush()
    mark(session, address.id)
    return int(address.id)


def end_address(session: Session, address_id: int) -> None:
    session.execute(
        text("UPDATE standard_address SET status = 'ended' WHERE id = :id"), {"id": address_id}
    )
    mark(session, address_id)


def mark(session: Session, address_id: int | None) -> None:
    session.add(RegisterChange(address_ids=None if address_id is None else [address_id]))
    session.flush()
