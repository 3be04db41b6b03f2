"""Whether the key file is this store's: which keys it must hold, noted in the database.

The note holds ids and what tells a key from another of the same id, nothing of the keys. A store
that has one never gets new keys in place of lost ones: they would open nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.errors import KeyMissing
from geo.keys import KeyFile, KeyRing
from geo.tables import StoreNote

NOTE = "keys"


def open_keys(owner: Engine, file: KeyFile, *, now: datetime) -> KeyRing:
    """Return the keys of a store; a store that never had any gets a file with new ones.

    Parameters
    ----------
    owner : as the store's owner; the store may be empty, or of an older version

    Raises
    ------
    KeyMissing : the file is not there, or has not the keys of this store
    InvalidFile : it is damaged, or others may read it
    """
    with owner.connect() as connection:
        noted = noted_keys(connection)
    ring = file.make(KeyRing.of_chance(now=now)) if not noted and not file.path.exists() else None
    ring = ring or file.ring()
    there = {key.id: key.check for key in ring.keys}
    for key_id, check in noted.items():
        if there.get(key_id) != check:
            what = "another key of that id" if key_id in there else "no key of that id"
            raise KeyMissing(
                f"Values of this store are sealed with key {key_id}, and the key file "
                f"{file.path.name} has {what}. Put back the file that belongs to this store, or "
                "name its place: GRIDBEAT_KEYS_FILE.",
                key_id=key_id,
            )
    return ring


def noted_keys(connection: Connection) -> dict[str, str]:
    """Return the check of each key the store needs, by id; none where it never had any."""
    if connection.scalar(text("SELECT to_regclass('store_note')")) is None:
        return {}
    noted = connection.scalar(select(StoreNote.value).where(StoreNote.name == NOTE))
    return dict(noted or {})


def note_first_keys(owner: Engine, ring: KeyRing) -> None:
    """Note the keys of a store that has no note yet."""
    with owner.begin() as connection:
        connection.execute(insert(StoreNote).values(_note_of(ring)).on_conflict_do_nothing())


def note_keys(bind: Session, ring: KeyRing) -> None:
    """Note that the store needs these keys and no others."""
    values = _note_of(ring)
    query = insert(StoreNote).values(values)
    bind.execute(
        query.on_conflict_do_update(
            index_elements=[StoreNote.name],
            set_={"value": values["value"], "updated_at": func.now()},
        )
    )


def _note_of(ring: KeyRing) -> dict[str, Any]:
    return {"name": NOTE, "value": {key.id: key.check for key in ring.keys}}
