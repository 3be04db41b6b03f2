"""The one shape of an error."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema


class ErrorBody(BaseModel):
    """What went wrong, and what to do about it."""

    code: str = Field(description="Name of the error, stable.", examples=["grid_not_found"])
    message: str = Field(description="What, got, wanted, remedy, for a person.")
    got: Any | None = Field(default=None, description="What was given, where it helps.")
    wanted: Any | None = Field(default=None, description="What would have been right.")
    remedy: str | None = Field(default=None, description="What to do.")
    facts: dict[str, Any] = Field(description="The same facts for a program.")
    reference: str = Field(
        description="Number of this request, in the log too.", examples=["4f1c0a9be27d4d10"]
    )


class ErrorAnswer(BaseModel):
    """Every error has this body."""

    error: ErrorBody


SCHEMA_REF = "#/components/schemas/ErrorAnswer"


def error_schemas() -> dict[str, Any]:
    """Return the schemas that `SCHEMA_REF` leads to, for the OpenAPI document."""
    _, schemas = models_json_schema(
        [(ErrorAnswer, "serialization")], ref_template="#/components/schemas/{model}"
    )
    found: dict[str, Any] = schemas["$defs"]
    return found


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint: these errors, and those that all have."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            # Named here rather than as a `model`, which would promise GeoJSON where that is sent.
            "content": {"application/json": {"schema": {"$ref": SCHEMA_REF}}},
        }
        for status in sorted({*statuses, 401, 403, 422, 500, 503})
    }


def write_error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that takes a body or writes."""
    return error_responses(403, 413, *statuses)


_DESCRIPTIONS = {
    401: "Nobody is signed in, or the token doesn't hold any more.",
    403: "The caller's role doesn't go so far, or a browser sent it on behalf of another site.",
    404: "Not there, or outside what the caller may see.",
    409: "What is stored says otherwise, or is too little for an answer.",
    413: "The body is too large.",
    428: "It is about persons, and no task is open: PUT /v1/task, or send X-Purpose and X-Case.",
    429: "Too many tries; see Retry-After.",
    422: "The request has faults; they are named.",
    500: "A fault of this program; the reference finds it in the log.",
    503: "The database doesn't answer now; see Retry-After.",
}
