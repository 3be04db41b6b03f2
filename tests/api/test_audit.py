"""The audit log over HTTP, for its administrator."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from geo.audit import Access, record
from geo.audit_anchors import FILE_NAME, anchor
from geo.settings import Settings
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, make_engine
from tests.signed_in import caller_of, signed_in


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data_folder=tmp_path, demo=False, time_zone="UTC")
    app = signed_in(create_app(settings, database), caller_of("audit_administrator"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def write(database: Database, *entries: tuple[str, str, dict[str, Any]]) -> None:
    with database.session() as session:
        for actor, action, more in entries:
            access = Access(actor, case_ref=more.pop("case", None))
            record(session, access, action, **more)


def test_entries_are_narrowed_and_paged_and_reading_is_logged(
    client: TestClient, database: Database
) -> None:
    write(
        database,
        *[("wang", "resident.read", {"object_kind": "resident", "object_ref": str(n), "case": "1"})
          for n in range(3)],
        ("li", "refused.no_purpose", {"object_kind": "get_resident"}),
    )  # fmt: skip
    seen, page = [], "/v1/audit/entries?by=wang&action=resident&limit=2"
    while page:
        body = client.get(page).json()
        seen += [each["object_ref"] for each in body["entries"]]
        page = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert seen == ["2", "1", "0"]
    without = client.get("/v1/audit/entries", params={"without_case": True}).json()["entries"]
    assert {each["action"] for each in without} == {"refused.no_purpose", "audit.read"}
    assert without[0]["actor"] == "test"  # who looked
    assert client.get("/v1/audit/entries", params={"until": "2020-01-01"}).json()["entries"] == []


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-06-02&until=2026-06-01", "since=2020-01-01&until=2026-06-01",
        "since=9999-12-31&until=9999-12-31", "until=0001-01-01", "after=x", "after=2026-01-01|1|1",
        "after=2026-01-01T00:00:00%2B00:00|99999|1", "limit=0", "by=%00", "who=wang",
    ],
)  # fmt: skip
def test_bad_questions(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/audit/entries?{query}").status_code == 422


def test_a_csv_starts_no_formula(client: TestClient, database: Database) -> None:
    write(database, ("=cmd|' /C calc'!A0", "-x", {"object_ref": "@SUM(1)", "row_count": 7}))
    answer = client.get("/v1/audit/file")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    row = next(row for row in rows if row["row_count"] == "7")
    assert (row["actor"], row["action"], row["object_ref"]) == (
        "'=cmd|' /C calc'!A0", "'-x", "'@SUM(1)",
    )  # fmt: skip
    assert "audit.export" in [row["action"] for row in rows]


def test_volumes_and_own_addresses(client: TestClient, database: Database) -> None:
    write(database, ("wang", "resident.list", {"object_kind": "grid", "row_count": 500}))
    body = client.get("/v1/audit/volumes").json()
    assert (body["ratio"], body["rows_min"]) == (5.0, 100)
    (day,) = body["days"]
    assert (day["actor"], day["rows_read"], day["usual_rows"]) == ("wang", 500, None)
    assert day["day"] == datetime.now(UTC).date().isoformat()
    with database.session() as session:
        session.execute(
            text("INSERT INTO account (name, shown_name, role, password_hash, home_address_id) "
                 "VALUES ('wang', 'x', 'chief', 'x', 7), ('li', 'x', 'chief', 'x', NULL)")
        )  # fmt: skip
    write(
        database,
        ("wang", "resident.read_at_address", {"object_kind": "address", "object_ref": "7"}),
    )
    own = client.get("/v1/audit/own-addresses").json()
    assert ([each["actor"] for each in own["entries"]], own["unknown_count"]) == (["wang"], 1)


def test_a_changed_entry_and_a_changed_anchor_are_said(
    client: TestClient, database: Database, cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    state = client.get("/v1/audit/state").json()
    assert state == {
        "check": None, "anchored_at": None, "anchored_root": None, "anchor_fault": None,
    }  # fmt: skip
    write(database, ("wang", "resident.read", {}))
    with database.session() as session:
        made = anchor(session, tmp_path, now=datetime.now(UTC))
    state = client.post("/v1/audit/check").json()
    assert state["check"]["faults"] == []
    assert state["anchored_root"] == made.root
    owner = make_engine(cluster.url(OWNER_ROLE, str(database.engine.url.database)), pool_size=1)
    with owner.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'li' WHERE actor = 'wang'"))
    owner.dispose()
    state = client.post("/v1/audit/check").json()
    assert "not what was hashed" in state["check"]["faults"][0]["what"]
    assert client.get("/v1/audit/state").json() == state
    (tmp_path / FILE_NAME).write_text("{}\n")
    assert "compare it with a copy" in client.get("/v1/audit/state").json()["anchor_fault"]
    assert client.post("/v1/audit/check").status_code == 409
