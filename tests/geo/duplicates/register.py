"""A small register with three pairs that are one place, and many that are not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from geo.register import add_alias
from geo.tables import StandardAddress
from geo.values import GridScope
from tests.factories import add_standard_address, written_as

ALL = GridScope.everything()
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = date(2026, 6, 1)

TEXTS = {
    "full": "山西省太原市小店区坞城路12号",
    "short": "坞城路12号",
    "next": "山西省太原市小店区坞城路13号",
    "estate": "山西省太原市小店区滨河路3号榆光家园2幢301室",
    "no_road": "山西省太原市小店区榆光家园2幢301室",
    "other_room": "山西省太原市小店区滨河路3号榆光家园2幢302室",
    "building": "山西省太原市小店区滨河路3号榆光家园2幢",
    "home": "山西省太原市小店区学府街7号晋阳公寓1幢101室",
    "alias": "山西省太原市小店区红星厂宿舍1幢101室",
}


def address(session: Session, text: str, **more: Any) -> StandardAddress:
    return add_standard_address(session, **{**written_as(text), **more})


def fill(session: Session) -> dict[str, int]:
    """Put the register into a store; return the ids by name."""
    ids = {name: address(session, text).id for name, text in TEXTS.items()}
    add_alias(session, ids["home"], "小店区红星厂宿舍1栋101", source="test", scope=ALL)
    return ids
