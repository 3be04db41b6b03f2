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
from geo.accounts.oidc import OidcIdentity, OidcProvider, find_provider
from geo.accounts.oidc_sign_in import (
    CodeNeeded,
    forget_oidc_subject,
    record_oidc_refusal,
    sign_in_by_oidc,
)
from geo.accounts.own import change_own_password, end_own_session, own_sessions
from geo.accounts.pending import Pending
from geo.accounts.roles import ADMINISTRATORS, PERMISSIONS, Permission
from geo.accounts.signing_in import SignedIn, sign_in, sign_out
from geo.accounts.tasks import OpenTask, end_task, open_task
from geo.accounts.tokens import create_api_token, end_api_token
from geo.accounts.totp import new_totp_secret, totp_uri

__all__ = [
    "ADMINISTRATORS",
    "PERMISSIONS",
    "Caller",
    "CodeNeeded",
    "OidcIdentity",
    "OidcProvider",
    "OpenTask",
    "Pending",
    "Permission",
    "SignedIn",
    "assign",
    "caller_of_session",
    "caller_of_token",
    "change_own_password",
    "create_account",
    "create_api_token",
    "end_account",
    "end_api_token",
    "end_assignment",
    "end_own_session",
    "end_task",
    "find_accounts",
    "find_provider",
    "forget_oidc_subject",
    "get_account",
    "new_totp_secret",
    "open_task",
    "own_sessions",
    "record_oidc_refusal",
    "set_password",
    "set_totp_secret",
    "sign_in",
    "sign_in_by_oidc",
    "sign_out",
    "totp_secret_of",
    "totp_uri",
]
