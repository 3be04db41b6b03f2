"""The registers over HTTP: what a worker sends, is answered, and is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import current_caller
from geo.audit import Access, read_log
from geo.settings import Settings
from geo.store.database import Database
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address
from tests.geo.registers.conftest import identity
from tests.signed_in import caller_of, signed_in

A, B = "14010500100100001", "14010500100100002"
REASON = {"X-Purpose": "register", "X-Case": "T-2026-1"}
PHONE = "15400000001"


class Office:
    """The application over two grids, asked by whoever is set to ask."""

    def __init__(self, database: Database, client: TestClient, ids: dict[str, int]) -> None:
        self.database, self.client, self.ids = database, client, ids

    def as_(self, role: str, *grid_codes: str) -> TestClient:
        caller = caller_of(role, *grid_codes)
        self.client.app.dependency_overrides[current_caller] = lambda: caller  # type: ignore[attr-defined]
        return self.client

    def actions(self) -> list[str]:
        """What the audit log says, oldest first."""
        now = datetime.now(UTC)
        with self.database.session() as session:
            entries = read_log(
                session, Access("zhao"), start=now - timedelta(days=1),
                end=now + timedelta(days=1), limit=1000,
            )  # fmt: skip
            return [each.action for each in reversed(entries)]


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    drawn = draw("AB")
    with database.session() as session:
        version = add_grid_version(session)
        grids = {
            letter: add_grid(session, code, drawn[letter], version=version)
            for letter, code in (("A", A), ("B", B))
        }
        ids = {
            name: add_standard_address(session, grid=grids[name[0].upper()]).id
            for name in ("a", "a2", "b")
        }
    app = signed_in(create_app(Settings(data_folder=tmp_path, demo=False), database))
    with TestClient(app, raise_server_exceptions=False) as client:
        # Beside it, the first request would let a warning slip that FastAPI silences.
        client.app.state.services.warming.join()  # type: ignore[attr-defined]
        yield Office(database, client, ids)


def person(office: Office, at: str = "a", number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "name": f"测试甲{number}", "identity_number": identity(number), "phone": PHONE,
        "residence": {
            "standard_address_id": office.ids[at], "kind": "floating", "lived_from": "2025-01-01",
            "household_ref": "1",
        },
        **more,
    }  # fmt: skip


def facts(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]["facts"]
    return found


def test_a_dwelling_from_recording_to_its_end(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    body = {
        "standard_address_id": office.ids["a"], "use": "rented_shared", "room_count": 3,
        "landlord_name": "测试乙某", "landlord_phone": PHONE, "look": {"on": "2026-01-15"},
    }  # fmt: skip
    assert worker.post("/v1/dwellings", json=body).status_code == 428  # it tells of a landlord
    made = worker.post("/v1/dwellings", json=body, headers=REASON)
    assert made.status_code == 201
    answer = made.json()
    assert (answer["missing"], answer["due_on"]) == (["registered_on"], "2026-04-15")
    url = made.headers["Location"]
    shown = worker.get(url).json()
    assert shown["landlord"] is None
    assert shown["quality"]["verified_how"] == "visit"
    assert worker.get(url, headers=REASON).json()["landlord"] == {
        "name": "测试乙某", "phone": "154****0001", "note": None,
    }  # fmt: skip
    changed = worker.patch(url, json={"expected_version": 1, "registered_on": "2026-01-10"})
    assert (changed.json()["version"], changed.json()["missing"]) == (2, [])
    looked = worker.post(
        f"{url}/verify", json={"expected_version": 2, "look": {"on": "2026-02-01", "how": "call"}}
    )
    assert looked.json()["due_on"] == "2026-05-01"
    told = worker.post(f"{url}/reports", json={"note": "已改自住", "field": "use"})
    assert told.status_code == 201
    (listed,) = worker.get("/v1/record-reports").json()["reports"]
    assert listed["id"] == told.json()["id"]
    settled = worker.post(f"/v1/record-reports/{listed['id']}/settle", json={"mended": True})
    assert settled.json()["status"] == "mended"
    ended = worker.post(f"{url}/end", json={"expected_version": 2, "ended_on": "2026-03-01"})
    assert ended.json()["version"] == 3
    history = worker.get(f"{url}/history").json()["history"]
    assert [each["version"] for each in history] == [1, 2]
    assert history[0]["was"]["registered_on"] is None
    assert "landlord_name" not in history[0]["was"]
    assert office.actions() == [
        "refused.no_purpose", "dwelling.create", "dwelling.read_landlord", "dwelling.change",
        "dwelling.verify", "dwelling.report",
        "record_report.list", "dwelling.report_mended", "dwelling.end",
    ]  # fmt: skip


def test_faults_alike_and_stale_have_one_shape(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    body = {"standard_address_id": office.ids["a"], "use": "vacant"}
    wrong = worker.post("/v1/dwellings", json={**body, "landlord_phone": "123"}, headers=REASON)
    assert wrong.status_code == 422
    assert facts(wrong)["faults"][0]["code"] == "phone_form"
    made = worker.post("/v1/dwellings", json=body).json()
    alike = worker.post("/v1/dwellings", json=body)
    assert alike.status_code == 409
    assert alike.json()["error"]["code"] == "record_conflict"
    assert facts(alike)["alike"][0]["record_id"] == made["record_id"]
    other = worker.post("/v1/dwellings", json={**body, "although_alike": True})
    assert other.status_code == 201
    url = f"/v1/dwellings/{made['record_id']}"
    worker.patch(url, json={"expected_version": 1, "room_count": 2})
    stale = worker.patch(url, json={"expected_version": 1, "room_count": 5})
    assert stale.status_code == 409
    assert stale.json()["error"]["code"] == "stale_record"
    assert facts(stale)["sides"] == {"room_count": {"given": 5, "stored": 2}}


def test_mass_assignment_is_refused(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    body = {"standard_address_id": office.ids["a"], "use": "vacant"}
    for field, value in (("grid_code", B), ("id", 7), ("verified_by", "li"), ("version", 9),
                         ("source", "x"), ("recorded_by", "li")):  # fmt: skip
        assert worker.post("/v1/dwellings", json={**body, field: value}).status_code == 422
    made = worker.post("/v1/residents", json=person(office), headers=REASON).json()
    url = f"/v1/residents/{made['record_id']}"
    for field in ("missing", "identity_index", "source", "ethnicity"):
        wrong = worker.patch(url, json={"expected_version": 1, field: "x"}, headers=REASON)
        assert wrong.status_code == 422, field


def test_what_is_sent_again_is_stored_once(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    key = {"Idempotency-Key": "7f3c"}
    body = {"standard_address_id": office.ids["a"], "use": "vacant"}
    first = worker.post("/v1/dwellings", json=body, headers=key)
    again = worker.post("/v1/dwellings", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == {**first.json(), "replayed": True}
    other = worker.post(
        "/v1/dwellings", json={**body, "standard_address_id": office.ids["a2"]}, headers=key
    )
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "write_key_taken"
    assert len(worker.get("/v1/dwellings").json()["dwellings"]) == 1


def test_an_establishment_moves(office: Office) -> None:
    leader = office.as_("patrol_leader", A, B)
    body = {
        "standard_address_id": office.ids["a"], "name": "示例早餐店",
        "establishment_class": "nine_small", "occupied_from": "2025-01-01",
        "credit_code": "91350100m000100y43", "contact_phone": PHONE,
    }  # fmt: skip
    assert leader.post("/v1/establishments", json=body).status_code == 428  # a contact
    made = leader.post("/v1/establishments", json=body, headers=REASON)
    assert made.status_code == 201
    url = made.headers["Location"]
    moved = leader.post(
        f"{url}/move",
        json={
            "expected_version": 1, "standard_address_id": office.ids["b"], "moved_on": "2026-01-01",
        },
    )  # fmt: skip
    assert moved.status_code == 201
    listed = leader.get("/v1/establishments", params={"on": "2026-02-01"}).json()["establishments"]
    assert [(each["grid_code"], each["moved_from_id"]) for each in listed] == [
        (B, made.json()["record_id"])
    ]
    before = leader.get("/v1/establishments", params={"on": "2025-12-31"}).json()
    assert [each["grid_code"] for each in before["establishments"]] == [A]


def test_persons_take_a_purpose_and_a_case(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    refused = worker.post("/v1/residents", json=person(office))
    assert refused.status_code == 428
    assert refused.json()["error"]["code"] == "purpose_missing"
    made = worker.post("/v1/residents", json=person(office), headers=REASON)
    assert made.status_code == 201
    url = made.headers["Location"]
    assert worker.get(url).status_code == 428
    assert worker.get("/v1/residents", params={"grid_code": A}).status_code == 428
    shown = worker.get(url, headers=REASON).json()
    assert shown["identity_number"] == f"999***********{identity(1)[-4:]}"
    assert shown["phone"] == "154****0001"
    listed = worker.get("/v1/residents", params={"grid_code": A}, headers=REASON).json()
    assert [each["id"] for each in listed["residents"]] == [shown["id"]]
    assert worker.get("/v1/residents", headers=REASON).status_code == 422  # nobody goes through all
    done = [action for action in office.actions() if action.startswith("resident.")]
    assert done == ["resident.create", "resident.read", "resident.list"]


def test_roles_see_persons_or_not(office: Office) -> None:
    made = office.as_("grid_worker", A).post(
        "/v1/residents", json=person(office), headers=REASON
    ).json()  # fmt: skip
    url = f"/v1/residents/{made['record_id']}"
    for role, sees, identity_too in (
        ("grid_worker", True, False), ("patrol_leader", True, True), ("chief", True, True),
        ("analyst", False, False), ("system_administrator", False, False),
    ):  # fmt: skip
        client = office.as_(role, A)
        wanted = 200 if sees else 403
        assert client.get(url, headers=REASON).status_code == wanted, role
        phone = client.post(f"{url}/numbers", json={"fields": ["phone"]}, headers=REASON)
        assert phone.status_code == wanted, role
        number = client.post(f"{url}/numbers", json={"fields": ["identity_number"]}, headers=REASON)
        assert number.status_code == (200 if identity_too else 403), role
        if identity_too:
            assert number.json()["identity_number"] == identity(1)
        records = client.get(f"/v1/addresses/{office.ids['a']}/records", headers=REASON)
        assert (records.json()["residents"] is not None) == sees, role
    assert "resident.unmask identity_number" in office.actions()


def test_outside_the_scope_nobody_is_there(office: Office) -> None:
    made = office.as_("grid_worker", A).post(
        "/v1/residents", json=person(office), headers=REASON
    ).json()  # fmt: skip
    neighbour = office.as_("grid_worker", B)
    assert neighbour.get(f"/v1/residents/{made['record_id']}", headers=REASON).status_code == 404
    found = neighbour.post("/v1/residents/search", json={"phone": PHONE}, headers=REASON)
    assert found.json() == {"residents": []}
    elsewhere = neighbour.post("/v1/residents", json=person(office, "b"), headers=REASON)
    assert elsewhere.status_code == 409
    assert [each["code"] for each in facts(elsewhere)["conflicts"]] == ["lives_elsewhere"]
    assert facts(elsewhere)["conflicts"][0]["record_id"] is None
    assert neighbour.get(
        "/v1/residents", params={"address_id": office.ids["a"]}, headers=REASON
    ).status_code == 404  # fmt: skip


def test_a_person_moves_and_is_asked_for_by_day(office: Office) -> None:
    leader = office.as_("patrol_leader", A, B)
    made = leader.post("/v1/residents", json=person(office), headers=REASON).json()
    moved = leader.post(
        f"/v1/residences/{made['residence_id']}/move",
        json={
            "expected_version": 1, "standard_address_id": office.ids["b"], "kind": "floating",
            "lived_from": "2026-01-01",
        },
        headers=REASON,
    )  # fmt: skip
    assert moved.status_code == 201

    def there(at: str, on: str) -> list[int]:
        answer = leader.get(
            "/v1/residents", params={"address_id": office.ids[at], "on": on}, headers=REASON
        )
        return [each["id"] for each in answer.json()["residents"]]

    assert (there("a", "2025-12-31"), there("a", "2026-01-01")) == ([made["record_id"]], [])
    assert (there("b", "2025-12-31"), there("b", "2026-01-01")) == ([], [made["record_id"]])
    now = leader.get(f"/v1/residents/{made['record_id']}", headers=REASON).json()
    assert len(now["residences"]) == 2
    annulled = leader.post(
        f"/v1/residences/{moved.json()['record_id']}/annul", json={"expected_version": 1},
        headers=REASON,
    )  # fmt: skip
    assert annulled.status_code == 200


def test_a_number_is_in_no_answer_of_a_fault(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    wrong = identity(1)[:-1] + ("0" if identity(1)[-1] != "0" else "1")
    for body in (
        person(office, identity_number=wrong),
        person(office, identity_number={"x": wrong}),
        person(office, identity_number=wrong * 20),
    ):
        answer = worker.post("/v1/residents", json=body, headers=REASON)
        assert answer.status_code == 422
        assert wrong not in answer.text


def test_searches_are_few(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    for _ in range(30):
        answer = worker.post("/v1/residents/search", json={"phone": PHONE}, headers=REASON)
        assert answer.status_code == 200
    last = worker.post("/v1/residents/search", json={"phone": PHONE}, headers=REASON)
    assert last.status_code == 429
    assert last.headers["Retry-After"] == "60"


def test_what_is_at_an_address(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    worker.post(
        "/v1/dwellings", json={"standard_address_id": office.ids["a"], "use": "rented_whole"}
    )
    worker.post("/v1/residents", json=person(office), headers=REASON)
    url = f"/v1/addresses/{office.ids['a']}/records"
    without = worker.get(url).json()
    assert (len(without["dwellings"]), without["residents"]) == (1, None)
    with_reason = worker.get(url, headers=REASON).json()
    assert [each["name"] for each in with_reason["residents"]] == ["测试甲1"]
    assert worker.get(f"/v1/addresses/{office.ids['b']}/records").status_code == 404


def test_a_full_address_comes_in_pages_with_its_reports(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    place = office.ids["a"]
    for at in range(3):
        body = {"standard_address_id": place, "use": "vacant", "although_alike": True}
        made = worker.post("/v1/dwellings", json=body).json()["record_id"]
        body = person(office, number=at + 1, phone=None)
        assert worker.post("/v1/residents", json=body, headers=REASON).status_code == 201
    worker.post(f"/v1/dwellings/{made}/reports", json={"note": "x", "field": "use"})
    found: dict[str, list[int]] = {"dwellings": [], "residents": [], "reports": []}
    link = f"/v1/addresses/{place}/records?limit=2"
    pages = 0
    while link:
        page = worker.get(link, headers=REASON).json()
        for name, ids in found.items():
            ids += [each["id"] for each in page[name]]
        link = next((each["href"] for each in page["links"] if each["rel"] == "next"), "")
        pages += 1
    assert pages == 2
    assert len(set(found["dwellings"])) == len(found["dwellings"]) == 3
    assert len(set(found["residents"])) == len(found["residents"]) == 3
    assert len(found["reports"]) == 1


def test_a_landlords_phone_whole_takes_a_reason_and_is_audited(office: Office) -> None:
    worker = office.as_("grid_worker", A)
    body = {"standard_address_id": office.ids["a"], "use": "rented_whole", "landlord_phone": PHONE}
    made = worker.post("/v1/dwellings", json=body, headers=REASON).json()["record_id"]
    assert worker.post(f"/v1/dwellings/{made}/numbers").status_code == 428
    answer = worker.post(f"/v1/dwellings/{made}/numbers", headers=REASON)
    assert answer.json() == {"landlord_phone": PHONE}
    assert "dwelling.unmask landlord_phone" in office.actions()
