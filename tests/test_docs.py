"""What the docs promise to list, they list."""

from __future__ import annotations

import re
from pathlib import Path

from geo.settings import Settings

ROOT = Path(__file__).parents[1]


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `GRIDBEAT_(\w+)` \| (.*?) \|", page, flags=re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None and field.default_factory is None:
            shown = str(field.default).lower() if field.default in (True, False) else field.default
            assert rows[name.upper()] == f"`{shown}`"


def test_no_page_of_the_docs_names_a_file_that_is_not_there() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
