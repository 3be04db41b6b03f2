"""Files of the pages, and the choke point between Folium and the network."""

from __future__ import annotations

import re
from pathlib import Path

import folium
import pytest
from branca.element import CssLink, JavascriptLink
from fastapi.testclient import TestClient
from folium.plugins import MarkerCluster

from geo.errors import AssetsMissing
from web import assets
from web.assets import STATIC_FOLDER, load_assets
from web.folium_assets import LOCAL_FILES, OutsideLink, install_choke_point, local_url

OTHER_HOST = re.compile(r"https?://(?!www\.w3\.org/)", re.IGNORECASE)


def test_every_address_in_the_table_is_a_file_that_is_served(client: TestClient) -> None:
    for name in LOCAL_FILES.values():
        answer = client.get(load_assets().url(name))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_under_an_old_version_is_served_but_not_kept(client: TestClient) -> None:
    answer = client.get("/static/000000000000/js/main.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "js/absent.js",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "vendor/leaflet/../../app.py",
        "vendor/leaflet/package.json",
        "/etc/passwd",
        "js/main.js%00.css",
        "",
    ],
)
def test_what_is_not_listed_is_not_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{load_assets().version}/{name}")
    assert answer.status_code == 404


def test_a_large_file_is_packed_for_whoever_takes_it(client: TestClient) -> None:
    url = load_assets().url("vendor/leaflet/leaflet.js")
    assert client.get(url).headers["content-encoding"] == "gzip"
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_missing_libraries_are_said_with_the_command_that_fetches_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(assets, "MODULES_FOLDER", tmp_path)
    with pytest.raises(AssetsMissing, match="npm ci --ignore-scripts --prefix web"):
        load_assets.__wrapped__()


def test_a_changed_file_changes_every_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.js").write_text("1")
    monkeypatch.setattr(assets, "STATIC_FOLDER", tmp_path)
    before = load_assets.__wrapped__().version
    (tmp_path / "a.js").write_text("2")
    assert load_assets.__wrapped__().version != before


def test_a_page_names_all_modules_its_script_needs() -> None:
    urls = load_assets().module_urls("js/main.js")
    names = [url.rsplit("/", 1)[1] for url in urls]
    assert names[0] == "main.js"
    assert len(names) == len(set(names))
    assert {"density.js", "legend.js", "classes.js", "dom.js", "texts.js"} <= set(names)
    assert "geocode.js" not in names


def test_an_unknown_name_in_a_template_is_an_error() -> None:
    with pytest.raises(KeyError, match="absent"):
        load_assets().url("js/absent.js")


@pytest.mark.parametrize("link_class", [JavascriptLink, CssLink])
def test_branca_can_write_no_link_to_another_host(
    link_class: type[JavascriptLink] | type[CssLink],
) -> None:
    install_choke_point()
    install_choke_point()  # twice is once
    for url in LOCAL_FILES:
        assert link_class(url).url == local_url(url)
        assert "https://" not in link_class(url).render()
    for url in ("https://example.com/a.js", "http://example.com/a.css", "//example.com/a.js"):
        with pytest.raises(OutsideLink, match=r"web/package\.json"):
            link_class(url)
    with pytest.raises(OutsideLink):
        link_class("https://example.com/a.js", download=True)


def test_a_plugin_nobody_has_vendored_fails_here_and_not_in_the_field() -> None:
    install_choke_point()
    plain = folium.Map(tiles=None)
    MarkerCluster().add_to(plain)
    with pytest.raises(OutsideLink):
        plain.get_root().render()


def test_no_file_of_ours_names_another_host_or_writes_html_from_text() -> None:
    unsafe = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    )
    for path in STATIC_FOLDER.rglob("*"):
        if path.suffix in {".js", ".css", ".svg"}:
            text = path.read_text(encoding="utf-8")
            assert not OTHER_HOST.search(text), path.name
            assert not unsafe.search(text), path.name


def test_the_lock_file_names_no_registry() -> None:
    lock = (Path(assets.WEB_FOLDER) / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert not OTHER_HOST.search(lock)


def test_times_are_told_on_the_clock_of_the_deployment_only() -> None:
    """A device set to another zone would show other hours than the station's."""
    told = re.compile(r"toLocale(Date|Time)?String|DateTimeFormat|getTimezoneOffset|getHours")
    allowed = {"times.js", "local_days.js"}
    scripts = {file.name: file.read_text() for file in (STATIC_FOLDER / "js").glob("*.js")}
    assert not {name for name, text in scripts.items() if told.search(text)} - allowed
