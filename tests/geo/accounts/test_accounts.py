"""Accounts, what they see, signing in and out, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo import accounts
from geo.accounts import Caller, Permission, SignedIn, passwords
from geo.accounts.callers import assigned_scope
from geo.accounts.signing_in import FAILURES_MAX, LOCKED_FOR
from geo.accounts.totp import matching_step, totp_code
from geo.audit import Access, read_log
from geo.errors import AccountNotFound, Conflict, InvalidInput, SignInRefused
from geo.store.database import Database
from geo.tables import ROLES, Account, AccountAssignment, AccountSession, ApiToken
from geo.values import GridScope
from tests.drawing import draw
from tests.factories import add_area, add_grid, add_grid_version

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = date(2026, 6, 1)
IDLE, LASTS = timedelta(hours=1), timedelta(hours=12)
PASSWORD = "示例密码-only-a-test"
A, B, C = "14010500100100001", "14010500100100002", "14010500100200001"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real ones take a third of a second each, on purpose."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_HASHER", quick)
    passwords._some_hash.cache_clear()
    yield
    passwords._some_hash.cache_clear()


@pytest.fixture
def places(session: Session) -> Session:
    """Two communities of one street: grids A and B in the first, C in the second."""
    for code, level, parent in (
        ("140000", "province", None), ("140100", "city", "140000"), ("140105", "county", "140100"),
        ("140105001", "township", "140105"), ("140105001001", "community", "140105001"),
        ("140105001002", "community", "140105001"),
    ):  # fmt: skip
        add_area(session, code, level, parent_code=parent)
    version = add_grid_version(session)
    for code, shape in zip((A, B, C), draw("ABC").values(), strict=True):
        add_grid(session, code, shape, version=version)
    return session


def add(session: Session, name: str = "wang", role: str = "grid_worker", **more: Any) -> Account:
    return accounts.create_account(session, name, PASSWORD, role=role, **more)


def sign_in(
    database: Database, name: str = "wang", password: str = PASSWORD, **more: Any
) -> SignedIn:
    return accounts.sign_in(database, name, password, **{"now": NOW, **more})


def caller(database: Database, token: str, now: datetime = NOW) -> Caller | None:
    with database.session_of(GridScope.of([])) as session:
        return accounts.caller_of_session(
            session, token, now=now, day=now.date(), idle=IDLE, lasts=LASTS
        )


# -- accounts


@pytest.mark.parametrize("name", ["", "a", "Wang", "王", "-a", "a b", "a" * 41, "a\n", "root'--"])
def test_names_that_cannot_be(session: Session, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        add(session, name)


def test_bad_accounts_are_refused(session: Session) -> None:
    add(session)
    with pytest.raises(Conflict, match="wang"):
        add(session)
    with pytest.raises(InvalidInput, match="role"):
        add(session, "li", "root")
    for password in ("", "short", "x" * 129):
        with pytest.raises(InvalidInput, match="password has") as caught:
            accounts.create_account(session, "li", password, role="chief")
        assert password == "" or password not in caught.value.message
    with pytest.raises(AccountNotFound):
        accounts.get_account(session, "nobody")


def test_a_password_is_kept_as_argon2id(session: Session) -> None:
    assert add(session).password_hash.startswith("$argon2id$")
    assert len({passwords.new_password() for _ in range(50)}) == 50


def test_every_role_has_its_permissions_and_no_administrator_has_anothers() -> None:
    assert set(accounts.PERMISSIONS) == set(ROLES)
    assert len(accounts.ADMINISTRATORS) == 3
    held = [accounts.PERMISSIONS[role] for role in sorted(accounts.ADMINISTRATORS)]
    special = {Permission.IMPORT, Permission.ACCOUNTS, Permission.AUDIT}
    assert [len(each & special) for each in held] == [1, 1, 1]
    assert frozenset().union(*held) >= special
    workers = set(ROLES) - accounts.ADMINISTRATORS
    assert not any(accounts.PERMISSIONS[role] & special for role in workers)


# -- what an account sees


@pytest.mark.parametrize(
    ("codes", "seen"),
    [
        ([], []), ([A], [A]), ([A, C], [A, C]), (["140105001001"], [A, B]),
        (["140105001"], [A, B, C]), (["140000"], [A, B, C]), (["150000"], []),
        (["140105001002", A], [A, C]), (["14010500100%"], []), (["'; --"], []),
    ],
)  # fmt: skip
def test_an_account_sees_what_it_is_assigned_to(
    places: Session, codes: list[str], seen: list[str]
) -> None:
    account = add(places)
    for code in codes:
        accounts.assign(places, account, code, valid_from=DAY)
    assert assigned_scope(places, account.id, DAY) == GridScope.of(seen)


def test_assignments_have_days(places: Session) -> None:
    account = add(places)
    first = accounts.assign(places, account, A, valid_from=DAY, valid_to=DAY + timedelta(days=2))
    accounts.assign(places, account, B, valid_from=DAY + timedelta(days=1))
    seen = [assigned_scope(places, account.id, DAY + timedelta(days=n)) for n in range(-1, 3)]
    assert seen == [GridScope.of(each) for each in ([], [A], [A, B], [B])]
    accounts.end_assignment(places, first, on=DAY)  # moved to another grid this minute
    assert assigned_scope(places, account.id, DAY) == GridScope.of([])
    with pytest.raises(InvalidInput, match="ends on"):
        accounts.assign(places, account, A, valid_from=DAY, valid_to=DAY)


def test_everything_is_an_assignment_too(places: Session) -> None:
    account = add(places, role="chief")
    accounts.assign(places, account, A, valid_from=DAY)
    made = accounts.assign(places, account, None, valid_from=DAY)
    assert assigned_scope(places, account.id, DAY).is_everything
    accounts.end_assignment(places, made, on=DAY + timedelta(days=1))
    assert assigned_scope(places, account.id, DAY + timedelta(days=1)) == GridScope.of([A])


# -- signing in


def test_sign_in_and_out(database: Database) -> None:
    with database.session() as session:
        accounts.assign(session, add(session), None, valid_from=DAY)
    made = sign_in(database, origin="10.0.0.7")
    who = caller(database, made.token)
    assert who is not None
    assert (who.name, who.role, who.scope.is_everything) == ("wang", "grid_worker", True)
    assert who.may(Permission.WRITE)
    assert not who.may(Permission.IMPORT)
    with database.session() as session:
        kept = session.scalars(select(AccountSession)).one()
        assert made.token.encode() not in kept.token_hash
        assert kept.origin == "10.0.0.7"
        accounts.sign_out(session, made.token, now=NOW)
    assert caller(database, made.token) is None
    assert caller(database, "") is None
    assert caller(database, "x" * 10_000) is None
    assert len({sign_in(database).token for _ in range(3)}) == 3


def test_a_sign_in_ends_when_idle_and_when_old(database: Database) -> None:
    with database.session() as session:
        add(session)
    token, now = sign_in(database).token, NOW
    assert caller(database, token, NOW + IDLE) is None
    while now + timedelta(minutes=50) < NOW + LASTS:
        now += timedelta(minutes=50)
        assert caller(database, token, now) is not None
    assert caller(database, token, NOW + LASTS) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("wang", "wrong-password"), ("nobody", PASSWORD), ("", ""), ("wang", "x" * 100_000),
     ("wang' OR 1=1 --", PASSWORD), ("WANG", PASSWORD)],
)  # fmt: skip
def test_wrong_ones_get_one_answer(database: Database, name: str, password: str) -> None:
    with database.session() as session:
        add(session)
    with pytest.raises(SignInRefused) as caught:
        sign_in(database, name, password)
    assert caught.value.message.startswith("Name, password or code is wrong")
    assert caught.value.facts == {}


def test_five_wrong_tries_lock_the_account_for_a_while(database: Database) -> None:
    with database.session() as session:
        add(session)
    for _ in range(FAILURES_MAX):
        with pytest.raises(SignInRefused):
            sign_in(database, password="wrong-password")
    with pytest.raises(SignInRefused):
        sign_in(database)
    with pytest.raises(SignInRefused):
        sign_in(database, now=NOW + LOCKED_FOR - timedelta(seconds=1))
    sign_in(database, now=NOW + LOCKED_FOR)
    for _ in range(FAILURES_MAX - 1):  # a right one begins the count anew
        with pytest.raises(SignInRefused):
            sign_in(database, password="wrong-password", now=NOW + LOCKED_FOR)
    sign_in(database, now=NOW + LOCKED_FOR)


def test_sign_ins_are_audited_without_what_was_typed(database: Database) -> None:
    with database.session() as session:
        add(session)
    sign_in(database, origin="10.0.0.7")
    for name, password in (("wang", "wrong-password"), ("my-password-typed-as-name", "x")):
        with pytest.raises(SignInRefused):
            sign_in(database, name, password)
    now = datetime.now(UTC)
    with database.session() as session:
        entries = read_log(
            session, Access("auditor"), start=now - LASTS, end=now + timedelta(minutes=1)
        )
    said = [(each.actor, each.action) for each in reversed(entries)]
    assert said == [
        ("wang", "sign_in"), ("wang", "sign_in.refused"), ("unknown", "sign_in.refused"),
    ]  # fmt: skip
    assert entries[-1].origin == "10.0.0.7"


def test_an_ended_account_is_out_at_once(database: Database) -> None:
    with database.session() as session:
        account = add(session)
        token = accounts.create_api_token(
            session, account, "x", scopes=["read"], lasts=LASTS, now=NOW
        )
    signed_in = sign_in(database)
    with database.session() as session:
        accounts.end_account(session, accounts.get_account(session, "wang"), now=NOW)
    assert caller(database, signed_in.token) is None
    with database.session() as session:
        assert accounts.caller_of_token(session, token, now=NOW, day=DAY) is None
        assert accounts.find_accounts(session) == []
        assert len(accounts.find_accounts(session, with_ended=True)) == 1
    with pytest.raises(SignInRefused):
        sign_in(database)


def test_another_password_signs_out_everywhere_and_unlocks(database: Database) -> None:
    with database.session() as session:
        add(session)
    before = sign_in(database)
    for _ in range(FAILURES_MAX):
        with pytest.raises(SignInRefused):
            sign_in(database, password="wrong-password")
    with database.session() as session:
        account = accounts.get_account(session, "wang")
        accounts.set_password(session, account, "another-password", now=NOW)
    assert caller(database, before.token) is None
    sign_in(database, password="another-password")
    with pytest.raises(SignInRefused):
        sign_in(database)


# -- the second factor


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B: SHA-1, the last six of its eight digits."""
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert totp_code(secret, datetime.fromtimestamp(seconds, UTC)) == code
    assert "secret=" in accounts.totp_uri(secret, "wang")


