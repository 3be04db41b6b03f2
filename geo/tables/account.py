"""Accounts, what they are assigned to, their sessions and their tokens for programs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

ROLES = (
    "grid_worker", "patrol_leader", "chief", "analyst",
    "system_administrator", "security_administrator", "audit_administrator",
)  # fmt: skip
TOKEN_SCOPES = ("read", "write", "lead")
SIGN_IN_WAYS = ("password", "oidc")


class Account(Base):
    """Who may sign in. One account has one role, so that the three administrators are three.

    `name` is typed at sign-in, `shown_name` is for people. `is_demo` accounts belong to a generated
    city: their passwords are known to everybody. `home_address_id` is the standard address where
    the person lives, known for one thing: that the audit administrator sees who reads their own.
    `must_change_password` stands where somebody else knows the password, too.
    `oidc_issuer` and `oidc_subject` are whom it belongs to at the provider, from the first sign-in
    there on.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name="oidc"),
        Index("uq_account_name", "name", unique=True),
        Index("uq_account_oidc", "oidc_issuer", "oidc_subject", unique=True),
    )

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(Text(collation="C"))
    shown_name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    totp_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    failed_count: Mapped[int] = mapped_column(Integer, server_default="0")
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    is_demo: Mapped[bool] = mapped_column(Boolean, server_default="false")
    # A number without a foreign key: an account stays when its address is merged or ends.
    home_address_id: Mapped[int | None] = mapped_column(BigInteger)
    must_change_password: Mapped[bool] = mapped_column(Boolean, server_default="false")
    oidc_issuer: Mapped[str | None] = mapped_column(Text)
    oidc_subject: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Timestamp]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class AccountAssignment(Base):
    """What an account sees, on the days of [valid_from, valid_to).

    `area_code` is an area of any level or a grid; missing, it is everything.
    """

    __tablename__ = "account_assignment"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        Index("ix_account_assignment_account_id", "account_id"),
    )

    id: Mapped[RowId]
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    area_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[Timestamp]


class AccountSession(Base):
    """One sign-in. The token itself is with the browser; here is its hash."""

    __tablename__ = "account_session"
    __table_args__ = (
        CheckConstraint(f"signed_in_by IN {SIGN_IN_WAYS}", name="signed_in_by"),
        Index("uq_account_session_token_hash", "token_hash", unique=True),
        Index("ix_account_session_account_id", "account_id"),
    )

    id: Mapped[RowId]
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    origin: Mapped[str | None] = mapped_column(Text)
    signed_in_by: Mapped[str] = mapped_column(Text, server_default="password")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class AccountTask(Base):
    """Why somebody reads about persons: open in one sign-in until `ends_at`, or `ended_at` before.

    `purpose` is a code of `geo.purposes`; neither `case_ref` nor `note` names a person.
    """

    __tablename__ = "account_task"
    __table_args__ = (
        CheckConstraint("ends_at > started_at", name="period"),
        Index(
            "uq_account_task_session_id",
            "session_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_account_task_account_id", "account_id"),
    )

    id: Mapped[RowId]
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    session_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account_session.id"))
    purpose: Mapped[str] = mapped_column(Text)
    case_ref: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ApiToken(Base):
    """A token with which a program acts for an account, as far as its `scopes` go."""

    __tablename__ = "api_token"
    __table_args__ = (
        Index("uq_api_token_token_hash", "token_hash", unique=True),
        Index("ix_api_token_account_id", "account_id"),
    )

    id: Mapped[RowId]
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
