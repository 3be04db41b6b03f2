"""The data inventory says what every column holds, and the page is what the command prints."""

from __future__ import annotations

from pathlib import Path

from geo.inventory import inventory_text, load_entries, missing_entries, unused_entries
from geo.retention import RULES
from geo.sealed_columns import SEALED_COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "data_inventory.md"


def test_every_table_and_column_has_an_entry() -> None:
    assert missing_entries() == [], (
        "say in geo/data/inventory_tables.csv and inventory_columns.csv what they hold, of whom; "
        "then: gridbeat inventory > docs/data_inventory.md"
    )


def test_every_entry_is_of_something_that_is_there() -> None:
    assert unused_entries() == []


def test_the_page_is_what_the_command_prints() -> None:
    assert PAGE.read_text(encoding="utf-8") == inventory_text(), (
        "make it anew: gridbeat inventory > docs/data_inventory.md"
    )


def test_what_is_sealed_is_about_a_person_or_a_secret() -> None:
    _, columns = load_entries()
    for each in SEALED_COLUMNS:
        assert columns[each.table, each.column].about in ("person", "staff"), each
        assert f"| `{each.column}` |" in PAGE.read_text(encoding="utf-8")


def test_every_rule_that_is_named_is_one() -> None:
    tables, _ = load_entries()
    named = {
        entry.kept.split("rule ", 1)[1].split(":")[0].split(" ")[0]
        for entry in tables.values()
        if "rule " in entry.kept
    }
    assert named == {rule.name for rule in RULES}