def test_a_code_counts_once_and_for_half_a_minute_aside() -> None:
    secret = accounts.new_totp_secret()
    code = totp_code(secret, NOW)
    step = matching_step(secret, code, now=NOW)
    assert step is not None
    assert matching_step(secret, code, now=NOW + timedelta(seconds=30)) == step
    assert matching_step(secret, code, now=NOW, after=step) is None
    assert matching_step(secret, code, now=NOW + timedelta(seconds=90)) is None
    for wrong in ("", "12345", "一二三四五六", code + " ", "0" * 1000):
        assert matching_step(secret, wrong, now=NOW) is None


def test_who_must_have_a_second_factor(database: Database) -> None:
    secret = accounts.new_totp_secret()
    with database.session() as session:
        add(session, "worker")
        add(session, "admin", "system_administrator")
        add(session, "guarded", "audit_administrator", totp_secret=secret)
        add(session, "demo", "system_administrator", is_demo=True)
    code = totp_code(secret, NOW)
    sign_in(database, "worker")
    sign_in(database, "demo")
    sign_in(database, "admin", second_factor="off")
    for name, more in (
        ("worker", {"second_factor": "all"}), ("admin", {}), ("admin", {"code": "123456"}),
        ("guarded", {}), ("guarded", {"code": "000000"}), ("guarded", {"second_factor": "off"}),
    ):  # fmt: skip
        with pytest.raises(SignInRefused):
            sign_in(database, name, **more)
    sign_in(database, "guarded", code=code)
    with pytest.raises(SignInRefused):  # seen over a shoulder
        sign_in(database, "guarded", code=code)


