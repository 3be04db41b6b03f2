"""What each role may do. Which places it may do it to is said by assignments, not by roles."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """Something that may be done."""

    READ = "read"
    WRITE = "write"
    IMPORT = "import"
    RIGHTS = "rights"  # answer persons who ask about what is kept of them
    APPROVE = "approve"  # what somebody else asked for, such as a large export
    PERSONS = "persons"  # read and write what is about persons, with a purpose and a case
    IDENTITY = "identity"  # see identity numbers whole
    ACCOUNTS = "accounts"
    AUDIT = "audit"
    # Lead patrol units: their roster, their devices, where all of them are. Others see their own.
    LEAD = "lead"


_WORK = frozenset({Permission.READ, Permission.WRITE})
_WITH_PERSONS = _WORK | {Permission.PERSONS}

PERMISSIONS: dict[str, frozenset[Permission]] = {
    "grid_worker": _WITH_PERSONS,
    "patrol_leader": _WITH_PERSONS | {Permission.IDENTITY, Permission.LEAD},
    "chief": _WITH_PERSONS
    | {Permission.IDENTITY, Permission.APPROVE, Permission.RIGHTS, Permission.LEAD},
    "analyst": frozenset({Permission.READ}),
    "system_administrator": _WORK | {Permission.IMPORT, Permission.APPROVE},
    # These two see no places: who gives out rights and who watches don't do the work as well.
    "security_administrator": frozenset({Permission.ACCOUNTS}),
    "audit_administrator": frozenset({Permission.AUDIT}),
}
ADMINISTRATORS = frozenset(role for role in PERMISSIONS if role.endswith("_administrator"))
