"""The quick way in for positions: what a known device sends, past the framework.

Thousands of messages a second come in, each a fix or two; the framework's way takes several times
as long as all else that is done with one. Answered here is the plain case alone: a POST of a length
within the cap, from no browser, by a device that there is. Everything else, and every answer that
is no success, takes the usual way from the beginning: it gets the same body, and a message that is
taken in twice is stored once.
"""

from __future__ import annotations

import json
import os

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.position_formats import UPLOADS, Format, device_token, read_message
from api.security_headers import SECURITY_HEADERS
from geo.errors import PlatformError
from geo.positions.intake import Intake, Taken

_FORMATS = {str(each): each for each in Format}
# With one of these a message needs what the usual way looks after.
_UNUSUAL = frozenset({b"origin", b"sec-fetch-site", b"transfer-encoding", b"content-encoding"})
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class PositionDoor:
    """Answers `POST /v1/positions/in/FORMAT` where it can, and hands on the rest.

    Parameters
    ----------
    path : of the door, up to the name of the format
    cap : bytes that a body may have
    """

    def __init__(self, app: ASGIApp, intake: Intake, path: str, cap: int) -> None:
        self.app = app
        self.intake = intake
        self.path = path
        self.cap = cap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        format = self._format(scope)
        if format is None:
            await self.app(scope, receive, send)
            return
        came: list[Message] = []
        body = await _body(receive, came)
        taken = None if body is None else await self._taken(scope, format, body)
        if taken is None:
            await self.app(scope, _again(came, receive), send)
            return
        answer = b"[]" if format == Format.OWNTRACKS else _told(taken)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(answer)),
                    (b"x-request-id", os.urandom(8).hex().encode()),
                    *_HEADERS,
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    def _format(self, scope: Scope) -> Format | None:
        """The format, None where the message isn't for this way."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        path: str = scope["path"]
        if not path.startswith(self.path):
            return None
        length = b""
        for name, value in scope["headers"]:
            if name in _UNUSUAL:
                return None
            if name == b"content-length":
                length = value
        if not length.isdigit() or int(length) > self.cap:
            return None
        return _FORMATS.get(path[len(self.path) :])

    async def _taken(self, scope: Scope, format: Format, body: bytes) -> Taken | None:
        """What became of the message; None where the usual way is to say so."""
        request = Request(scope)
        reading = read_message(format, body, request)
        if format in UPLOADS and not reading.fixes:
            return None
        token = device_token(request, reading)
        try:
            try:
                device = self.intake.known_device(token)
            except KeyError:
                device = await run_in_threadpool(self.intake.device_of, token)
            return None if device is None else await self.intake.take_in(device, reading)
        except PlatformError:
            return None


async def _body(receive: Receive, came: list[Message]) -> bytes | None:
    """The body; None where the sender left. What came is kept in `came`."""
    parts = []
    while True:
        message = await receive()
        came.append(message)
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _again(came: list[Message], receive: Receive) -> Receive:
    """Hand over what came, then what comes."""
    waiting = iter(came)

    async def receive_again() -> Message:
        return next(waiting, None) or await receive()

    return receive_again


def _told(taken: Taken) -> bytes:
    if not taken.dropped:
        return b'{"stored":%d,"dropped":{}}' % taken.stored
    dropped = {str(why): count for why, count in taken.dropped.items()}
    return b'{"stored":%d,"dropped":%s}' % (
        taken.stored,
        json.dumps(dropped, separators=(",", ":")).encode(),
    )
