"""Signing in for tests that are about something else than signing in.

`test_sign_in.py` and `test_doors.py` go through real accounts, cookies and tokens.
"""

from __future__ import annotations

from fastapi import FastAPI

from api.callers import current_caller
from geo.accounts import PERMISSIONS, Caller
from geo.values import GridScope


def caller_of(role: str = "system_administrator", *grid_codes: str) -> Caller:
    """A caller of a role, who sees the named grids, or everything where none is named."""
    return Caller(
        account_id=1,
        name="test",
        shown_name="示例·测试",
        role=role,
        permissions=PERMISSIONS[role],
        scope=GridScope.of(grid_codes) if grid_codes else GridScope.everything(),
    )


def signed_in(app: FastAPI, caller: Caller | None = None) -> FastAPI:
    """Return the application; whoever asks it is this caller, by default one who may do most."""
    who = caller or caller_of()
    app.dependency_overrides[current_caller] = lambda: who
    return app
