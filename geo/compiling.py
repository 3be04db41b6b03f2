"""Loops that Numba compiles on first use and keeps on disk, in a folder for this state of them all.

Numba renews what it kept when the file of a loop changes, and can't see that a loop it calls in
another file has: after an update, an old one would go on inside a new one. So the folder's name is
the hash of every file of this room, and of the layers, that holds a loop. Constants that a loop
reads are compiled in too: take them from a file that holds loops.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

ROOM = Path(__file__).parent
ROOMS = (ROOM, ROOM.parent / "layers")  # a layer's loops may call loops of this room
MARKS = (b"\n@compiled", b"\n@inner_kernel")

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder(*rooms: Path) -> Path:
    """Return where the compiled loops of some rooms are kept, in the first of them; another folder
    when one of them changes. Without rooms: of `ROOMS`.

    A millisecond for every fifty files. Where it can't be written, Numba takes the user's own.
    """
    given = rooms or ROOMS
    state = hashlib.sha256()
    for room in given:
        for file in sorted(room.rglob("*.py")):
            content = file.read_bytes()
            if any(mark in content for mark in MARKS):
                state.update(b"%d:%b" % (len(content), content))
    return given[0] / "__pycache__" / f"loops-{state.hexdigest()[:16]}"


os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder()))

import numba  # noqa: E402 (reads the folder when it loads)


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile a function, and keep the result where a folder for it can be written.

    Parameters
    ----------
    options : of `numba.njit`
    """

    def compile_(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(cache=True, **options)(function))
        except RuntimeError:  # nowhere to keep it: a read-only installation without a home folder
            return cast(Function, numba.njit(**options)(function))

    return compile_


def inner_kernel(function: Function) -> Function:
    """Compile a function that only compiled code calls; Python itself can't call it.

    The two wrappers that Python would need cost a fifth of the compiling. It is not kept on its
    own: what calls it is.
    """
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(Function, numba.njit(**options)(function))
