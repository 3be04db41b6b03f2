"""Text becomes values here, and the caller becomes a scope: the one lock on the door.

Endpoints and pages use the same dependencies.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request, params
from fastapi.dependencies.utils import get_flat_params
from pydantic import AfterValidator, StringConstraints
from sqlalchemy.orm import Session

from api.callers import CurrentCaller
from api.services import Services
from geo.accounts import Permission
from geo.addresses import ParseContext
from geo.crs import check_coordinates, parse_datum, to_wgs84
from geo.errors import InvalidCoordinate, InvalidInput, NotFound
from geo.geocoding.local import LocalGeocoder
from geo.settings import Settings
from geo.values import GridScope, LonLat

ID_MAX = 2**63 - 1  # a bigint; a larger number would only make the database complain
CODE_MAX = 40  # characters; the longest code in use, a grid's, has 17 (GA/T 2000.32)
Bounds = tuple[float, float, float, float]


def sound_text(text: str) -> str:
    """Return text as it was given, if it can be stored and shown.

    Raises
    ------
    ValueError : control characters (but for tab and line ends) or half a surrogate pair, which
        no address holds and the database doesn't take
    """
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs" or (category == "Cc" and character not in "\t\n\r"):
            raise ValueError(
                f"holds the control character U+{ord(character):04X}. Take it out and try again."
            )
    return text


SoundText = Annotated[str, AfterValidator(sound_text)]
Code = Annotated[
    str, StringConstraints(min_length=1, max_length=CODE_MAX), AfterValidator(sound_text)
]
RowId = Annotated[int, Path(ge=1, le=ID_MAX)]


# -- the caller


def get_services(request: Request) -> Services:
    """What the program was started with."""
    services: Services = request.app.state.services
    return services


def get_settings(services: Annotated[Services, Depends(get_services)]) -> Settings:
    return services.settings


def caller_scope(caller: CurrentCaller) -> GridScope:
    """What this caller may see: the grids of their assignments; nothing who isn't signed in."""
    return GridScope.of([]) if caller is None else caller.scope


def operator_scope(
    caller: CurrentCaller, scope: Annotated[GridScope, Depends(caller_scope)]
) -> GridScope:
    """The scope of an administrator of the system; to others, operators' work is not there.

    Raises
    ------
    NotFound : the caller is none, or their scope is limited. Import reports hold rows of any grid.
    """
    if caller is None or not caller.may(Permission.IMPORT) or not scope.is_everything:
        raise NotFound("Nothing is here. See /v1/openapi.json for what there is.")
    return scope


# -- the database: one request, one transaction


def read_session(
    services: Annotated[Services, Depends(get_services)],
    scope: Annotated[GridScope, Depends(caller_scope)],
) -> Iterator[Session]:
    """A session of the caller's scope that can't write; it takes a connection with its first
    statement."""
    with services.database.read_session_of(scope) as session:
        yield session


def get_geocoder(services: Annotated[Services, Depends(get_services)]) -> LocalGeocoder:
    """The one geocoder; its index is shared by all requests and follows the database."""
    return services.geocoder


def get_parse_context(services: Annotated[Services, Depends(get_services)]) -> ParseContext | None:
    """What this deployment knows before it reads an address: its own area, its tagger."""
    return services.context.current()


def write_session(
    services: Annotated[Services, Depends(get_services)],
    scope: Annotated[GridScope, Depends(caller_scope)],
) -> Iterator[Session]:
    """A session of the caller's scope, committed before the answer is sent, rolled back where
    anything is raised."""
    with services.database.session_of(scope) as session:
        yield session


