"""What makes an address one address: its standard form and the keys it is found by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geo.addresses import (
    LEVELS,
    AddressLevel,
    ParseContext,
    ParsedAddress,
    WrittenForm,
    fold_name,
    format_address,
    normalise,
    search_key,
)
from geo.addresses.register_keys import NUMBER_LEVELS, number_key
from geo.errors import InvalidInput

SITE_FROM = AddressLevel.DOOR
"""From here on an address names one site; a coarser one names a stretch where many things lie."""

COARSEST = AddressLevel.COMMUNITY
"""An address that names less than a community or village is an area, not an address."""


@dataclass(frozen=True, slots=True)
class StandardForm:
    """An address as the register holds it. `level` is the finest level that is written."""

    components: dict[str, str]
    point_of_interest: str | None
    canonical_text: str
    search_key: str
    level: str


def standard_form(
    address: ParsedAddress | Mapping[str, str],
    name: str | None,
    *,
    form: WrittenForm,
    context: ParseContext | None = None,
) -> StandardForm:
    """Return the standard form of an address and of the point of interest it may hold.

    Where the address names no door, estate or building, the point of interest is what tells one
    place from the next, and so it belongs to the standard address and to its key (GB/T 23705:
    road, then door or point of interest). Elsewhere it is only known there.

    context : the deployment's own area; it settles which division the key means

    Raises
    ------
    InvalidInput : nothing is written, or no more than an area
    """
    components = address.components() if isinstance(address, ParsedAddress) else dict(address)
    written = [level for level in LEVELS if components.get(level)]
    if not written:
        raise InvalidInput("No part of an address is found in it.", reason="no_address")
    finest = written[-1]
    key = search_key(address, context=context)
    text = format_address(components, written_form=form)
    name_key = text_key(name) if name else ""
    if name and name_key and finest.rank < SITE_FROM.rank:
        key, text = f"{key}|point_of_interest={name_key}", text + name
    elif finest.rank < COARSEST.rank:
        raise InvalidInput(
            f"It names an area only, down to {finest.value}. Wanted at least a village, road, "
            "estate or door, or the name of a place.",
            reason="area_only",
        )
    return StandardForm(components, name if name_key else None, text, key, finest.value)


def text_key(text: str) -> str:
    """Return what an alias is compared by: its folded text."""
    return fold_name(normalise(text).text)


def component_value(level: str, written: str) -> str | None:
    """Return a component as `parse` would give it: door 777号 → 777; None where nothing is left."""
    if level in NUMBER_LEVELS:
        number = number_key(level, written)
        if number is not None:
            return number
    return normalise(written).text.replace(" ", "") or None
