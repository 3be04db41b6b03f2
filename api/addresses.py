"""Standard addresses as the API shows them and as it hands them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.dependencies import lonlat_of
from api.geojson import feature, point_of
from api.schemas.addresses import (
    AddressChange,
    AddressGiven,
    AddressProperties,
    FormerAddress,
    PointGiven,
)
from geo.crs import parse_datum
from geo.h3_cells import h3_cell_to_text
from geo.register import AddressPoint, WrittenAddress, components_of
from geo.register import point_of as lonlat_of_address
from geo.tables import ADDRESS_COMPONENTS, StandardAddress, StandardAddressHistory


def address_feature(address: StandardAddress) -> dict[str, Any]:
    """Return an address as a GeoJSON feature."""
    place = lonlat_of_address(address)
    properties = AddressProperties.model_validate(
        {
            **{name: getattr(address, name) for name in _SAME_NAMES},
            "components": components_of(address),
            "h3_cell": None if address.h3_cell is None else h3_cell_to_text(address.h3_cell),
        }
    )
    return feature(
        address.id,
        None if place is None else point_of(place.longitude, place.latitude),
        properties.model_dump(mode="json"),
    )


def former_address(row: StandardAddressHistory) -> FormerAddress:
    """Return what an address was, from the row as it was kept."""
    was: Mapping[str, Any] = row.was
    place = was.get("geom")
    return FormerAddress.model_validate(
        {
            **{name: was.get(name) for name in FormerAddress.model_fields},
            "version": row.version,
            "recorded_from": row.recorded_from,
            "recorded_to": row.recorded_to,
            "geometry": None if place is None else point_of(*place["coordinates"]),
            "components": {name: was[name] for name in ADDRESS_COMPONENTS if was.get(name)},
        }
    )


def written(given: AddressGiven) -> WrittenAddress:
    """Return what is said of a new address.

    Raises
    ------
    InvalidDatum, InvalidCoordinate
    """
    said = _said(given)
    assert said is not None, "the schema asks for one of the two"
    return WrittenAddress(said, given.point_of_interest, _point(given.point))


def changed(address: StandardAddress, given: AddressChange) -> WrittenAddress:
    """Return what an address shall be: what is given, over what it is.

    Raises
    ------
    InvalidDatum, InvalidCoordinate
    """
    names_place = "point_of_interest" in given.model_fields_set
    return WrittenAddress(
        _said(given) or components_of(address),
        given.point_of_interest if names_place else address.point_of_interest,
        _point(given.point),
    )


def _said(given: AddressGiven) -> str | dict[str, str] | None:
    if given.address_text is not None or given.components is None:
        return given.address_text
    return {str(level): value for level, value in given.components.items()}


def _point(given: PointGiven | None) -> AddressPoint | None:
    if given is None:
        return None
    return AddressPoint(
        lonlat_of(given.lon, given.lat, given.datum),
        given.method,
        given.accuracy_m,
        parse_datum(given.datum).name,
    )


_SAME_NAMES = tuple(
    name for name in AddressProperties.model_fields if name not in ("components", "h3_cell")
)
