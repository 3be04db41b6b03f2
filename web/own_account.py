"""The page of one's own account: who one is here, the password, sign-ins, tokens."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from geo.accounts.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from web.rendering import new_nonce, render_page

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/account", response_class=HTMLResponse)
def own_account_page(request: Request, caller: SignedInCaller) -> Response:
    """Nothing of a place is on it, so that it is there before a password must be changed too."""
    return render_page(
        request,
        "account.html",
        nonce=new_nonce(),
        text_groups=("account.", "sign.role_"),
        settings={"must_change": caller.must_change_password},
        page="account",
        must_change=caller.must_change_password,
        chars_min=PASSWORD_CHARS_MIN,
        chars_max=PASSWORD_CHARS_MAX,
    )
