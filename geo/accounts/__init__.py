"""Accounts: who may sign in, as what, and which places they see."""

from geo.accounts.accounts import (
    assign,
    create_account,
    end_account,
    end_assignment,
    find_accounts,
    get_account,
    set_password,
    set_totp_secret,
    totp_secret_of,
)
from geo.accounts.callers import Caller, caller_of_session, caller_of_token
from geo.accounts.roles import ADMINISTRATORS, PERMISSIONS, Permission
from geo.accounts.signing_in import SignedIn, sign_in, sign_out
from geo.accounts.tasks import OpenTask, end_task, open_task
from geo.accounts.tokens import create_api_token, end_api_token
from geo.accounts.totp import new_totp_secret, totp_uri

__all__ = [
    "ADMINISTRATORS",
    "PERMISSIONS",
    "Caller",
    "OpenTask",
    "Permission",
    "SignedIn",
    "assign",
    "caller_of_session",
    "caller_of_token",
    "create_account",
    "create_api_token",
    "end_account",
    "end_api_token",
    "end_assignment",
    "end_task",
    "find_accounts",
    "get_account",
    "new_totp_secret",
    "open_task",
    "set_password",
    "set_totp_secret",
    "sign_in",
    "sign_out",
    "totp_secret_of",
    "totp_uri",
]
