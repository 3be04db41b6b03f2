"""Pages as they are sent: language, policy, counts, honest emptiness."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.dependencies import caller_scope
from geo.errors import DatabaseUnavailable
from geo.values import GridScope
from tests.web.conftest import ATTRIBUTION, GRID_B, NASTY
from web import rendering
from web.texts import LANGUAGE_COOKIE

PAGES = ["/", "/geocode", "/address", "/review", "/duplicates", "/imports"]


@pytest.fixture(autouse=True)
def _forget_language(client: TestClient) -> None:
    client.cookies.clear()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_bears_a_policy_that_opens_nothing_inline(client: TestClient, page: str) -> None:
    answer = client.get(page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce is not None
    for tag in re.findall(r"<(?:script|style)\b[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in tag
    assert not re.search(r"""\son\w+\s*=|javascript:|\sstyle\s*=""", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert client.get(page).headers["content-security-policy"] != policy  # a nonce is used once


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_other_host(client: TestClient, page: str) -> None:
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", client.get(page).text)


def test_a_page_is_chinese_unless_english_is_asked_for_and_then_remembers(
    client: TestClient,
) -> None:
    chinese = client.get("/")
    assert '<html lang="zh-CN"' in chinese.text
    assert "set-cookie" not in chinese.headers
    english = client.get("/?lang=en")
    assert '<html lang="en"' in english.text
    assert english.headers["content-language"] == "en"
    cookie = english.headers["set-cookie"].lower()
    assert LANGUAGE_COOKIE in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert '<html lang="en"' in client.get("/").text
    assert '<html lang="zh-CN"' in client.get("/?lang=zh").text
    assert '<html lang="zh-CN"' in client.get("/?lang=%3Cscript%3E").text


def config_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found is not None
    config: dict[str, Any] = json.loads(found[1])
    return config


def test_the_map_page_tells_what_is_stored_and_that_it_is_generated(client: TestClient) -> None:
    html = client.get("/").text
    figures = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))
    assert figures == {"标准地址": "60", "网格": "3", "社区": "2"}
    assert "demo-badge" in html
    assert config_of(html)["language"] == "zh"


def test_what_is_stored_is_written_as_text(client: TestClient) -> None:
    html = client.get("/").text
    assert ATTRIBUTION not in html
    assert "演示底图 &lt;b&gt;甲&lt;/b&gt;" in html
    assert NASTY not in html  # names come by the API, never through Folium's templates


def test_a_caller_is_told_of_their_own_grids_only(web_app: FastAPI, client: TestClient) -> None:
    web_app.dependency_overrides[caller_scope] = lambda: GridScope.of([GRID_B])
    try:
        html = client.get("/").text
    finally:
        web_app.dependency_overrides.pop(caller_scope, None)
    figures = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))
    assert figures == {"标准地址": "15", "网格": "1", "社区": "1"}


def test_an_empty_store_says_how_to_fill_it(empty_app: FastAPI) -> None:
    with TestClient(empty_app) as client:
        html = client.get("/").text
    assert "gridbeat" in html
    assert html.count('<p class="note">') == 3
    assert "demo-badge" not in html


def test_a_store_out_of_reach_is_a_page_that_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(rendering, "load_store_overview", away)
    answer = client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "数据库现在没有应答" in answer.text


def test_the_api_description_lists_no_pages(client: TestClient) -> None:
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert all(path.startswith("/v1/") for path in paths)