ServicesDep = Annotated[Services, Depends(get_services)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
Geocoder = Annotated[LocalGeocoder, Depends(get_geocoder)]
Context = Annotated[ParseContext | None, Depends(get_parse_context)]
Scope = Annotated[GridScope, Depends(caller_scope)]
OperatorScope = Annotated[GridScope, Depends(operator_scope)]
ReadSession = Annotated[Session, Depends(read_session, scope="function")]
WriteSession = Annotated[Session, Depends(write_session, scope="function")]


# -- time and place


def now() -> datetime:
    """The moment of the request: read here, told to everything below."""
    return datetime.now(UTC)


def today(moment: Annotated[datetime, Depends(now)], settings: SettingsDep) -> date:
    """The day on which an answer is wanted where the caller names none."""
    return settings.local_day(moment)


def day(
    default: Annotated[date, Depends(today)],
    on: Annotated[
        date | None,
        Query(
            description="Day for which the answer holds (yesterday's answers can still be asked "
            "for). Default: today, in the time zone of the "
            "deployment.",
            examples=["2026-06-01"],
        ),
    ] = None,
) -> date:
    """The day asked for."""
    return on or default


def point(
    lon: Annotated[
        float, Query(description="Longitude [degrees], or easting [m].", examples=[121.4737])
    ],
    lat: Annotated[
        float, Query(description="Latitude [degrees], or northing [m].", examples=[31.2304])
    ],
    datum: Annotated[
        str,
        Query(
            max_length=60,
            description="What the two numbers are in: WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.",
            examples=["WGS84", "GCJ02"],
        ),
    ] = "WGS84",
) -> LonLat:
    """The point asked for, in WGS 84.

    Raises
    ------
    InvalidDatum, InvalidCoordinate
    """
    return lonlat_of(lon, lat, datum)


def near_point(
    lon: Annotated[
        float | None, Query(description="Where the user is: longitude [degrees].")
    ] = None,
    lat: Annotated[float | None, Query(description="Latitude [degrees].")] = None,
    datum: Annotated[str, Query(max_length=60, description="What the two are in.")] = "WGS84",
) -> LonLat | None:
    """Where the user is, None where they don't say.

    Raises
    ------
    InvalidCoordinate : one without the other, or no place
    """
    if lon is None and lat is None:
        return None
    if lon is None or lat is None:
        raise InvalidCoordinate("lon and lat go together. Give both or neither.", field="lon")
    return lonlat_of(lon, lat, datum)


def bbox(
    bbox: Annotated[
        str | None,
        Query(
            max_length=200,
            description="West, south, east, north [degrees, WGS 84], separated by commas.",
            examples=["121.44,31.21,121.50,31.25"],
        ),
    ] = None,
) -> Bounds | None:
    """The frame asked for: west, south, east, north [degrees, WGS 84]; None where none is given.

    Raises
    ------
    InvalidCoordinate
    """
    return None if bbox is None else parse_bbox(bbox)


def required_bbox(
    bbox: Annotated[
        str,
        Query(
            max_length=200,
            description="West, south, east, north [degrees, WGS 84], separated by commas.",
            examples=["121.44,31.21,121.50,31.25"],
        ),
    ],
) -> Bounds:
    """The frame asked for, where there must be one.

    Raises
    ------
    InvalidCoordinate
    """
    return parse_bbox(bbox)


Day = Annotated[date, Depends(day)]
Point = Annotated[LonLat, Depends(point)]
NearPoint = Annotated[LonLat | None, Depends(near_point)]
Frame = Annotated[Bounds | None, Depends(bbox)]
RequiredFrame = Annotated[Bounds, Depends(required_bbox)]


def lonlat_of(x: float, y: float, datum: str) -> LonLat:
    """Return a coordinate in a named datum as a point in WGS 84.

    Raises
    ------
    InvalidDatum, InvalidCoordinate
    """
    named = parse_datum(datum)
    if named.name == "WGS84":
        return LonLat(x, y)
    if named.is_projected and abs(x) <= 360 and abs(y) <= 90:
        raise InvalidCoordinate(
            f"({x:g}, {y:g}) are degrees, but {named} counts metres. Name the datum of the "
            "degrees, or give easting and northing.",
            field="datum",
        )
    fault = check_coordinates([x], [y], named)[0]
    if fault:
        raise InvalidCoordinate(
            f"({x:g}, {y:g}) is no place in {named}: {fault}. Check the datum and the order: "
            "longitude or easting first.",
            field="lon",
            fault=str(fault),
        )
    lon, lat = to_wgs84(x, y, named)
    return LonLat(lon, lat)


def parse_bbox(given: str) -> Bounds:
    """Return west, south, east, north [degrees] of a text such as `121.4,31.2,121.5,31.3`.

    Raises
    ------
    InvalidCoordinate : not four numbers, out of range, or the wrong way round
    """
    wanted = "Wanted west,south,east,north in degrees of WGS 84, such as 121.44,31.21,121.50,31.25."
    parts = given.split(",")
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        raise InvalidCoordinate(f"bbox is “{given[:60]}”. {wanted}", field="bbox") from None
    in_range = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    if not in_range:  # NaN fails the comparison too
        raise InvalidCoordinate(
            f"bbox is “{given[:60]}”: west must not lie east of east, nor south north of north, "
            f"and all must be in range. {wanted}",
            field="bbox",
        )
    return west, south, east, north


# -- every endpoint


def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query parameter the endpoint doesn't know, or that stands there twice.

    A misspelt filter that is silently ignored answers another question than was asked.

    Raises
    ------
    InvalidInput : `wanted` lists the known ones
    """
    endpoint = request.scope["route"]
    known = sorted(
        field.alias
        for field in get_flat_params(endpoint.dependant)
        if isinstance(field.field_info, params.Query)
    )
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidInput(
            f"Unknown query parameter{'s' if len(unknown) > 1 else ''} "
            f"{', '.join(name[:60] for name in unknown[:5])}. Known here: "
            f"{', '.join(known) or 'none'}.",
            got=unknown,
            wanted=known,
            remedy="Take it out or correct its spelling.",
        )
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise InvalidInput(
            f"Query parameter {', '.join(twice)} stands there more than once. Give it once.",
            got=twice,
            wanted=known,
        )
