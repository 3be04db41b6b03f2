"""Tasks: why somebody reads about persons, said once and kept with their sign-in until it ends.

What they read meanwhile stands in the audit log under the task's purpose and case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stdnum.cn import ric

from geo.errors import InvalidInput
from geo.tables import AccountSession, AccountTask

CASE_CHARS_MAX = 60
NOTE_CHARS_MAX = 200
HOURS_MAX = 12
_DIGITS = re.compile(r"(?<![0-9A-Za-z])([0-9]{17}[0-9Xx]|1[3-9][0-9]{9})(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that is open. `purpose` is a code of the list of purposes."""

    id: int
    purpose: str
    case_ref: str
    note: str | None
    started_at: datetime
    ends_at: datetime


def open_task(
    session: Session,
    *,
    account_id: int,
    session_id: int,
    purpose: str,
    case_ref: str,
    note: str | None,
    lasts: timedelta,
    now: datetime,
) -> OpenTask:
    """Return a new task of a sign-in; one that was open ends.

    Parameters
    ----------
    purpose : a code of the list of purposes

    Raises
    ------
    InvalidInput : the case or the note can't be, or it would last too long
    """
    if not timedelta(0) < lasts <= timedelta(hours=HOURS_MAX):
        raise InvalidInput(
            f"The task would last {lasts}, wanted up to {HOURS_MAX} hours.", field="hours"
        )
    # Held until the transaction ends: two at a time would both find none open.
    session.execute(
        select(AccountSession.id).where(AccountSession.id == session_id).with_for_update()
    )
    end_task(session, session_id=session_id, now=now)
    task = AccountTask(
        account_id=account_id,
        session_id=session_id,
        purpose=purpose,
        case_ref=checked_case_ref(case_ref),
        note=checked_task_note(note),
        started_at=now,
        ends_at=now + lasts,
    )
    session.add(task)
    session.flush()
    return task_of(task)


def end_task(session: Session, *, session_id: int, now: datetime) -> bool:
    """End the open task of a sign-in; whether there was one."""
    ended = session.execute(
        update(AccountTask)
        .where(
            AccountTask.session_id == session_id,
            AccountTask.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(AccountTask.ends_at)
    ).all()
    return any(row.ends_at > now for row in ended)


def task_of(row: AccountTask) -> OpenTask:
    """Return a row as what the rest of the program knows of it."""
    return OpenTask(row.id, row.purpose, row.case_ref, row.note, row.started_at, row.ends_at)


def checked_case_ref(case_ref: str) -> str:
    """Return the reference of a case or task without spaces around it.

    Raises
    ------
    InvalidInput : there is none, it is too long, or it is a person's number
    """
    case = case_ref.strip()
    if not 1 <= len(case) <= CASE_CHARS_MAX:
        raise InvalidInput(
            f"The reference of the case has {len(case)} characters, wanted 1 to {CASE_CHARS_MAX}, "
            "such as a number of a case, a task or a visit list.",
            field="case_ref",
        )
    refuse_numbers_of_persons(case, "case_ref")
    return case


def checked_task_note(note: str | None) -> str | None:
    """Return a note as it was given, None where it is empty.

    Raises
    ------
    InvalidInput : it is too long, or holds a person's number
    """
    if note is None or not note.strip():
        return None
    if len(note) > NOTE_CHARS_MAX:
        raise InvalidInput(
            f"The note has {len(note)} characters, wanted at most {NOTE_CHARS_MAX}.", field="note"
        )
    refuse_numbers_of_persons(note, "note")
    return note.strip()


def refuse_numbers_of_persons(text: str, field: str) -> None:
    """Refuse a text that is kept long and read by others, where it names a person.

    Raises
    ------
    InvalidInput : it holds what looks like a phone or an identity number
    """
    for found in _DIGITS.findall(text):
        if len(found) == 11 or _is_identity_number(found):
            raise InvalidInput(
                "This holds what looks like a phone or an identity number. Name the case, not the "
                "person.",
                field=field,
            )


def _is_identity_number(text: str) -> bool:
    """Whether 18 characters end as an identity number does; numbers of cases rarely do."""
    return bool(ric.calc_check_digit(text) == text[-1].upper())