# -- tokens


def test_a_token_does_what_account_and_token_both_may(session: Session) -> None:
    admin = add(session, "admin", "system_administrator")
    accounts.assign(session, admin, None, valid_from=DAY)
    for scopes, may in ((["read"], {Permission.READ}), (["read", "write"], {"read", "write"})):
        token = accounts.create_api_token(session, admin, "x", scopes=scopes, lasts=LASTS, now=NOW)
        who = accounts.caller_of_token(session, token, now=NOW, day=DAY)
        assert who is not None
        assert who.permissions == may  # never the import of an administrator
        assert who.scope.is_everything
    leader = add(session, "le", "patrol_leader")
    for scopes in (["read"], ["read", "lead"]):
        token = accounts.create_api_token(session, leader, "x", scopes=scopes, lasts=LASTS, now=NOW)
        who = accounts.caller_of_token(session, token, now=NOW, day=DAY)
        assert who is not None
        assert who.permissions == set(scopes)
    analyst = add(session, "an", "analyst")
    token = accounts.create_api_token(
        session, analyst, "x", scopes=["read", "write"], lasts=LASTS, now=NOW
    )
    who = accounts.caller_of_token(session, token, now=NOW, day=DAY)
    assert who is not None
    assert who.permissions == {Permission.READ}
    assert accounts.caller_of_token(session, token, now=NOW + LASTS, day=DAY) is None
    accounts.end_api_token(session, analyst, "x", now=NOW)
    assert accounts.caller_of_token(session, token, now=NOW, day=DAY) is None
    assert token.encode() not in session.scalars(select(ApiToken.token_hash)).first()  # type: ignore[operator]
    with pytest.raises(AccountNotFound):
        accounts.end_api_token(session, analyst, "x", now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": []}, {"scopes": ["import"]}, {"scopes": ["read", "lead"]},
     {"lasts": timedelta(0)}, {"name": " "},
     {"lasts": timedelta(days=367)}],
)  # fmt: skip
def test_bad_tokens_are_refused(session: Session, wrong: dict[str, Any]) -> None:
    given = {"name": "x", "scopes": ["read"], "lasts": LASTS, **wrong}
    with pytest.raises(InvalidInput):
        accounts.create_api_token(session, add(session), now=NOW, **given)


def test_an_audit_administrator_sees_no_places(places: Session, database: Database) -> None:
    with database.session() as session:
        account = add(session, "auditor", "audit_administrator", is_demo=True)
        session.add(AccountAssignment(account_id=account.id, valid_from=DAY))
    who = caller(database, sign_in(database, "auditor").token)
    assert who is not None
    assert who.scope == GridScope.of([])
    assert who.permissions == {Permission.AUDIT}
