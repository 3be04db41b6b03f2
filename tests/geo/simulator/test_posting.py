"""Simulated devices send as phones do: in order, when due, again where it wasn't taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from geo.positions.traccar_client_form import read_traccar_client_form
from geo.simulator.devices import Reports
from geo.simulator.posting import post_reports

PLANE = LocalPlane(112.5, 37.8, 88_000.0, 111_000.0)


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that is away for the second message, and takes all others."""
    taken: list[bytes] = []
    asked = [0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked[0] += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_taken = asked[0] != 2
            if is_taken:
                taken.append(body)
            self.send_response(200 if is_taken else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", taken
        finally:
            listening.shutdown()
            thread.join()


def reports(*due_s: float) -> Reports:
    at = np.array(due_s)
    xy = np.column_stack([100.0 * at, -50.0 * at])
    return Reports(at - 1, at - 1, at, xy, np.full(len(at), 9.0), np.zeros(len(at), bool))


def test_all_reports_come_in_order_and_again_until_they_are_taken(
    server: tuple[str, list[bytes]],
) -> None:
    url, taken = server
    now, waits = [1000.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    posted = post_reports(
        url, ["one", "two"], [reports(2, 8), reports(4)], plane=PLANE, start_s=1000.0,
        clock=lambda: now[0], sleep=sleep,
    )  # fmt: skip
    assert (posted.sent, posted.failed) == (3, 1)
    assert waits == [2.0, 2.0, 5.0]  # the last was due while the second waited to be sent again
    assert [parse_qs(body.decode())["id"] for body in taken] == [["one"], ["two"], ["one"]]
    (fix,) = read_traccar_client_form(taken[1]).fixes
    assert fix.fixed_at.timestamp() == 1003.0
    x, y = PLANE.points_to_metres(fix.position.longitude, fix.position.latitude)[0]
    assert (x, y) == (pytest.approx(400, abs=0.02), pytest.approx(-200, abs=0.02))
    assert fix.accuracy_m == 9.0


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="wanted one such as"):
        post_reports("example", [], [reports(1)], plane=PLANE, start_s=0.0)
