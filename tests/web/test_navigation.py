"""The bar: who is offered which pages."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from geo.accounts import Caller
from geo.accounts.roles import PERMISSIONS
from geo.values import GridScope
from web.navigation import GROUPS, NAVIGATION, navigation_of


def caller_as(role: str, scope: GridScope) -> Caller:
    return Caller(1, "somebody", "某人", role, PERMISSIONS[role], scope)


def names_of(role: str, scope: GridScope) -> set[str]:
    return {page.name for group in navigation_of(caller_as(role, scope)) for page in group.pages}


def test_nobody_is_offered_what_their_role_may_not_open() -> None:
    worker = names_of("grid_worker", GridScope.of(["14010500100100001"]))
    assert {"address", "review", "exports"} <= worker
    assert not worker & {"audit", "accounts", "rights", "imports"}
    assert names_of("audit_administrator", GridScope.of([])) == {"audit"}
    assert names_of("security_administrator", GridScope.of([])) == {"accounts"}
    assert "rights" in names_of("chief", GridScope.of([]))


def test_imports_are_offered_only_to_who_sees_everything() -> None:
    assert "imports" in names_of("system_administrator", GridScope.everything())
    assert "imports" not in names_of("system_administrator", GridScope.of(["14010500100100001"]))


def test_before_the_sign_in_there_is_no_bar() -> None:
    assert navigation_of(None) == ()


def test_each_page_is_in_one_menu_and_no_menu_is_empty() -> None:
    assert {page.group for page in NAVIGATION} <= set(GROUPS)
    assert len({page.path for page in NAVIGATION}) == len(NAVIGATION)
    for role in PERMISSIONS:
        assert all(group.pages for group in navigation_of(caller_as(role, GridScope.everything())))


def test_the_bar_marks_the_page_and_its_menu(client: TestClient) -> None:
    html = client.get("/duplicates").text
    assert re.search(r'<a href="/duplicates" aria-current="page">', html)
    assert len(re.findall(r'<summary class="is-current">', html)) == 1
