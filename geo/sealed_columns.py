"""Which columns hold sealed values: the one list that key rotation works through.

A table with sealed values adds its columns to `SEALED_COLUMNS`. Such a column is `LargeBinary` and
its name ends in `_sealed`; a blind index beside it ends in `_index`. A test holds tables and list
together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values.

    row_key : the column whose integer names the row, and never changes
    index_column : the blind index beside it, if it has one
    index_kind : what kind of value is indexed, such as `identity_number`; two columns of one kind
        give equal values equal indexes
    normalise : how a text is written before it is indexed, so that one number has one index
    """

    table: str
    column: str
    row_key: str = "id"
    index_column: str | None = None
    index_kind: str = ""
    normalise: Callable[[str], str] = _as_it_is


TOTP_SECRET = SealedColumn("account", "totp_secret_sealed")
RESIDENT_IDENTITY = SealedColumn(
    "resident", "identity_sealed", index_column="identity_index", index_kind="identity_number"
)
RESIDENT_PHONE = SealedColumn(
    "resident", "phone_sealed", index_column="phone_index", index_kind="phone"
)
LANDLORD_PHONE = SealedColumn(
    "dwelling", "landlord_phone_sealed", index_column="landlord_phone_index", index_kind="phone"
)
CONTACT_PHONE = SealedColumn(
    "establishment", "contact_phone_sealed", index_column="contact_phone_index", index_kind="phone"
)

SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    TOTP_SECRET,
    RESIDENT_IDENTITY,
    RESIDENT_PHONE,
    LANDLORD_PHONE,
    CONTACT_PHONE,
)
