"""What this platform does not do (README, “What it never does”), as far as a test can guard it."""

from __future__ import annotations

import re
from pathlib import Path

from geo.tables import Base

ROOT = Path(__file__).parents[1]

# Words of an English column or table name that would record what the platform never records.
NEVER_RECORDED = {
    "risk", "watchlist", "blacklist", "suspect", "suspicion", "ethnicity", "ethnic", "nationality",
    "race", "religion", "political", "party", "biometric", "face", "fingerprint", "iris", "dna",
    "health", "disease", "diagnosis", "convicted", "conviction", "addicted", "addiction", "mental",
    "misconduct", "plate", "camera", "trajectory", "contacts",
}  # fmt: skip


# Columns whose name says one of these words and means another thing.
MEANS_ANOTHER_THING = {("incident", "fingerprint")}  # a hash of what a row of a file says


def test_no_table_or_column_records_what_is_never_recorded() -> None:
    for table in Base.metadata.tables.values():
        for name in [table.name, *(column.name for column in table.columns)]:
            if (table.name, name) in MEANS_ANOTHER_THING:
                continue
            assert not NEVER_RECORDED & set(name.split("_")), f"{table.name}: {name}"


def test_the_least_that_identifies_is_kept_of_a_person() -> None:
    kept_of_a_person = {
        "name", "identity_kind", "identity_sealed", "identity_index", "birth_year", "phone_sealed",
        "phone_index",
    }  # fmt: skip
    about_the_record = {
        "id", "missing", "source", "recorded_by", "version", "created_at", "updated_at",
    }  # fmt: skip
    columns = {column.name for column in Base.metadata.tables["resident"].columns}
    assert columns == kept_of_a_person | about_the_record


def test_readme_says_each_thing_it_never_does() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## What it never does", 1)[1].split("\n## ", 1)[0].lower()
    for thing in (
        "risk score", "watch list", "trajector", "contact graph", "ethnicity", "religion",
        "political", "biometric", "health", "convicted", "minors", "models trained on persons",
        "face recognition", "plates", "without a purpose", "exact incident points",
    ):  # fmt: skip
        assert thing in section, f"README does not say: {thing}"


def test_no_source_file_names_an_outside_host_to_fetch_from() -> None:
    fetched = re.compile(
        r"https?://[^\s\"'<>]*(?:cdn|unpkg|jsdelivr|jquery\.com|tile\.|fonts\.|openstreetmap\.org/\{)"
    )
    for folder, patterns in (
        ("web/static", ("*.js", "*.css")),
        ("web/templates", ("*.html",)),
        ("api", ("*.py",)),
        ("layers", ("*.py",)),
        ("geo", ("*.py",)),
    ):
        for pattern in patterns:
            for file in (ROOT / folder).rglob(pattern):
                if "node_modules" in file.parts or "vendor" in file.parts:
                    continue
                found = fetched.findall(file.read_text(encoding="utf-8"))
                assert not found, f"{file.relative_to(ROOT)} names {found}"
