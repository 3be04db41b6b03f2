"""Several processes over one memory: order, errors, a killed worker, a killed parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo.errors import InvalidInput, WorkersEnded
from geo.geocoding.workers import AHEAD, map_in_order


def test_results_come_in_order_from_other_processes() -> None:
    shared = {n: n * n for n in range(40)}  # not picklable by name: it is there by the fork
    found = list(map_in_order(lambda n: (shared[n], os.getpid()), range(40), workers=2))
    assert [value for value, _ in found] == [n * n for n in range(40)]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.parametrize("items, workers", [(1, 4), (5, 1), (0, 4)])
def test_little_work_and_one_worker_stay_in_this_process(items: int, workers: int) -> None:
    found = list(map_in_order(lambda _: os.getpid(), range(items), workers=workers))
    assert found == [os.getpid()] * items


def test_what_all_need_is_made_once_before_the_fork() -> None:
    made: list[int] = []
    found = list(
        map_in_order(
            lambda _: tuple(made), range(6), workers=2, prepare=lambda: made.append(os.getpid())
        )
    )
    assert found == [(os.getpid(),)] * 6


def test_items_are_asked_for_only_a_little_ahead() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for n in range(50):
            asked.append(n)
            yield n

    results = map_in_order(lambda n: n, items(), workers=2)
    assert next(results) == 0
    assert len(asked) == 2 * AHEAD + 1
    results.close()


def test_an_error_comes_through_at_its_item() -> None:
    def do(n: int) -> int:
        if n == 3:
            raise InvalidInput("Three is not wanted. Give another.", got=n)
        return n

    results = map_in_order(do, range(9), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InvalidInput, match="Three") as caught:
        next(results)
    assert caught.value.facts == {"got": 3}


def test_a_killed_worker_is_told() -> None:
    def do(n: int) -> int:
        if n == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    with pytest.raises(WorkersEnded, match="same command"):
        list(map_in_order(do, range(9), workers=2))


RUN = """
import os, time
from geo.geocoding.workers import map_in_order
for n in map_in_order(lambda n: n or os.getpid(), range(2), workers=2):
    if n > 1:
        print(n, flush=True)
        time.sleep(60)
"""


def runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def test_workers_end_with_a_parent_that_is_killed() -> None:
    command = [sys.executable, "-c", RUN]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert runs(worker)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while runs(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)
