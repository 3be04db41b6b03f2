"""Which fields a record must have, and which of them it lacks.

What is required is our reading of what community police ask for; a field that isn't known yet
doesn't keep a record from being stored, it stays on the list of what is missing.
"""

from __future__ import annotations

from geo.tables import Dwelling, Establishment, Residence, Resident

RENTED = frozenset({"rented_whole", "rented_shared"})
REQUIRED_OF_DWELLING = ("use", "room_count")
REQUIRED_WHERE_RENTED = ("landlord_name", "landlord_phone", "registered_on")
REQUIRED_OF_RESIDENT = ("name", "identity_number", "birth_year", "phone")
REQUIRED_OF_RESIDENCE = ("kind", "lived_from", "household_ref")
REQUIRED_OF_ESTABLISHMENT = (
    "name", "credit_code", "establishment_class", "trade", "contact_name", "contact_phone",
)  # fmt: skip
# Fields that are kept sealed, by the column that holds them.
_COLUMN_OF = {
    "landlord_phone": "landlord_phone_index",
    "identity_number": "identity_index",
    "phone": "phone_index",
    "contact_phone": "contact_phone_index",
}

Record = Dwelling | Resident | Residence | Establishment


def required_fields(record: Record) -> tuple[str, ...]:
    """Return the fields that a record of this kind must have."""
    match record:
        case Dwelling():
            rented = REQUIRED_WHERE_RENTED if record.use in RENTED else ()
            return REQUIRED_OF_DWELLING + rented
        case Resident():
            return REQUIRED_OF_RESIDENT
        case Residence():
            return REQUIRED_OF_RESIDENCE
        case Establishment():
            return REQUIRED_OF_ESTABLISHMENT


def missing_fields(record: Record) -> list[str]:
    """Return the required fields that are empty, in the order of `required_fields`."""
    return [
        name
        for name in required_fields(record)
        if getattr(record, _COLUMN_OF.get(name, name)) is None
    ]


def completeness_of(record: Record) -> float:
    """Return the share of required fields that are filled, 0 to 1."""
    return 1 - len(record.missing) / len(required_fields(record))
