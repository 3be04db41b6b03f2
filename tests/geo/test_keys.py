"""The key file: made once, closed to others, changed as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geo.errors import Conflict, InvalidFile, InvalidInput, KeyMissing
from geo.keys import KeyFile, KeyRing

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "deep" / "keys.json")
    made = file.make(KeyRing.of_chance(now=NOW))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(file.path).ring() == made
    assert {key.use for key in made.keys} == {"seal", "index"}
    assert [each.name for each in file.path.parent.iterdir()] == ["keys.json"]


def test_of_two_first_starts_the_first_counts(tmp_path: Path) -> None:
    first, second = KeyFile(tmp_path / "keys.json"), KeyFile(tmp_path / "keys.json")
    made = first.make(KeyRing.of_chance(now=NOW))
    assert second.make(KeyRing.of_chance(now=NOW)) == made


def test_a_change_is_seen_by_who_reads_already(tmp_path: Path) -> None:
    running, other = KeyFile(tmp_path / "keys.json"), KeyFile(tmp_path / "keys.json")
    ring = running.make(KeyRing.of_chance(now=NOW))
    later = other.change(ring.with_new("seal", now=NOW + timedelta(days=90)))
    assert running.ring() == later
    assert running.ring().current("seal").id != ring.current("seal").id
    assert running.ring().current("index") == ring.current("index")
    assert [key.superseded_at is None for key in later.all_of("seal")] == [True, False]


def test_what_is_wrong_with_a_file_is_said_with_the_remedy(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    with pytest.raises(KeyMissing, match="GRIDBEAT_KEYS_FILE"):
        file.ring()
    ring = file.make(KeyRing.of_chance(now=NOW))
    sound = file.path.read_text()
    file.path.chmod(0o644)
    with pytest.raises(InvalidFile, match="chmod 600"):
        KeyFile(file.path).ring()
    file.path.chmod(0o640)  # a mounted secret: its group may read
    assert KeyFile(file.path).ring() == ring
    file.path.chmod(0o600)
    twice = json.loads(sound)
    twice["keys"] += twice["keys"]
    short = json.loads(sound)
    short["keys"][0]["secret"] = "AAAA"
    none_current = json.loads(sound)
    none_current["keys"][0]["superseded_at"] = NOW.isoformat()
    for broken in ("", "{}", "[]", '{"keys": [1]}', '{"keys": []}', sound[:-9], "\x00",
                   json.dumps(twice), json.dumps(short), json.dumps(none_current)):  # fmt: skip
        file.path.write_text(broken)
        with pytest.raises(InvalidFile, match="copy kept elsewhere") as caught:
            KeyFile(file.path).ring()
        assert json.loads(sound)["keys"][1]["secret"] not in caught.value.message


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(InvalidInput, match="can't be written"):
        KeyFile(tmp_path / "a file" / "keys.json").make(KeyRing.of_chance(now=NOW))


def test_the_current_key_cannot_be_taken_out() -> None:
    ring = KeyRing.of_chance(now=NOW)
    first = ring.current("seal").id
    with pytest.raises(Conflict, match="rotate"):
        ring.without(first)
    later = ring.with_new("seal", now=NOW)
    assert first not in {key.id for key in later.without(first).keys}
    with pytest.raises(KeyMissing):
        later.without("seal-none")
