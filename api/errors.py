"""Errors as answers: the one place where the platform's errors become HTTP.

    NotSignedIn 401 · NotPermitted 403 · PurposeMissing 428 · TooManyTries 429 ·
    InvalidInput 422 · FileTooLarge 413 · NotFound 404 · Conflict 409 · NotEnoughData 409 ·
    Unavailable 503 with Retry-After · anything else 500 with a reference number and no detail

Every body has one shape, `{"error": {...}}`, `api.schemas.errors.ErrorAnswer`. A text never holds
SQL, a path on this machine, or an address outside the caller's scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

import pydantic_core
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from geo.errors import (
    Conflict,
    DatabaseUnavailable,
    FileTooLarge,
    InvalidInput,
    NotEnoughData,
    NotFound,
    NotPermitted,
    NotSignedIn,
    PlatformError,
    PurposeMissing,
    TooManyTries,
    Unavailable,
)

STATUS_OF_FAMILY: tuple[tuple[type[PlatformError], int], ...] = (
    (NotSignedIn, 401),
    (NotPermitted, 403),
    (PurposeMissing, 428),
    (TooManyTries, 429),
    (FileTooLarge, 413),
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (NotEnoughData, 409),
    (Unavailable, 503),
)
RETRY_AFTER_S = 5  # where an error doesn't say: a restarted PostgreSQL is back in about that time
FACT_TEXT_MAX = 500  # characters of a text, entries of a list: an answer stays small
# Fields whose values no answer says back.
_SECRET = frozenset(
    {"password", "code", "identity_number", "phone", "landlord_phone", "contact_phone"}
)
_OWN_KEYS = ("got", "wanted", "remedy")

_HTTP_CODES = {
    404: ("not_found", "Nothing has this address. See /v1/openapi.json for what there is."),
    405: ("method_not_allowed", "This method is not for this address."),
    406: ("not_acceptable", "The answer isn't to be had in the form asked for."),
    413: ("file_too_large", "The body is larger than this address takes."),
    415: ("unsupported_media_type", "The body is of a kind this address doesn't take."),
    422: ("invalid_request", "The body can't be read. Check it and its Content-Type."),
}


def status_of(error: PlatformError) -> int:
    """Return the HTTP status of an error; 500 for a family this table doesn't know."""
    return next((status for kind, status in STATUS_OF_FAMILY if isinstance(error, kind)), 500)


def error_code(error: BaseException) -> str:
    """Return the name of an error as a code: GridNotFound → grid_not_found."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_",
                  type(error).__name__).lower()  # fmt: skip


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    reference: str,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer of one error; `got`, `wanted` and `remedy` are lifted out of the facts."""
    safe = {name: json_safe(value) for name, value in (facts or {}).items()}
    body: dict[str, Any] = {"code": code, "message": json_safe(message, text_max=4000)}
    body |= {key: safe.pop(key) for key in _OWN_KEYS if key in safe}
    body |= {"facts": safe, "reference": reference}
    return Response(
        pydantic_core.to_json({"error": body}),
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def add_error_handlers(app: FastAPI, *, refused: Callable[[Request, Exception], None]) -> None:
    """Let `app` answer every error in the one shape.

    Parameters
    ----------
    refused : told of each of the platform's errors before it is answered
    """

    def answer(request: Request, error: Exception) -> Response:
        refused(request, error)
        return platform_answer(request, error)

    app.add_exception_handler(PlatformError, answer)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(PoolTimeout, _busy)


def reference_of(request: Request) -> str:
    """Return the number of this request; it stands in the log and in every error."""
    return str(getattr(request.state, "request_id", "-"))


def json_safe(value: Any, *, text_max: int = FACT_TEXT_MAX) -> Any:
    """Return a value as JSON can hold it: long ones cut, unknown ones as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return json_safe(value.value, text_max=text_max)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        sound = value.encode("utf-8", "replace").decode()  # a lone surrogate can't be sent
        return sound if len(sound) <= text_max else sound[:text_max] + "…"
    if isinstance(value, Mapping):
        return {str(key): json_safe(entry) for key, entry in list(value.items())[:FACT_TEXT_MAX]}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        entries = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [json_safe(entry) for entry in list(entries)[:FACT_TEXT_MAX]]
    return json_safe(str(value), text_max=text_max)


def platform_answer(request: Request, error: Exception) -> Response:
    """Return the answer of one of the platform's errors."""
    assert isinstance(error, PlatformError)
    status = status_of(error)
    if status == 500:
        raise error
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        retry_after_s = error.facts.get("retry_after_s", RETRY_AFTER_S)
        headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return error_response(
        status,
        error_code(error),
        error.message,
        facts=error.facts,
        reference=reference_of(request),
        headers=headers,
    )


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        {
            "field": ".".join(str(part) for part in fault["loc"]),
            "message": fault["msg"].removeprefix("Value error, "),
            **({} if _is_whole_body(fault) or _is_secret(fault) else {"got": fault.get("input")}),
        }
        for fault in error.errors()
    ]
    shown = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:5])
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return error_response(
        422,
        "invalid_request",
        f"The request has {len(faults)} fault{'s' if len(faults) > 1 else ''}. {shown}{more}",
        facts={"faults": faults, "remedy": "Mend the named fields; /v1/openapi.json has them all."},
        reference=reference_of(request),
    )


def _is_secret(fault: Mapping[str, Any]) -> bool:
    """Whether a fault's input must not be sent back, nor be seen on a screen."""
    return not _SECRET.isdisjoint(fault["loc"])


def _is_whole_body(fault: Mapping[str, Any]) -> bool:
    """Whether a fault's input is the whole body, which isn't worth sending back."""
    return fault["type"] in {"missing", "json_invalid"} or isinstance(fault.get("input"), dict)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # The framework answers 400 to a body that it can't read; here that is a fault of the request
    # like any other.
    status = 422 if error.status_code == 400 else error.status_code
    code, message = _HTTP_CODES.get(status, (f"http_{status}", error.detail))
    return error_response(
        status,
        code,
        message,
        facts={"method": request.method} if status == 405 else {},
        reference=reference_of(request),
        headers=error.headers,
    )


def _busy(request: Request, _error: Exception) -> Response:
    busy = DatabaseUnavailable(
        "All connections to the database are in use. Try again in a moment.",
        retry_after_s=RETRY_AFTER_S,
    )
    return platform_answer(request, busy)
