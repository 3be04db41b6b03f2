"""Errors: one shape, the right status, nothing given away."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.app import create_app
from api.errors import error_code, json_safe, status_of
from api.paths import BODY_MAX_BYTES
from geo import errors
from geo.store.database import Database, make_engine
from tests.api.conftest import District
from tests.signed_in import signed_in

LEAVES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.PlatformError)
    and kind is not errors.PlatformError
]  # fmt: skip


def error_of(answer: Any) -> dict[str, Any]:
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert {"code", "message", "facts", "reference"} <= set(error)
    assert error["reference"] == answer.headers["X-Request-ID"]
    return error


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_status(kind: type[errors.PlatformError]) -> None:
    assert status_of(kind("…")) in {401, 403, 404, 409, 413, 422, 428, 429, 503}


def test_codes_are_names() -> None:
    assert error_code(errors.GridNotFound("")) == "grid_not_found"
    assert error_code(errors.CRSMismatch("")) == "crs_mismatch"
    assert error_code(errors.InvalidH3Cell("")) == "invalid_h3_cell"
    assert error_code(errors.PostGISMissing("")) == "post_gis_missing"


def test_facts_are_cut_to_what_json_holds() -> None:
    assert json_safe("\ud800x") == "?x"
    assert len(json_safe("x" * 9999)) == 501
    assert json_safe({1: {"b", "a"}}) == {"1": ["a", "b"]}
    assert len(json_safe(list(range(9999)))) == 500
    assert json_safe(object()).startswith("<object")


def test_unknown_parameters_are_named_and_the_known_ones_listed(client: TestClient) -> None:
    answer = client.get("/v1/store", params={"onn": "2026-01-01"})
    assert answer.status_code == 422
    error = error_of(answer)
    assert error["code"] == "invalid_input"
    assert error["got"] == ["onn"]
    assert error["wanted"] == ["on"]


def test_a_parameter_given_twice_is_refused(client: TestClient) -> None:
    answer = client.get("/v1/store?on=2026-01-01&on=2026-01-02")
    assert answer.status_code == 422
    assert "more than once" in error_of(answer)["message"]


def test_faults_of_a_request_name_their_fields(client: TestClient) -> None:
    answer = client.get("/v1/layers/address-density", params={"zoom": "far"})
    assert answer.status_code == 422
    error = error_of(answer)
    assert error["code"] == "invalid_request"
    assert [fault["field"] for fault in error["facts"]["faults"]] == ["query.bbox", "query.zoom"]
    assert error["facts"]["faults"][1]["got"] == "far"


@pytest.mark.parametrize(
    "bbox",
    [
        "",
        "1,2,3",
        "a,b,c,d",
        "3,2,1,4",
        "1,4,2,3",
        "nan,1,2,3",
        "-190,0,1,1",
        "1,2,3,inf",
        "1,2,3,4,5",
    ],
)
def test_bad_frames_are_refused(client: TestClient, bbox: str) -> None:
    answer = client.get("/v1/layers/address-density", params={"zoom": 3, "bbox": bbox})
    assert answer.status_code == 422
    assert error_of(answer)["code"] == "invalid_coordinate"


def test_unknown_addresses_and_methods_have_the_same_shape(client: TestClient) -> None:
    for path in ("/v1/nothing", "/nothing", "/docs", "/v1/store/"):
        assert error_of(client.get(path))["code"] == "not_found"
    answer = client.delete("/v1/store")
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"\xff\xfe", "application/json"), (b"{", "application/json"), (b"{}", "text/plain"),
     (b"x", "multipart/form-data"), (b"--a\r\nx", "multipart/form-data; boundary=a")],
)  # fmt: skip
def test_a_body_that_cant_be_read_is_a_fault_of_the_request(
    client: TestClient, body: bytes, kind: str
) -> None:
    for path in ("geocode", "imports/addresses"):
        answer = client.post(f"/v1/{path}", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422
        assert error_of(answer)["code"] == "invalid_request"


def test_a_body_over_its_cap_is_refused_by_its_length_and_by_count(client: TestClient) -> None:
    answer = client.post("/v1/geocode", content=b"x" * (BODY_MAX_BYTES + 1))
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "file_too_large"

    def chunks() -> Any:
        for _ in range(BODY_MAX_BYTES // 100_000 + 1):
            yield b" " * 100_000

    answer = client.post(
        "/v1/geocode", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "file_too_large"


def test_what_nobody_foresaw_has_a_reference_and_no_detail(district: District) -> None:
    app = signed_in(create_app(district.settings, district.database))

    @app.get("/broken")
    def broken() -> None:
        with district.database.session() as session:
            session.execute(text("SELECT * FROM 小店区试验路1号"))

    with structlog.testing.capture_logs() as logs:
        answer = TestClient(app).get("/broken")
    assert answer.status_code == 500
    error = error_of(answer)
    assert error["facts"] == {}
    assert "试验路" not in answer.text
    assert "SELECT" not in answer.text
    failed = next(entry for entry in logs if entry["event"] == "request.failed")
    assert failed["error"] == "ProgrammingError"
    assert any("broken" in step for step in failed["where"])
    assert "试验路" not in json.dumps(logs, ensure_ascii=False, default=str)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_database_that_is_gone_is_503_with_retry_after(district: District) -> None:
    away = Database(make_engine("postgresql+psycopg://nobody@/none?host=/nowhere", pool_size=1))
    client = TestClient(signed_in(create_app(district.settings, away)))
    for path in ("/v1/health", "/v1/store"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert error_of(answer)["code"] == "database_unavailable"
        assert "nowhere" not in answer.text


def test_no_free_connection_is_503_with_retry_after(district: District) -> None:
    app = signed_in(create_app(district.settings, district.database))

    @app.get("/busy")
    def busy() -> None:
        raise PoolTimeout

    answer = TestClient(app).get("/busy")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert error_of(answer)["code"] == "database_unavailable"


def test_an_error_outside_the_families_is_500(district: District) -> None:
    app: FastAPI = signed_in(create_app(district.settings, district.database))

    @app.get("/stray")
    def stray() -> None:
        raise errors.PlatformError("something with 小店区试验路1号")

    answer = TestClient(app).get("/stray")
    assert answer.status_code == 500
    assert "试验路" not in answer.text
