"""The threat model names tests that exist, at least one a threat."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "threat_model.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| ([STRIDE]) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_every_test_that_is_named_is_there() -> None:
    for file, name in NAMED.findall(PAGE.read_text(encoding="utf-8")):
        path = ROOT / file
        assert path.is_file(), file
        source = path.read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{file}::{name}"


def test_every_threat_names_a_test_and_each_kind_has_one() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert {kind for kind, *_ in rows} == set("STRIDE")
    for _, threat, control, shown_by in rows:
        assert control.strip(), threat
        assert NAMED.search(shown_by), threat
