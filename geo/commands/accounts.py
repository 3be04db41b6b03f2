"""`gridbeat accounts …`: who may sign in, as what, and what they see. Each change is audited."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from geo import accounts
from geo.accounts.callers import assigned_scope
from geo.accounts.passwords import new_password
from geo.accounts.roles import ADMINISTRATORS
from geo.audit import Access, record
from geo.commands.context import open_store
from geo.commands.words import parse_day, today
from geo.tables import Account

app = typer.Typer(help="Accounts: who may sign in, and what they see.", no_args_is_help=True)
console = Console()

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command()
def create(
    name: Name,
    role: Annotated[str, typer.Option(help="grid_worker, patrol_leader, chief, analyst, …")],
    shown_name: Annotated[
        str | None, typer.Option("--shown-name", help="As people read it.")
    ] = None,
) -> None:
    """Make an account, and print its password once; an administrator's second factor too."""
    password = new_password()
    secret = accounts.new_totp_secret() if role in ADMINISTRATORS else None
    with open_store() as database, database.session() as session:
        account = accounts.create_account(
            session,
            name,
            password,
            role=role,
            shown_name=shown_name,
            totp_secret=secret,
            must_change_password=True,
        )
        _note(session, "account.create", account)
    console.print(Text(f"Account {name}, {role}. Password, shown once: {password}"))
    if secret is not None:
        _print_totp(secret, name)


@app.command("list")
def list_accounts(
    ended: Annotated[bool, typer.Option("--ended", help="Those that ended, too.")] = False,
) -> None:
    """List accounts with what they see today."""
    shown = Table("name", "shown", "role", "sees", "second factor", "ended")
    day = today()
    with open_store() as database, database.session() as session:
        for account in accounts.find_accounts(session, with_ended=ended):
            scope = assigned_scope(session, account.id, day)
            shown.add_row(
                account.name,
                Text(account.shown_name),
                account.role,
                "everything" if scope.grid_codes is None else f"{len(scope.grid_codes)} grids",
                "yes" if account.totp_secret_sealed else "",
                f"{account.ended_at:%Y-%m-%d}" if account.ended_at else "",
            )
    console.print(shown)


@app.command()
def assign(
    name: Name,
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area or a grid; again for more.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Every grid.")] = False,
    valid_from: Annotated[str | None, typer.Option("--from", help="First day; else today.")] = None,
    valid_to: Annotated[str | None, typer.Option("--to", help="First day after it.")] = None,
) -> None:
    """Let an account see areas or grids."""
    if everything == bool(area):
        raise typer.BadParameter("give --area, or --everything")
    first = parse_day(valid_from)
    last = parse_day(valid_to) if valid_to else None
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        for code in area if area else (None,):
            accounts.assign(session, account, code, valid_from=first, valid_to=last)
        _note(session, "account.assign", account)


@app.command()
def password(
    name: Name,
    typed: Annotated[bool, typer.Option("--typed", help="Type it; else one is made.")] = False,
) -> None:
    """Give an account another password; it is unlocked, signed out everywhere.

    One that is made here must be changed before anything else.
    """
    chosen = getpass.getpass("New password: ") if typed else new_password()
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        accounts.set_password(
            session, account, chosen, now=datetime.now(UTC), must_change_password=not typed
        )
        _note(session, "account.password", account)
    console.print("The password is changed." if typed else f"Password, shown once: {chosen}")


@app.command()
def totp(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Take the second factor away.")] = False,
) -> None:
    """Give an account a new second factor, and print what an authenticator application reads."""
    secret = None if off else accounts.new_totp_secret()
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        accounts.set_totp_secret(session, account, secret)
        _note(session, "account.totp", account)
    if secret is not None:
        _print_totp(secret, name)


@app.command()
def token(
    name: Name,
    called: Annotated[str, typer.Option(help="What the token is for.")],
    write: Annotated[bool, typer.Option("--write", help="It may write, too.")] = False,
    lead: Annotated[
        bool, typer.Option("--lead", help="It sees the units that the account leads, too.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it lasts.")] = 90,
    end: Annotated[bool, typer.Option("--end", help="End the token of this name.")] = False,
) -> None:
    """Make a token with which a program acts for an account, and print it once."""
    now = datetime.now(UTC)
    made = None
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        if end:
            accounts.end_api_token(session, account, called, now=now)
        else:
            scopes = ["read", *(["write"] if write else []), *(["lead"] if lead else [])]
            made = accounts.create_api_token(
                session, account, called, scopes=scopes, lasts=timedelta(days=days), now=now
            )
        made_as = "account.token_lead" if lead else "account.token"
        _note(session, "account.token_end" if end else made_as, account)
    if made is not None:
        console.print(Text(f"Token, shown once: {made}"), soft_wrap=True)


@app.command()
def end(name: Name) -> None:
    """End an account: signed out at once, its tokens end. Its name stays taken."""
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        accounts.end_account(session, account, now=datetime.now(UTC))
        _note(session, "account.end", account)


@app.command("oidc-forget")
def oidc_forget(name: Name) -> None:
    """Untie an account from whom it belongs to at the sign-in provider; the next sign-in ties it
    anew."""
    with open_store() as database, database.session() as session:
        account = accounts.get_account(session, name)
        accounts.forget_oidc_subject(session, account)
        _note(session, "account.oidc_forget", account)


def _note(session: Session, action: str, account: Account) -> None:
    operator = Access(actor=f"operator:{getpass.getuser()}", origin="command line")
    record(session, operator, action, object_kind="account", object_ref=account.name)


def _print_totp(secret: bytes, name: str) -> None:
    console.print(Text(f"Second factor: {accounts.totp_uri(secret, name)}"), soft_wrap=True)
