"""Registers taken out: places without persons, persons masked and only after a second person."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from geo import accounts
from geo.audit import Access
from geo.errors import Conflict, InvalidInput, PurposeMissing
from geo.exports import approve_export, run_export
from geo.exports.kinds import EXPORT_KINDS
from geo.registers import (
    Cycles,
    NewDwelling,
    NewEstablishment,
    NewResidence,
    NewResident,
    Writing,
    record_dwelling,
    record_establishment,
    record_resident,
)
from geo.registers.cycles import VERIFY_MONTHS
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.values import GridScope
from tests.api.conftest import GRID_A, GRID_B, settled_district
from tests.geo.exports.asking import Asking
from tests.geo.registers.conftest import identity

PHONE = "15400000001"
SECRETS = ("测试房东", "测试联系人", PHONE, identity(1), "备注里的话")


@pytest.fixture(scope="module")
def asking(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("exports")
    with settled_district(cluster, folder) as place:
        writing = Writing(
            Access("test", purpose="register", case_ref="T-1"), GridScope.everything(),
            datetime.now(UTC).date(), Cycles(VERIFY_MONTHS),
        )  # fmt: skip
        with place.database.session() as session:
            for letter, number in (("A", 1), ("B", 2)):
                at = place.address_ids[letter][0]
                record_dwelling(
                    session,
                    NewDwelling(
                        at, "rented_whole", 2, landlord_name="测试房东", landlord_phone=PHONE,
                        safety_findings=("exits", "wiring"), note="备注里的话",
                    ),
                    writing=writing,
                )  # fmt: skip
                record_establishment(
                    session,
                    NewEstablishment(
                        at, f"=示例店{letter}", "key", date(2024, 1, 1), contact_name="测试联系人",
                        contact_phone=PHONE,
                    ),
                    writing=writing,
                )  # fmt: skip
                record_resident(
                    session,
                    NewResident(f"测试甲{letter}", identity(number), phone=PHONE),
                    NewResidence(at, "floating", date(2024, 1, 1)),
                    writing=writing,
                )  # fmt: skip
            for name, role in (("wang", "grid_worker"), ("lin", "analyst"), ("zhao", "chief")):
                account = accounts.create_account(
                    session, name, "only-a-test-password", role=role, is_demo=True
                )
                accounts.assign(session, account, None, valid_from=date(2024, 1, 1))
        yield Asking(place, Settings(data_folder=folder, demo=False))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", ["dwellings", "establishments"])
def test_places_leave_out_landlords_contacts_and_notes(asking: Asking, kind: str) -> None:
    own = GridScope.of([GRID_A])
    request = asking.ask("lin", kind=kind, purpose=None)
    assert (request.status, request.rows_expected) == ("waiting", 2)
    text = asking.run_and_fetch(request, "lin").read_text(encoding="utf-8-sig")
    assert not [secret for secret in SECRETS if secret in text]
    rows = rows_of(asking.run_and_fetch(asking.ask("wang", kind=kind, scope=own), "wang",
                                        scope=own))  # fmt: skip
    assert [row["grid_code"] for row in rows] == [GRID_A]
    if kind == "dwellings":
        assert rows[0]["safety_findings"] == "exits wiring"
    else:
        assert rows[0]["name"] == "'=示例店A"  # no formula
    shape = asking.ask("lin", kind=kind, file_format="geojson", purpose=None)
    assert asking.run_and_fetch(shape, "lin").stat().st_size > 0


def test_persons_take_a_reason_a_second_person_and_stay_masked(asking: Asking) -> None:
    scope = GridScope.of([GRID_A])
    for purpose, case in ((None, "T-1"), ("register", None)):
        with pytest.raises(PurposeMissing):
            asking.ask("wang", kind="residents", purpose=purpose, case_ref=case, scope=scope)
    with pytest.raises(InvalidInput):
        asking.ask(
            "wang", kind="residents", file_format="geojson", purpose="register", case_ref="T-1"
        )
    request = asking.ask("wang", kind="residents", purpose="register", case_ref="T-1", scope=scope)
    assert (request.status, request.rows_expected) == ("asked", 1)
    with pytest.raises(Conflict):
        run_export(asking.database, request.id, settings=asking.settings)
    with asking.database.session_of(GridScope.everything()) as session:
        approve_export(session, Access("zhao"), request.id, now=datetime.now(UTC))
    (row,) = rows_of(asking.run_and_fetch(request, "wang", scope=scope))
    assert (row["name"], row["grid_code"], row["kind"]) == ("测试甲A", GRID_A, "floating")
    assert row["identity_number"] == f"999{'*' * 11}{identity(1)[-4:]}"
    assert row["phone"] == "154****0001"
    assert GRID_B not in str(row)


def test_who_sees_no_persons_gets_none_even_when_approved(asking: Asking) -> None:
    """The API refuses the question; who lost the right since gets no file either."""
    request = asking.ask("lin", kind="residents", purpose="register", case_ref="T-1")
    with asking.database.session_of(GridScope.everything()) as session:
        approve_export(session, Access("zhao"), request.id, now=datetime.now(UTC))
    with pytest.raises(Conflict, match="persons"):
        run_export(asking.database, request.id, settings=asking.settings)


def test_no_kind_about_persons_is_a_map_file() -> None:
    assert EXPORT_KINDS["residents"].formats == ("csv", "xlsx")
    for kind in EXPORT_KINDS.values():
        assert not kind.about_persons or kind.geometry is None
