"""The OpenAPI document reads well and holds true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_every_endpoint_says_what_it_is(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
    seen = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert path.startswith("/v1/"), where
        assert operation["summary"], where
        assert operation["description"], where
        assert len(operation["tags"]) == 1, where
        assert operation["tags"][0] in tags, where
        assert operation["operationId"] not in seen, where
        assert operation["operationId"].isidentifier(), where
        seen.add(operation["operationId"])


def test_every_endpoint_names_its_errors(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        responses = operation["responses"]
        assert {"422", "500", "503"} <= set(responses), f"{method} {path}"
        if "{" in path and "/tiles/" not in path:
            assert "404" in responses, f"{method} {path}"
        if method != "get":
            assert {"403", "413"} <= set(responses), f"{method} {path}"
        for status, response in responses.items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith("/ErrorAnswer"), f"{method} {path} {status}"


def test_every_answer_has_a_schema(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("2") and status != "204":
                ends = ("/file", "/cot", "/gpx")
                is_file = "/tiles/" in path or "/files/" in path or path.endswith(ends)
                for content in response["content"].values():
                    assert is_file or "$ref" in str(content["schema"]), f"{method} {path}"


def test_every_parameter_is_described_or_speaks_for_itself(document: dict[str, Any]) -> None:
    plain = {"address_id", "job_id", "limit"}
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            described = parameter.get("description") or parameter["schema"].get("description")
            assert described or parameter["name"] in plain, f"{method} {path} {parameter['name']}"


def test_the_schema_of_fastapis_own_errors_is_gone(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "ValidationError" not in document["components"]["schemas"]


def test_examples_are_chinese_addresses(document: dict[str, Any]) -> None:
    assert "路" in str([operation for _, _, operation in operations(document)])


def test_the_page_about_the_api_names_every_endpoint(document: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for path, method, _ in operations(document):
        assert f"`{method.upper()} {path}`" in page, f"{method} {path} is missing in docs/api.md"
    named = set(re.findall(r"`([A-Z]+) (/v1[^`? ]*)`", page))
    known = {(method.upper(), path) for path, method, _ in operations(document)}
    assert named <= known, named - known
