"""The whole API asked as each role with what its document allows, and with what it doesn't.

    python -m bench.fuzz [--valid 10] [--invalid 5] [--seed 1] [--only /layers/]

schemathesis draws the questions from the document of a server that really listens; its store is the
world of `bench.leak_model`. Each role, and who isn't signed in, asks an operation as many questions
as the others; ids of the world stand in half of the paths and bodies, so that more is asked than
what isn't there. An answer is at fault where its status is 5xx, where the document doesn't name it,
or where its body isn't as the document says.

RESULT keys: requests, operations, server_errors, undocumented (answers that the document doesn't
promise), answered (2xx).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import schemathesis
import structlog
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.console import Console
from rich.table import Table
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.callers import PLAIN_COOKIE
from bench.leak_model import ABSENT, KINDS, REASON, World, make_world
from bench.scratch import scratch_store

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# One account of each role, and who isn't signed in.
ASKERS = (
    "worker.a", "leader", "chief", "analyst", "system", "security", "audit", "anonymous",
)  # fmt: skip
# They end when the viewer leaves, or after an hour; the tests of positions and gaps ask them.
STREAM = "text/event-stream"
SIGN_OUT = ("/v1/session", "delete")
TIMEOUT_S = 600  # a busy machine is no fault of an answer


@dataclass
class Caller:
    """Who asks, and the headers that say so."""

    name: str
    role: str
    headers: dict[str, str]


@dataclass
class Tally:
    """What became of the requests, by role and class of status; and each fault, once."""

    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    faults: dict[tuple[str, str, str], str] = field(default_factory=dict)
    server_errors: int = 0
    undocumented: int = 0


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """An application on a free port of this machine; yields its address."""
    app.openapi()  # takes seconds, and is kept
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def callers_of(world: World) -> list[Caller]:
    """The askers of the world that stand for the roles, as the server on plain HTTP knows them."""
    askers = {each.name: each for each in world.askers}
    return [
        Caller(
            name,
            askers[name].role or "anonymous",
            {"Cookie": f"{PLAIN_COOKIE}={askers[name].cookie}"} if askers[name].cookie else {},
        )
        for name in ASKERS
    ]


def fuzz(
    url: str,
    world: World,
    *,
    valid: int,
    invalid: int,
    chance: int = 1,
    askers_each: int = 1,
    only: str = "",
) -> Tally:
    """Draw `valid` and `invalid` questions for every operation, and let the roles in turn ask them.

    Parameters
    ----------
    askers_each : so many roles ask the same question, since drawing one takes longest
    only : what the paths asked for hold
    """
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json")
    callers = callers_of(world)
    tally = Tally()
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # nobody is signed in by it
    dice = random.Random(chance)
    turns = itertools.cycle(callers)
    for found in schema.get_all_operations():
        operation = found.ok()
        if _is_stream(operation) or only not in operation.path:
            continue
        for mode, examples in (
            (GenerationMode.POSITIVE, valid),
            (GenerationMode.NEGATIVE, invalid if _takes_anything(operation) else 0),
        ):
            # Where there is nothing to draw there is one question, and each asks it.
            each = askers_each if _takes_anything(operation) else len(callers)
            if examples:
                asking = (itertools.islice(turns, each) for _ in itertools.count())
                _ask(operation, mode, examples, asking, world, session, dice, tally)
    session.close()
    return tally


def _ask(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    asking: Iterator[Iterable[Caller]],
    world: World,
    session: requests.Session,
    dice: random.Random,
    tally: Tally,
) -> None:
    name = f"{operation.method.upper()} {operation.path}"

    @seed(dice.randrange(2**32))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        for caller in next(asking):
            ask_as(case, caller)

    def ask_as(case: Any, caller: Caller) -> None:
        if mode is GenerationMode.POSITIVE:
            _name_things(case, world, dice)
        if "session_id" in (case.path_parameters or {}):
            case.path_parameters["session_id"] = ABSENT  # else somebody ends their own sign-in
        headers = {**REASON, **caller.headers}
        if (operation.path, operation.method) == SIGN_OUT:
            headers = REASON  # who signs out would be nobody from then on
        answer = case.call(session=session, headers=headers, timeout=TIMEOUT_S)
        tally.operations.add(name)
        tally.asked[caller.role] += 1
        tally.answered[caller.role, answer.status_code // 100] += 1
        tally.server_errors += answer.status_code >= 500
        try:
            case.validate_response(answer, checks=CHECKS, headers=headers)
        except (Failure, FailureGroup) as failure:
            tally.undocumented += answer.status_code < 500
            found = getattr(failure, "exceptions", [failure])
            for each in found:
                kind = (name, caller.role, type(each).__name__)
                tally.faults.setdefault(kind, f"{answer.status_code} {each}")

    ask()


def _name_things(case: Any, world: World, dice: random.Random) -> None:
    """Put ids of things that are there in half of the places that take one."""
    if case.operation.path.startswith("/v1/accounts/{name}") and dice.random() < 0.5:
        case.path_parameters["name"] = "spare"
    for place in (case.path_parameters, case.body if isinstance(case.body, dict) else {}):
        for key in list(place or {}):
            if key in KINDS and dice.random() < 0.5:
                kind = world.things[KINDS[key]]
                place[key] = dice.choice(kind[dice.choice(sorted(kind))])


def _is_stream(operation: Any) -> bool:
    """Whether an answer is without an end."""
    answers = operation.definition.raw["responses"].values()
    return any(STREAM in answer.get("content", {}) for answer in answers)


def _takes_anything(operation: Any) -> bool:
    """Whether there is a parameter or a body to get wrong."""
    return any(True for _ in operation.iter_parameters()) or bool(list(operation.body))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--valid", type=int, default=10, help="questions to an operation and a role"
    )
    parser.add_argument("--invalid", type=int, default=5, help="the same")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a part of the paths to ask")
    given_ = parser.parse_args()
    # Errors say where in the program a 500 came from.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with scratch_store() as (database, store_settings):
        world = make_world(database, store_settings)
        with serving(create_app(store_settings, database)) as address:
            roles = len(ASKERS)
            tally = fuzz(
                address, world, valid=given_.valid * roles, invalid=given_.invalid * roles,
                chance=given_.seed, only=given_.only,
            )  # fmt: skip
    report(tally)


def report(tally: Tally) -> None:
    """Print the table, each fault and the RESULT line."""
    table = Table("role", "requests", "2xx", "3xx", "4xx", "5xx")
    for role, count in tally.asked.items():
        table.add_row(
            role, str(count), *(str(tally.answered[role, status]) for status in (2, 3, 4, 5))
        )
    Console(width=100).print(table)
    for (name, role, kind), text in tally.faults.items():
        print("FAULT", name, role, kind, text[:2000])
    result = {
        "requests": sum(tally.asked.values()),
        "operations": len(tally.operations),
        "server_errors": tally.server_errors,
        "undocumented": tally.undocumented,
        "answered": sum(tally.answered[role, 2] for role in tally.asked),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
