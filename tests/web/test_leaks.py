"""Random requests as random users over every route, against a model of who may see what.

The same at length: `python -m bench.leaks --requests 10000`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bench.leak_model import (
    Asked,
    Asker,
    Requests,
    World,
    leaks_in,
    make_world,
    run,
    send,
    shape_of,
)
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from web.app import create_app

ROUNDS = 2  # over all routes


@dataclass
class Place:
    app: FastAPI
    client: TestClient
    world: World

    def asker(self, name: str) -> Asker:
        return next(each for each in self.world.askers if each.name == name)


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("leaks"), demo=False)
    with copied_database(cluster) as database:
        world = make_world(database, settings)
        app = create_app(settings, database)
        with TestClient(
            app, base_url="https://testserver", raise_server_exceptions=False
        ) as client:
            yield Place(app, client, world)


def a_question(asker: Asker, route: str, path: str, **values: object) -> Asked:
    reason = {"X-Purpose": "register", "X-Case": "T-1"}
    return Asked(route, "GET", path, dict(values), {}, {**asker.headers, **reason})


def test_the_model_tells_a_leak(place: Place) -> None:
    """An answer to one's own question, judged as if somebody else had got it."""
    own, neighbour, analyst = (place.asker(name) for name in ("worker.b", "worker.a", "analyst"))
    resident = place.world.things["resident"]["B"][0]
    asked = a_question(own, "get_resident", "/v1/residents/{resident_id}", resident_id=resident)
    answer = send(place.client, asked, own)
    assert answer.status_code == 200
    assert list(leaks_in(answer, asked, own, place.world)) == []
    found = " ".join(leaks_in(answer, asked, neighbour, place.world))
    assert "KVB9P of grid B" in found
    assert "the code of grid B" in found
    assert "standard_address_id" in found
    assert any("a person" in each for each in leaks_in(answer, asked, analyst, place.world))
    absent = asked.as_absent()
    other = send(place.client, absent, neighbour)
    assert shape_of(answer, asked, absent) != shape_of(other, asked, absent)


def test_every_route_is_asked_and_nothing_leaks(place: Place) -> None:
    routes = Requests(place.app, place.world, random.Random(0)).routes
    tally = run(place.client, place.app, place.world, requests=ROUNDS * len(routes), seed=7)
    assert set(tally.asked) == set(routes)
    assert [str(each) for each in tally.leaks] == []
    assert [str(each) for each in tally.faults] == []
    # It asked for what is there, and for what is hidden; else nothing could have leaked.
    assert sum(tally.own_seen.values()) >= 10
    assert sum(tally.compared.values()) >= 20
