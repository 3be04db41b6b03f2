"""The whole API over a real socket, asked with what its own document allows and with what it
doesn't: no answer is a fault of ours, and every answer is one the document promises.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from geo.accounts import Permission
from geo.store.cluster import EmbeddedCluster
from tests.api.conftest import settled_district
from tests.signed_in import caller_of, signed_in

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDPOINTS_MIN = 60
# Nobody may do all this; here it lets every endpoint be asked behind its door.
EVERYTHING = replace(caller_of(), permissions=frozenset(Permission))
REASON = {"X-Purpose": "register", "X-Case": "T-1"}
# They end when the viewer leaves, or after an hour; test_positions.py asks them.
STREAMS = {"/v1/positions/live"}
# An endpoint; bounded so that all of them together take seconds.
EXAMPLES = {GenerationMode.POSITIVE: 8, GenerationMode.NEGATIVE: 4}


@pytest.fixture(scope="module")
def api_schema(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a server that really listens, over a district that may be changed."""
    with settled_district(cluster, tmp_path_factory.mktemp("fuzz")) as place:
        app = signed_in(create_app(place.settings, place.database), EVERYTHING)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/v1/openapi.json")
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_answer_is_a_fault_of_ours(api_schema: Any, mode: GenerationMode) -> None:
    asked = 0
    for found in api_schema.get_all_operations():
        operation = found.ok()
        if operation.path in STREAMS:
            continue
        if mode is GenerationMode.NEGATIVE and not operation_takes_anything(operation):
            continue

        @settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.validate_response(case.call(headers=REASON), checks=CHECKS)

        ask()
        asked += 1
    assert asked >= ENDPOINTS_MIN


def operation_takes_anything(operation: Any) -> bool:
    """Whether there is a parameter or a body to get wrong."""
    return any(True for _ in operation.iter_parameters()) or bool(list(operation.body))
