"""What a write answers in the same breath (即采即录即核查即比对): stored, or why not, what is left.

No answer holds a value of a record: fields, codes and numbers of records only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from geo.errors import InvalidRecord, PlatformError, RecordConflict


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that can't be stored as it was given."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Alike:
    """A stored record that is probably the same thing.

    reason : `identity_number`, `credit_code`, `address`, `address_and_name`, `name_and_phone`
    record_id : missing where it lies outside the caller's scope
    """

    record_kind: str
    record_id: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What is given contradicts what is stored.

    code : `lives_elsewhere`, `registered_elsewhere`, `name_differs`, `birth_year_differs`, …
    record_id : of the stored record; missing where it lies outside the caller's scope
    """

    code: str
    record_kind: str
    record_id: int | None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """What was stored, and what is still to be done about it.

    missing : required fields that are empty
    completeness : share of the required fields that are filled, 0 to 1
    due_on : when it is to be looked at again
    alike : records that looked the same, stored all the same because the caller said so
    residence_id : of the residence that was written with a resident
    report_id : of the report that the record is wrong
    replayed : the same write was sent before; nothing was stored this time
    """

    record_kind: str
    record_id: int
    version: int
    missing: tuple[str, ...]
    completeness: float
    due_on: date | None
    alike: tuple[Alike, ...] = ()
    residence_id: int | None = None
    report_id: int | None = None
    replayed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the answer as it is kept for a write that is sent again."""
        found = asdict(self)
        found["due_on"] = self.due_on.isoformat() if self.due_on else None
        return found

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> WriteAnswer:
        """Return the answer that was kept, marked as replayed."""
        return cls(
            **{
                **kept,
                "missing": tuple(kept["missing"]),
                "alike": tuple(Alike(**each) for each in kept["alike"]),
                "due_on": date.fromisoformat(kept["due_on"]) if kept["due_on"] else None,
                "replayed": True,
            }
        )


@dataclass(slots=True)
class Findings:
    """What a write has found out so far; `refuse` ends it where that forbids to store."""

    record_kind: str
    faults: list[Fault] = field(default_factory=list)
    alike: list[Alike] = field(default_factory=list)
    conflicts: list[Contradiction] = field(default_factory=list)

    def fault(self, of: str, code: str, message: str) -> None:
        """Note a fault of a field."""
        self.faults.append(Fault(of, code, message))

    def note_error(self, of: str, error: PlatformError) -> None:
        """Note an error that reading a field raised."""
        self.fault(of, str(error.facts.get("code", "invalid")), error.message)

    def refuse(self, *, although_alike: bool, missing: Iterable[str] = ()) -> None:
        """Raise where there is a reason not to store.

        Raises
        ------
        InvalidRecord : there are faults; what is alike is told as well
        RecordConflict : something is contradicted, or is there already and the caller didn't say
            that it is another one
        """
        facts: dict[str, Any] = {
            "alike": [asdict(each) for each in self.alike],
            "conflicts": [asdict(each) for each in self.conflicts],
            "missing": sorted(missing),
        }
        if self.faults:
            said = " ".join(fault.message for fault in self.faults[:5])
            raise InvalidRecord(
                f"Nothing was stored. {said}",
                faults=[asdict(each) for each in self.faults],
                **facts,
            )
        if self.conflicts:
            codes = ", ".join(dict.fromkeys(each.code for each in self.conflicts))
            raise RecordConflict(
                f"Nothing was stored: it contradicts what is recorded ({codes}).", **facts
            )
        if self.alike and not although_alike:
            reasons = ", ".join(dict.fromkeys(each.reason for each in self.alike))
            raise RecordConflict(
                f"Nothing was stored: the register probably has this already (same {reasons}). "
                "Look at that one, or say that this is another.",
                **facts,
            )
