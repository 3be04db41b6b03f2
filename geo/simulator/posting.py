"""Simulated units send to a running server as phones do, in real time or quicker."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from geo.local_plane import LocalPlane
from geo.simulator.devices import Reports
from geo.simulator.phone_line import PhoneLine

RETRY_S = 5.0


@dataclass(slots=True)
class Posted:
    """Messages answered with success, and those that weren't (they are sent again)."""

    sent: int = 0
    failed: int = 0


def post_reports(
    url: str,
    tokens: Sequence[str],
    reports: Sequence[Reports],
    *,
    plane: LocalPlane,
    start_s: float,
    told: Callable[[Posted], None] = lambda _: None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Posted:
    """Send all reports when they are due, as Traccar Client 10 does; return the counts.

    Parameters
    ----------
    url : of the server, such as http://127.0.0.1:8000
    tokens, reports : of each device
    plane : in whose metres the reports are
    start_s : Unix time at which the shift began

    Raises
    ------
    InvalidInput : the address is none
    """
    line = PhoneLine(url)
    due = np.concatenate([each.received_s for each in reports])
    device = np.repeat(np.arange(len(reports)), [len(each.received_s) for each in reports])
    row = np.concatenate([np.arange(len(each.received_s)) for each in reports])
    posted = Posted()
    for each in np.argsort(due, kind="stable"):
        wait_s = start_s + due[each] - clock()
        if wait_s > 0:
            sleep(wait_s)
        body = _form(tokens[device[each]], reports[device[each]], int(row[each]), plane, start_s)
        while line.send("traccar", body) != http.client.OK:
            posted.failed += 1
            told(posted)
            sleep(RETRY_S)
        posted.sent += 1
        told(posted)
    line.close()
    return posted


def _form(token: str, reports: Reports, row: int, plane: LocalPlane, start_s: float) -> str:
    x, y = reports.xy[row]
    return urlencode(
        {
            "id": token,
            "timestamp": f"{start_s + reports.fixed_s[row]:.3f}",
            "lon": f"{x / plane.metres_per_lon_deg + plane.longitude:.7f}",
            "lat": f"{y / plane.metres_per_lat_deg + plane.latitude:.7f}",
            "accuracy": f"{reports.accuracy_m[row]:.1f}",
        }
    )
