"""What a server answers with while it is starting: positions at once, all else when it is ready.

To load all that answers people takes seconds; a phone that sends should not have to wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from api.paths import BODY_MAX_BYTES, POSITIONS_IN
from api.position_door import PositionDoor
from geo.positions.intake import Intake

if TYPE_CHECKING:
    from fastapi import FastAPI


class Entrance:
    """An ASGI application: positions go to `intake`, what else comes waits for the application.

    Parameters
    ----------
    make : makes the application, in a thread of its own; it is served from then on
    failed : told when that raised; `error` is what it was
    """

    def __init__(
        self, intake: Intake, make: Callable[[], FastAPI], failed: Callable[[], None]
    ) -> None:
        self.error: BaseException | None = None
        self._make, self._failed = make, failed
        self._door = PositionDoor(self._wait, intake, path=POSITIONS_IN, cap=BODY_MAX_BYTES)
        self._app: ASGIApp | None = None
        self._is_ready = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await (self._app or self._door)(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._is_ready.wait()
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """While the server runs: make the application, and let it live as long."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        async with AsyncExitStack() as stack:
            making = asyncio.create_task(self._become_ready(stack))
            await receive()
            await making
        await send({"type": "lifespan.shutdown.complete"})

    async def _become_ready(self, stack: AsyncExitStack) -> None:
        try:
            app = await asyncio.to_thread(self._make)
            await stack.enter_async_context(app.router.lifespan_context(app))
        except BaseException as error:
            self.error = error
            self._failed()
            return
        self._app = app
        self._is_ready.set()
