"""Do one thing to many items in several processes that share what the parent holds in memory.

The processes are forked when the work begins, so that a register of a million addresses is there
once, not once a process. What they do must touch neither database nor terminal.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import pyarrow as pa

from geo.errors import WorkersEnded

AHEAD = 2  # items a worker that wait to be done, so that none has to wait for its next one
MAX_WORKERS = 64
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

Item = TypeVar("Item")
Result = TypeVar("Result")

_do: Callable[[Any], Any] | None = None


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(
    do: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    prepare: Callable[[], object] = lambda: None,
) -> Generator[Result, None, None]:
    """Yield `do` of each item, in the order of the items.

    A single item, or a single worker, is done in this process. Items are asked for only AHEAD of
    the work, so that memory stays bounded. Closing the generator ends the workers.

    Parameters
    ----------
    do : need not be picklable; items and results must be
    workers : [processes] at most
    prepare : called before processes are forked, to make what each would make for itself

    Raises
    ------
    WorkersEnded : a worker was killed, such as for want of memory
    and whatever `do` raises, at the item that raised it
    """
    waiting = iter(items)
    first = list(itertools.islice(waiting, 2))
    waiting = itertools.chain(first, waiting)
    if workers <= 1 or len(first) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(do, waiting)
        return
    prepare()
    with _pool(do, min(workers, MAX_WORKERS)) as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for item in waiting:
                begun.append(pool.submit(_work, item))
                if len(begun) > AHEAD * workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        except BrokenProcessPool:
            raise WorkersEnded(
                f"One of {workers} worker processes was ended from outside, perhaps for want of "
                "memory. What is done is kept; start the same command again with fewer workers.",
                workers=workers,
            ) from None


@contextlib.contextmanager
def _pool(do: Callable[[Any], Any], workers: int) -> Iterator[ProcessPoolExecutor]:
    # What stands in memory now is left out of the workers' garbage collections, which would
    # write to every object and so copy the memory they share.
    gc.collect()
    gc.freeze()
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("fork"),
        initializer=_begin,
        initargs=(do, os.getpid()),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        gc.unfreeze()


def _begin(do: Callable[[Any], Any], parent: int) -> None:
    """Make ready in a new worker: `do` comes by the fork, without being pickled."""
    global _do
    _do = do
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the work, and us with it
    _die_with(parent)
    pa.set_cpu_count(1)  # or each worker would start a thread for every core
    gc.freeze()


def _die_with(parent: int) -> None:
    """End this process when its parent is killed; elsewhere than on Linux it may stay."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before we asked
        os._exit(1)


def _work(item: Any) -> Any:
    assert _do is not None
    return _do(item)
