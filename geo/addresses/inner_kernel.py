"""Compile a function that only compiled code calls: without the wrappers that Python would need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def inner_kernel(function: Kernel) -> Kernel:
    """Return the function compiled where a kernel calls it; Python itself can't call it.

    The two wrappers cost a fifth of the compiling. It is not kept on its own: what calls it is.
    """
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Kernel", numba.njit(**options)(function))
