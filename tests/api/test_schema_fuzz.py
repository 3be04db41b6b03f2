"""The whole API over a real socket, asked by each role with what its own document allows and with
what it doesn't: no answer is a fault of ours, and every answer is one the document promises.

The same at length: `python -m bench.fuzz`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from api.app import create_app
from bench.fuzz import ASKERS, Caller, Tally, callers_of, fuzz, serving
from bench.leak_model import World, make_world
from geo.accounts import PERMISSIONS
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database

OPERATIONS_MIN = 120
# Questions to an operation; bounded so that all of them together take seconds. Each role asks each
# operation once what it allows.
VALID, INVALID = 1, 1


@dataclass
class Fuzzed:
    """Who asked, and what became of it."""

    callers: list[Caller]
    tally: Tally


@pytest.fixture(scope="module")
def fuzzed(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("fuzz"), demo=False)
    with copied_database(cluster) as database:
        world: World = make_world(database, settings)
        with serving(create_app(settings, database)) as url:
            each = len(ASKERS) // VALID
            tally = fuzz(url, world, valid=VALID, invalid=INVALID, askers_each=each)
        yield Fuzzed(callers_of(world), tally)


def test_no_answer_is_a_fault_of_ours(fuzzed: Fuzzed) -> None:
    assert fuzzed.tally.faults == {}
    assert fuzzed.tally.server_errors == 0


def test_every_role_asked_and_was_answered(fuzzed: Fuzzed) -> None:
    """Else nothing was behind the doors that could have failed."""
    tally = fuzzed.tally
    assert len(tally.operations) >= OPERATIONS_MIN
    assert {caller.role for caller in fuzzed.callers} == {*PERMISSIONS, "anonymous"}
    for caller in fuzzed.callers:
        assert tally.asked[caller.role] >= OPERATIONS_MIN
        assert tally.answered[caller.role, 2] >= (0 if caller.role == "anonymous" else 3)
