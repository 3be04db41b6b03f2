"""Imports: uploaded, run in the background, watched, stopped, resumed; files; scope."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, mapping
from sqlalchemy import text

from api.app import create_app
from api.import_workers import ImportWorkers
from api.uploads import harmless_name
from geo.importers.jobs import create_job, get_job, results_folder, running_job
from geo.settings import Settings
from geo.store.database import Database
from tests.api.conftest import COMMUNITY_1, GRID_A, GRID_B, counted_statements
from tests.drawing import draw
from tests.signed_in import signed_in

ADDRESSES = (
    "地址,经度,纬度,编号\n"
    "山西省太原市小店区试验路1号,112.5501,37.8799,a1\n"
    "山西省太原市小店区试验路2号,112.5502,37.8799,a2\n"
    "山西省太原市小店区试验路3号,999,37.8799,a3\n"
)
GRIDS = draw("AB")


def services_of(client: TestClient) -> Any:
    return client.app.state.services  # type: ignore[attr-defined]


def send(
    client: TestClient, kind: str, content: bytes | str, name: str = "标准地址.csv", **form: str
) -> Any:
    given = {"source": "测试", "datum": "WGS84", **form}
    body = content.encode() if isinstance(content, str) else content
    return client.post(f"/v1/imports/{kind}", files={"file": (name, body)}, data=given)


def ended(client: TestClient, answer: Any) -> dict[str, Any]:
    """The job when its work is over."""
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    services_of(client).imports.wait(job_id, 60)
    found: dict[str, Any] = client.get(f"/v1/imports/{job_id}").json()
    return found


def grids_file(*letters: str) -> str:
    codes = {"A": GRID_A, "B": GRID_B}
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {
                        "grid_code": codes[letter],
                        "name": f"网格{letter}",
                        "community_code": COMMUNITY_1,
                    },
                    "geometry": mapping(GRIDS[letter]),
                }
                for letter in letters
            ],
        }
    )


def test_addresses_land_and_failures_have_their_reason(
    own_client: TestClient, tmp_path: Path
) -> None:
    answer = send(own_client, "addresses", ADDRESSES)
    job = ended(own_client, answer)
    assert job["status"] == "done"
    assert (job["rows_done"], job["rows_failed"]) == (3, 1)
    assert job["report"]["inserted"] == 2
    assert job["options"]["datum"] == "WGS84"
    assert job["is_resumable"] is False
    assert own_client.get("/v1/store").json()["address_count"] == 2
    (file,) = job["files"]
    failures = own_client.get(file["href"])
    assert failures.status_code == 200
    assert failures.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in failures.headers["Content-Disposition"]
    assert "试验路3号" in failures.text
    assert str(tmp_path) not in json.dumps(job)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_second_time_adds_nothing(own_client: TestClient) -> None:
    first = ended(own_client, send(own_client, "addresses", ADDRESSES))
    second = ended(own_client, send(own_client, "addresses", ADDRESSES))
    assert second["id"] != first["id"]
    assert second["report"]["unchanged"] == 2
    assert own_client.get("/v1/store").json()["address_count"] == 2
    page = own_client.get("/v1/imports?limit=1").json()
    assert [job["id"] for job in page["imports"]] == [second["id"]]
    following = own_client.get(page["links"][1]["href"]).json()
    assert [job["id"] for job in following["imports"]] == [first["id"]]
    assert len(following["links"]) == 1


def test_a_dry_run_shows_the_mapping_and_stores_nothing(
    own_client: TestClient, tmp_path: Path
) -> None:
    answer = send(own_client, "addresses", ADDRESSES, dry_run="true")
    assert answer.status_code == 200
    report = answer.json()["report"]
    assert report["mapping"]["columns"]["lon"] == "经度"
    assert report["first_rows"][0]["canonical_text"] == "山西省太原市小店区试验路1号"
    assert own_client.get("/v1/store").json()["address_count"] == 0
    assert own_client.get("/v1/imports").json()["imports"] == []
    assert list((tmp_path / "uploads").iterdir()) == []


def test_grids_land_whole(own_client: TestClient) -> None:
    form = {"valid_from": "2026-01-01", "standard": "own", "accept_warnings": "true"}
    job = ended(
        own_client, send(own_client, "grids", grids_file("A", "B"), "grids.geojson", **form)
    )
    assert job["status"] == "done", job["message"]
    assert job["report"]["is_stored"] is True
    assert job["rows_done"] == 2
    grids = own_client.get("/v1/grids?on=2026-01-01").json()["features"]
    assert [grid["id"] for grid in grids] == [GRID_A, GRID_B]


def test_grids_with_faults_land_not_at_all(own_client: TestClient, tmp_path: Path) -> None:
    form = {"valid_from": "2026-01-01", "standard": "own"}
    content = grids_file("A", "A")
    trial = send(own_client, "grids", content, "grids.geojson", **form, dry_run="true")
    assert trial.status_code == 200
    assert trial.json()["report"]["errors"] >= 1
    job = ended(own_client, send(own_client, "grids", content, "grids.geojson", **form))
    assert job["status"] == "failed"
    assert job["report"]["is_stored"] is False
    assert {"overlap", "code_duplicate"} & {fault["kind"] for fault in job["report"]["faults"]}
    (file,) = job["files"]
    faults = own_client.get(file["href"])
    assert faults.headers["Content-Type"] == "application/geo+json"
    assert faults.json()["type"] == "FeatureCollection"
    assert own_client.get("/v1/grids").json()["features"] == []
    assert str(tmp_path) not in json.dumps(job)


def test_rows_of_one_code_are_the_parts_of_one_grid_on_demand(own_client: TestClient) -> None:
    table = json.loads(grids_file("A", "B"))
    for feature in table["features"]:
        feature["properties"] = dict(table["features"][0]["properties"])
    form = {"valid_from": "2026-01-01", "standard": "own"}
    refused = ended(own_client, send(own_client, "grids", json.dumps(table), "g.geojson", **form))
    assert refused["status"] == "failed"
    form |= {"merge_parts": "true", "sliver_width_m": "0.5"}
    job = ended(own_client, send(own_client, "grids", json.dumps(table), "g.geojson", **form))
    assert job["status"] == "done", job["message"]
    (grid,) = own_client.get("/v1/grids?on=2026-01-01").json()["features"]
    assert grid["id"] == GRID_A


def test_areas_land_and_failures_have_their_reason(own_client: TestClient) -> None:
    table = "代码,名称,上级代码\n140105,小店区,140100\n140100,太原市,140000\n999,无处,140100\n"
    body = {"source": "测试", "valid_from": "2020-01-01"}
    file = {"file": ("区划.csv", table.encode("gb18030"))}
    job = ended(own_client, own_client.post("/v1/imports/areas", files=file, data=body))
    assert job["status"] == "done", job["message"]
    assert job["rows_done"] == 2
    assert job["report"]["counts"]["failed"] == 1
    assert len(job["files"]) == 1
    codes = [area["code"] for area in own_client.get("/v1/areas").json()["areas"]]
    assert codes == ["140100", "140105"]


def test_a_base_map_can_be_drawn_at_once(own_client: TestClient) -> None:
    road = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"highway": "primary", "name": "试验路"},
                "geometry": mapping(LineString([(112.55, 37.88), (112.56, 37.88)])),
            }
        ],
    }  # fmt: skip
    form = {"layers": json.dumps({}), "attribution": "© 测试"}
    job = ended(own_client, send(own_client, "basemap", json.dumps(road), "roads.geojson", **form))
    assert job["status"] == "done", job
    assert job["report"]["counts"] == {"road": 1}
    store = own_client.get("/v1/store").json()
    assert store["attributions"] == ["© 测试"]
    assert store["extent"] == pytest.approx([112.55, 37.88, 112.56, 37.88])
    assert own_client.get("/v1/tiles/basemap/14/13314/6342.mvt").status_code in {200, 204}


BAD_UPLOADS: list[tuple[str, dict[str, str], str]] = [
    ("", {}, "invalid_file"),
    ("a,b\n1,2\n", {}, "invalid_mapping"),
    (ADDRESSES, {"datum": "WGS85"}, "invalid_datum"),
    (ADDRESSES, {"mapping": "{"}, "invalid_request"),
    (ADDRESSES, {"mapping": '{"address_text": "没有"}'}, "invalid_mapping"),
    (ADDRESSES, {"encoding": "utf-99"}, "invalid_file"),
    (ADDRESSES, {"colour": "red"}, "invalid_request"),
    (ADDRESSES, {"source": "\x00"}, "invalid_request"),
    (ADDRESSES, {"source": ""}, "invalid_request"),
    ("\x00\x01\x02" * 100, {}, "invalid_file"),
]


def test_bad_uploads_are_refused_at_once(own_client: TestClient, tmp_path: Path) -> None:
    for content, form, code in BAD_UPLOADS:
        answer = send(own_client, "addresses", content, **form)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["code"] == code, answer.text
        assert str(tmp_path) not in answer.text
    assert own_client.get("/v1/imports").json()["imports"] == []
    assert list((tmp_path / "uploads").iterdir()) == []


def test_an_upload_over_the_cap_is_413(database: Database, tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, demo=False, upload_max_mb=1)
    with TestClient(signed_in(create_app(settings, database))) as client:
        answer = send(client, "addresses", b"x" * (1024 * 1024 + 10))
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "file_too_large"
        assert send(client, "addresses", b"x" * (3 * 1024 * 1024)).status_code == 413
        assert client.get("/v1/imports").json()["imports"] == []


def test_files_are_had_by_their_listed_name_only(
    own_client: TestClient, database: Database, tmp_path: Path
) -> None:
    settings = Settings(data_folder=tmp_path, demo=False)
    with database.session() as session:
        job_id = create_job(session, kind="addresses", file_name="a.csv", options={}).id
    folder = results_folder(settings, job_id)
    (folder / "failures.csv").write_text("x")
    (folder / "seen_keys.bin").write_text("x")
    (folder / "link.csv").symlink_to("/etc/passwd")
    files = f"/v1/imports/{job_id}/files"
    assert own_client.get(f"{files}/failures.csv").status_code == 200
    for name in (
        "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "/etc/passwd", "seen_keys.bin", "failures.csv%00",
        "no.csv", "link.csv", "failures.csv%2F..%2Ffailures.csv",
    ):  # fmt: skip
        answer = own_client.get(f"{files}/{name}")
        assert answer.status_code == 404, name
        assert "root:" not in answer.text


def test_a_job_whose_process_died_shows_as_failed_and_can_be_resumed(
    own_client: TestClient, database: Database, tmp_path: Path
) -> None:
    services = services_of(own_client)
    services.imports.stop()  # nobody works, as after a crash
    job_id = send(own_client, "addresses", ADDRESSES).json()["id"]
    with database.session() as session:
        session.execute(text("UPDATE import_job SET status = 'running'"))
    job = own_client.get(f"/v1/imports/{job_id}").json()
    assert (job["status"], job["is_resumable"]) == ("failed", True)

    settings = Settings(data_folder=tmp_path, demo=False)
    with TestClient(signed_in(create_app(settings, database))) as client:
        assert client.get(f"/v1/imports/{job_id}").json()["status"] == "failed"
        done = ended(client, client.post(f"/v1/imports/{job_id}/resume"))
        assert done["status"] == "done"
        assert done["report"]["inserted"] == 2
        again = client.post(f"/v1/imports/{job_id}/resume")
        assert again.status_code == 409
        assert again.json()["error"]["got"] == "done"


def test_a_waiting_job_is_taken_up_at_the_next_start(
    own_client: TestClient, database: Database, tmp_path: Path
) -> None:
    services_of(own_client).imports.stop()
    job_id = send(own_client, "addresses", ADDRESSES).json()["id"]
    assert own_client.get(f"/v1/imports/{job_id}").json()["status"] == "waiting"
    app = signed_in(create_app(Settings(data_folder=tmp_path, demo=False), database))
    with TestClient(app) as client:
        services_of(client).imports.wait(job_id, 60)
        assert client.get(f"/v1/imports/{job_id}").json()["status"] == "done"


def test_half_an_upload_is_gone_after_the_next_start(database: Database, tmp_path: Path) -> None:
    half = tmp_path / "uploads" / "new-0"
    half.mkdir(parents=True)
    (half / "a.csv").write_text("x")
    with TestClient(signed_in(create_app(Settings(data_folder=tmp_path, demo=False), database))):
        assert not half.exists()


def test_the_same_upload_takes_up_its_unfinished_job(own_client: TestClient) -> None:
    services_of(own_client).imports.stop()
    first = send(own_client, "addresses", ADDRESSES).json()["id"]
    assert send(own_client, "addresses", ADDRESSES).json()["id"] == first
    assert send(own_client, "addresses", ADDRESSES, source="他").json()["id"] != first


def test_stopping(own_client: TestClient) -> None:
    services_of(own_client).imports.stop()
    job_id = send(own_client, "addresses", ADDRESSES).json()["id"]
    stopped = own_client.post(f"/v1/imports/{job_id}/stop")
    assert stopped.status_code == 200
    assert stopped.json()["status"] == "stopped"
    assert stopped.json()["is_resumable"] is True
    assert own_client.post(f"/v1/imports/{job_id}/stop").status_code == 409


def test_a_job_in_hand_cant_be_resumed(own_client: TestClient, database: Database) -> None:
    with database.session() as session:
        job_id = create_job(session, kind="addresses", file_name="a.csv", options={}).id
    with running_job(database, job_id):
        assert own_client.get(f"/v1/imports/{job_id}").json()["status"] == "running"
        assert own_client.post(f"/v1/imports/{job_id}/resume").status_code == 409


def test_a_file_that_is_gone_fails_the_job_with_a_word(
    own_client: TestClient, tmp_path: Path
) -> None:
    services = services_of(own_client)
    services.imports.stop()
    form = {"valid_from": "2026-01-01", "standard": "own"}
    job_id = send(own_client, "grids", grids_file("A"), "grids.geojson", **form).json()["id"]
    shutil.rmtree(tmp_path / "uploads")
    services.imports.start()
    services.imports.wait(job_id, 60)
    job = own_client.get(f"/v1/imports/{job_id}").json()
    assert job["status"] == "failed"
    assert "gone" in job["message"]


def test_a_page_of_imports_is_one_query(own_client: TestClient, database: Database) -> None:
    services_of(own_client).warming.join()
    with database.session() as session:
        for _ in range(5):
            create_job(session, kind="addresses", file_name="a.csv", options={})
    with counted_statements(database) as sent:
        assert len(own_client.get("/v1/imports").json()["imports"]) == 5
    assert len(sent) == 1


def test_unknown_jobs(own_client: TestClient) -> None:
    for answer in (
        own_client.get("/v1/imports/1"),
        own_client.post("/v1/imports/1/stop"),
        own_client.post("/v1/imports/1/resume"),
        own_client.get("/v1/imports/1/files/failures.csv"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "job_not_found"
    assert own_client.get(f"/v1/imports/{2**63}").status_code == 422
    assert own_client.post("/v1/imports/people", files={"file": b"x"}).status_code in {404, 405}


def test_imports_are_absent_to_a_limited_caller(client_of: Callable[..., TestClient]) -> None:
    client = client_of(GRID_A)
    for answer in (
        client.get("/v1/imports"),
        client.get("/v1/imports/1"),
        client.post("/v1/imports/1/stop"),
        client.post("/v1/imports/1/resume"),
        client.get("/v1/imports/1/files/failures.csv"),
        send(client, "addresses", ADDRESSES),
        send(client, "grids", grids_file("A"), "g.geojson", valid_from="2026-01-01"),
        send(client, "basemap", "x", "x.osm"),
    ):
        assert answer.status_code == 404, answer.request.url
        assert answer.json()["error"]["code"] == "not_found"


def test_workers_survive_a_run_that_breaks(database: Database) -> None:
    ran: list[int] = []

    def run(job_id: int) -> None:
        ran.append(job_id)
        raise RuntimeError("whatever")

    workers = ImportWorkers(database, run)
    workers.start()
    with database.session() as session:
        first, second = (
            create_job(session, kind="addresses", file_name="a", options={}).id for _ in range(2)
        )
    workers.submit(first)
    workers.submit(second)
    for job_id in (first, second):
        workers.wait(job_id, 10)
    assert ran == [first, second]
    workers.stop()
    workers.submit(first)
    assert ran == [first, second]


def test_stopping_the_workers_stops_the_job_in_hand(database: Database) -> None:
    def run(job_id: int) -> None:
        with running_job(database, job_id) as job:
            while True:
                time.sleep(0.02)
                with database.session() as session:
                    if not job.advance(session, rows_done=1, rows_failed=0):
                        return

    workers = ImportWorkers(database, run)
    workers.start()
    with database.session() as session:
        job_id = create_job(session, kind="addresses", file_name="a", options={}).id
    workers.submit(job_id)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.session() as session:
            if get_job(session, job_id).status == "running":
                break
        time.sleep(0.02)
    workers.stop()
    with database.session() as session:
        assert get_job(session, job_id).status != "running"


@given(given_name=st.text(max_size=400) | st.none())
def test_file_names_become_harmless(given_name: str | None) -> None:
    name = harmless_name(given_name)
    assert name
    assert name not in {".", ".."}
    assert not set(name) & set("/\\\x00\n")
    assert not name.startswith(".")
    assert len(name.encode()) <= 255
    assert Path("folder") / name == Path(f"folder/{name}")
    assert harmless_name(name) == name
