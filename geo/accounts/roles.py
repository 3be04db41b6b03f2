"""What each role may do. Which places it may do it to is said by assignments, not by roles."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """Something that may be done."""

    READ = "read"
    WRITE = "write"
    IMPORT = "import"
    APPROVE = "approve"  # what somebody else asked for, such as a large export
    ACCOUNTS = "accounts"
    AUDIT = "audit"


_WORK = frozenset({Permission.READ, Permission.WRITE})

PERMISSIONS: dict[str, frozenset[Permission]] = {
    "grid_worker": _WORK,
    "patrol_leader": _WORK,
    "chief": _WORK | {Permission.APPROVE},
    "analyst": frozenset({Permission.READ}),
    "system_administrator": _WORK | {Permission.IMPORT, Permission.APPROVE},
    # These two see no places: who gives out rights and who watches don't do the work as well.
    "security_administrator": frozenset({Permission.ACCOUNTS}),
    "audit_administrator": frozenset({Permission.AUDIT}),
}
ADMINISTRATORS = frozenset(role for role in PERMISSIONS if role.endswith("_administrator"))
