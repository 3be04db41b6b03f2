"""What every request passes: a number and a log line, a cap on its body, no writes from foreign
pages, headers on its answer.

Plain ASGI, so that streams and tiles pass through without a copy.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_response
from api.security_headers import SECURITY_HEADERS

log = structlog.get_logger("api.access")

# Thousands a second; what became of them is counted in the store.
QUIET = frozenset({"send_position", "send_positions"})
READING = ("GET", "HEAD", "OPTIONS")


class RequestRecord:
    """Gives each request a number, logs one line about it, and answers what nobody foresaw.

    The line holds the endpoint's name, never the query or the ids in the path: both can be
    addresses of people. Nor does it hold the text of an unforeseen error, which can quote a row.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reference = uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = reference
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = reference
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=reference):
            try:
                await self.app(scope, receive, send_marked)
            except Exception as error:
                log.error("request.failed", error=type(error).__name__, where=_places(error))
                if status:
                    raise
                answer = error_response(
                    500,
                    "internal_error",
                    "Something went wrong here. Nothing of this request was stored. Tell the "
                    "operator the reference.",
                    reference=reference,
                )
                await answer(scope, receive, send_marked)
            finally:
                endpoint = _endpoint(scope)
                if endpoint not in QUIET or status >= 400:
                    log.info(
                        "request",
                        method=scope["method"],
                        endpoint=endpoint,
                        status=status,
                        duration_ms=round((time.perf_counter() - started) * 1000, 1),
                    )


class BodyCap:
    """Refuses a body over its cap with 413: by its declared length, and counted as it comes in."""

    def __init__(self, app: ASGIApp, cap_of: Callable[[str], int]) -> None:
        self.app = app
        self.cap_of = cap_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cap = self.cap_of(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > cap:
            answer = error_response(
                413,
                "file_too_large",
                f"The body has {declared[:20]} bytes, wanted {cap} at most.",
                facts={"got": declared[:20], "wanted": cap, "remedy": "Send it in parts."},
                reference=scope["state"]["request_id"],
                headers={"Connection": "close"},
            )
            await answer(scope, receive, send)
            return
        taken = 0

        async def receive_counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > cap:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_counted, send)


class OwnOriginOnly:
    """Refuses writes that a browser sends on behalf of another site.

    A page anywhere may post a form to a server on loopback; the browser says where it comes from.
    Programs that are no browser send neither header and pass.

    Source: Fetch Metadata (W3C), Sec-Fetch-Site; RFC 6454, Origin
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in READING or _is_own(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        answer = error_response(
            403,
            "foreign_origin",
            "This write comes from a page of another site, and is refused. Send it from a page of "
            "this server, or from a program.",
            reference=scope["state"]["request_id"],
        )
        await answer(scope, receive, send)


class SecurityHeaders:
    """Adds the headers to every answer that doesn't bring its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _is_own(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _endpoint(scope: Scope) -> str:
    """The endpoint's name, such as get_address, or a page's path; '-' where none fits."""
    endpoint = scope.get("route")
    return str(getattr(endpoint, "operation_id", None) or getattr(endpoint, "path", "-"))


def _places(error: BaseException) -> list[str]:
    """File, line and function of each step that led to an error; none of its values."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
