"""What every queue for a person shares: a decision names the version it has seen, and a note."""

from __future__ import annotations

from geo.errors import Conflict, InvalidInput

NOTE_CHARS_MAX = 500


def require_version(what: str, version: int, seen: int) -> None:
    """Refuse a decision about something that changed since it was seen.

    Raises
    ------
    Conflict : `version` is not the one `seen`
    """
    if version != seen:
        raise Conflict(
            f"{what} is at version {version}, you have seen {seen}. Look again and decide then.",
            version=version,
        )


def checked_note(note: str | None) -> str | None:
    """Return a note as it was given.

    Raises
    ------
    InvalidInput : it is too long
    """
    if note is not None and len(note) > NOTE_CHARS_MAX:
        raise InvalidInput(
            f"The note has {len(note)} characters, wanted at most {NOTE_CHARS_MAX}.", field="note"
        )
    return note
