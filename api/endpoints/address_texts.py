"""Address texts by themselves: read into parts, standardised, compared. No register is asked."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Context, Scope, SettingsDep
from api.schemas.address_texts import (
    AddressPairs,
    AddressTexts,
    ComparedPairs,
    ReadAddresses,
    StandardisedAddresses,
)
from api.schemas.errors import write_error_responses
from geo.addresses.deployment import written_form
from geo.addresses.reading_json import compare_as_json, read_as_json, standardise_as_json

router = APIRouter(prefix="/addresses", tags=["address texts"])


@router.post(
    "/read",
    operation_id="read_addresses",
    summary="Read address texts into their parts",
    responses=write_error_responses(),
)
def read_addresses(
    _scope: Scope, settings: SettingsDep, context: Context, asked: AddressTexts
) -> ReadAddresses:
    """Parts with spans, values and codes, what stands beside the address, what was not understood,
    what the finest division may be, and the normalised text. At most 1,000 at a time."""
    found = read_as_json(
        asked.addresses,
        form=written_form(settings),
        context=context,
        max_length=settings.address_text_max,
    )
    return ReadAddresses.model_validate({"results": found})


@router.post(
    "/standardise",
    operation_id="standardise_addresses",
    summary="Write address texts in the standard form",
    responses=write_error_responses(),
)
def standardise_addresses(
    _scope: Scope, settings: SettingsDep, context: Context, asked: AddressTexts
) -> StandardisedAddresses:
    """The standard text in the written form of this deployment, the code of each division, and the
    successor of one that is abolished. At most 1,000 at a time."""
    found = standardise_as_json(
        asked.addresses,
        form=written_form(settings),
        context=context,
        max_length=settings.address_text_max,
    )
    return StandardisedAddresses.model_validate({"results": found})


@router.post(
    "/compare",
    operation_id="compare_addresses",
    summary="Compare pairs of address texts",
    responses=write_error_responses(),
)
def compare_addresses(
    _scope: Scope, settings: SettingsDep, context: Context, asked: AddressPairs
) -> ComparedPairs:
    """Same, one within the other, overlap or different, the level at which they part, level by
    level why, and how likely they are one place. At most 1,000 pairs at a time."""
    found = compare_as_json(
        [(pair.first, pair.second) for pair in asked.pairs],
        form=written_form(settings),
        context=context,
        max_length=settings.address_text_max,
    )
    return ComparedPairs.model_validate({"results": found})
