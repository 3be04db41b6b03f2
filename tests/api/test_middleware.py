"""Every request: a number, a log line without its question, headers on its answer."""

from __future__ import annotations

import pytest
import structlog
from fastapi.testclient import TestClient

from api.middleware import SECURITY_HEADERS
from tests.api.conftest import CITY_BBOX


def test_every_answer_has_a_number_and_the_headers(client: TestClient) -> None:
    numbers = set()
    for path in ("/v1/health", "/v1/nothing", "/v1/openapi.json", "/v1/store?x=1"):
        answer = client.get(path)
        numbers.add(answer.headers["X-Request-ID"])
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
    assert len(numbers) == 4


def test_the_log_has_the_endpoint_but_not_the_question(client: TestClient) -> None:
    with structlog.testing.capture_logs() as logs:
        client.get("/v1/geocode", params={"q": "小店区试验路1号"})
        client.get("/v1/store", params={"on": "2024-02-03"})
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert len(lines) == 2
    assert "试验路" not in str(logs)
    assert "2024" not in str(logs)
    assert lines[1]["endpoint"] == "get_store"
    assert lines[1]["status"] == 200
    assert lines[1]["duration_ms"] > 0


def test_answers_of_some_size_are_packed(client: TestClient) -> None:
    question: dict[str, str | int] = {"bbox": CITY_BBOX, "zoom": 17}
    packed = client.get("/v1/layers/address-density", params=question)
    assert packed.headers["Content-Encoding"] == "gzip"
    plain = client.get(
        "/v1/layers/address-density", params=question, headers={"Accept-Encoding": "identity"}
    )
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == packed.json()
    assert "Content-Encoding" not in client.get("/v1/health").headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_pages_of_other_sites_cant_write(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/v1/geocode", json={"addresses": ["x"]}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "foreign_origin"
    assert client.get("/v1/health", headers=headers).status_code == 200
