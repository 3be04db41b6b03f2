"""Reading, standardising and comparing texts over HTTP."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.bad_texts import NO_ADDRESS, TOO_LONG

TEXT = "余杭仓前文一西路１５００号六幢对面"
VERBS = ("read", "standardise")


def ask(client: TestClient, verb: str, *texts: str) -> list[dict[str, Any]]:
    answer = client.post(f"/v1/addresses/{verb}", json={"addresses": texts})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert len(results) == len(texts)
    return results


def test_a_text_is_read_into_its_parts(client: TestClient) -> None:
    (found,) = ask(client, "read", TEXT)
    assert found["status"] == "read"
    assert found["components"] == {
        "county": "余杭区", "township": "仓前街道", "road": "文一西路", "door": "1500",
        "building": "6",
    }  # fmt: skip
    assert found["canonical_text"] == "余杭区仓前街道文一西路1500号6号楼"
    assert found["division_code"] == "330110012"
    door = found["parts"][3]
    assert door == {
        "level": "door", "text": "1500号", "written": "１５００号", "value": "1500", "start": 8,
        "end": 13, "code": None, "counts": True,
    }  # fmt: skip
    assert [(note["kind"], note["text"]) for note in found["relation"]] == [("relation", "对面")]


def test_every_span_is_a_slice_of_the_text(client: TestClient) -> None:
    texts = [TEXT, "😀翠苑一區十八幢(门口)", "鼓楼区中山路二十三号老王面馆"]
    for text, found in zip(texts, ask(client, "read", *texts), strict=True):
        for part in found["parts"]:
            assert part["written"] == text[part["start"] : part["end"]]
        for note in (*found["relation"], *found["notes"], *found["leftovers"]):
            assert text[note["start"] : note["end"]]
        back = found["normalised"]
        assert len(back["text"]) == len(back["starts"]) == len(back["ends"])
        assert back["ends"][-1] == len(text)


def test_what_a_division_may_be_is_told(client: TestClient) -> None:
    (found,) = ask(client, "read", "鼓楼区中山路1号")
    assert found["division_code"] is None
    assert {each["name"] for each in found["alternatives"]} >= {
        "江苏省南京市鼓楼区", "福建省福州市鼓楼区",
    }  # fmt: skip
    assert sum(each["score"] for each in found["alternatives"]) == pytest.approx(1)
    (standard,) = ask(client, "standardise", "鼓楼区中山路1号")
    assert standard["full_text"] is None
    assert len(standard["alternatives"]) == 4


def test_a_standard_text_has_codes_and_successors(client: TestClient) -> None:
    (found,) = ask(client, "standardise", "浙江杭州江干区四季青街道新塘路一号(家电城)")
    assert found["canonical_text"] == "浙江省杭州市江干区四季青街道新塘路1号"
    assert [each["code"] for each in found["divisions"]] == [
        "330000", "330100", "330104", "330102014",
    ]  # fmt: skip
    assert found["divisions"][2]["successor"] == {"code": "330102", "name": "上城区"}
    assert found["level"] == "door"
    assert [note["text"] for note in found["left_out"]] == ["(家电城)"]
    assert found["reads_back"] is True
    (again,) = ask(client, "standardise", found["canonical_text"])
    assert again["canonical_text"] == found["canonical_text"]
    assert again["divisions"] == found["divisions"]


def test_pairs_are_compared(client: TestClient) -> None:
    pairs = [(TEXT, "文一西路1500号"), ("人民路1号", "人民路2号"), ("人民路1号", "😀"), ("", "x")]
    answer = client.post(
        "/v1/addresses/compare",
        json={"pairs": [{"first": first, "second": second} for first, second in pairs]},
    )
    within, different, nothing, faulty = answer.json()["results"]
    assert (within["relation"], within["parted_at"]) == ("within", "building")
    assert [(each["code"], each["level"]) for each in within["reasons"]] == [
        ("only_first", "county"), ("only_first", "township"), ("same", "road"), ("same", "door"),
        ("only_first", "building"), ("near", "relation"),
    ]  # fmt: skip
    assert sum(within["likelihood"].values()) == pytest.approx(1, abs=1e-3)
    assert within["grade"] in within["likelihood"]
    assert (different["relation"], different["parted_at"]) == ("different", "door")
    assert different["likelihood"]["full"] == 0
    assert (nothing["status"], nothing["relation"]) == ("no_address", None)
    assert nothing["likelihood"] is nothing["grade"] is None
    assert faulty["status"] == "error"
    assert faulty["message"].startswith("first: The address text is empty.")


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_address_gets_none(client: TestClient, verb: str) -> None:
    for (name, text), found in zip(
        NO_ADDRESS.items(), _raw(client, verb, list(NO_ADDRESS.values())), strict=True
    ):
        assert found["status"] in {"no_address", "error"}, name
        assert not found["canonical_text"], (name, text)
        assert not found["components"], name


@pytest.mark.parametrize("verb", VERBS)
def test_one_bad_text_spoils_no_other(client: TestClient, verb: str) -> None:
    empty, long, good = ask(client, verb, " ", TOO_LONG[:10_000], "人民路1号")
    assert empty["message"].startswith("The address text is empty. Give an address")
    assert "10,000 characters, at most 500 are read" in long["message"]
    assert len(long["text"]) <= 80
    assert good["components"] == {"road": "人民路", "door": "1"}
    assert good["message"] is None


def test_a_text_of_a_megabyte_is_refused_by_its_size(client: TestClient) -> None:
    (found,) = ask(client, "read", "x" * 1_000_000)
    assert found["status"] == "error"
    answer = client.post(
        "/v1/addresses/read", content=json.dumps({"addresses": [TOO_LONG]}).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 413


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "body",
    [{}, {"addresses": []}, {"addresses": ["x"] * 1001}, {"addresses": "x"}, {"addresses": [1]}, [],
     {"addresses": ["x"], "more": 1}, {"addresses": [None]}, {"addresses": [["x"]]}, None],
)  # fmt: skip
def test_bodies_of_the_wrong_kind(client: TestClient, verb: str, body: object) -> None:
    answer = client.post(f"/v1/addresses/{verb}", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["facts"]["faults"][0]["field"].startswith("body")


@pytest.mark.parametrize(
    "body",
    [{}, {"pairs": []}, {"pairs": [{"first": "x"}]}, {"pairs": [["x", "y"]]},
     {"pairs": [{"first": "x", "second": 1}]}, {"pairs": [{"first": "x", "second": "y", "z": 1}]},
     {"pairs": [{"first": "x", "second": "y"}] * 1001}],
)  # fmt: skip
def test_pairs_of_the_wrong_kind(client: TestClient, body: object) -> None:
    assert client.post("/v1/addresses/compare", json=body).status_code == 422


def test_unknown_parameters_are_refused(client: TestClient) -> None:
    for verb in (*VERBS, "compare"):
        answer = client.post(f"/v1/addresses/{verb}?area=330110", json={"addresses": ["x"]})
        assert answer.status_code == 422


def test_no_text_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(client, "read", "绝密路77号")
        client.post("/v1/addresses/read", json={"addresses": ["绝密路77号"], "more": 1})
    assert "绝密" not in caplog.text


def _raw(client: TestClient, verb: str, texts: list[str]) -> list[dict[str, Any]]:
    """Send texts as escaped JSON, so that half a surrogate pair can be sent at all."""
    answer = client.post(
        f"/v1/addresses/{verb}", content=json.dumps({"addresses": texts}).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results
