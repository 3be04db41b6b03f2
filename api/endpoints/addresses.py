"""Standard addresses: read, written one by one, with aliases and history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api import paging
from api.addresses import address_feature, changed, former_address, written
from api.callers import SignedInCaller
from api.dependencies import (
    ID_MAX,
    Code,
    Context,
    Frame,
    ReadSession,
    RowId,
    Scope,
    SettingsDep,
    SoundText,
    WriteSession,
    now,
    today,
)
from api.geojson import GeoJSONResponse, feature_collection
from api.schemas.addresses import (
    AddressChange,
    AddressEnd,
    AddressFeature,
    AddressHistory,
    AddressLevel,
    AddressPage,
    AddressStatus,
    Alias,
    AliasList,
    NewAddress,
    NewAlias,
)
from api.schemas.errors import error_responses, write_error_responses
from geo.register import (
    AddressFilter,
    add_alias,
    address_aliases,
    address_history,
    create_standard_address,
    end_address,
    end_alias,
    find_standard_addresses,
    get_standard_address,
    merge_address,
    update_standard_address,
    written_form,
)

router = APIRouter(prefix="/addresses", tags=["addresses"])

AddressId = Annotated[RowId, Path(description="Number of the address.")]
AliasId = Annotated[RowId, Path(description="Number of the alias.")]
Today = Annotated[date, Depends(today)]
Now = Annotated[datetime, Depends(now)]
WRITE_ERRORS = write_error_responses(404, 409)


@router.get(
    "",
    operation_id="list_addresses",
    summary="Standard addresses by frame, grid, level or text",
    response_class=GeoJSONResponse,
    response_model=AddressPage,
    responses=error_responses(),
)
def list_addresses(
    request: Request,
    session: ReadSession,
    scope: Scope,
    frame: Frame,
    page: paging.Page,
    grid_code: Annotated[
        Code | None, Query(description="Only in this grid.", examples=["31010100100100001"])
    ] = None,
    community_code: Annotated[
        Code | None, Query(description="Only in this community.", examples=["310101001001"])
    ] = None,
    level: Annotated[AddressLevel | None, Query(description="Finest level written.")] = None,
    q: Annotated[
        SoundText | None,
        Query(
            min_length=1,
            max_length=100,
            description="Part of the address, of its place's name or of an alias, as it is "
            "written. For what is typed or wrong: /v1/geocode and /v1/suggest.",
            examples=["滨河路"],
        ),
    ] = None,
    source: Annotated[
        SoundText | None, Query(max_length=200, description="Only from this source.")
    ] = None,
    status: Annotated[AddressStatus, Query(description="Only with this status.")] = "current",
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="Number of the last address had so far.")
    ] = 0,
) -> GeoJSONResponse:
    """By number. All filters given must hold."""
    rows = find_standard_addresses(
        session,
        AddressFilter(
            bbox=frame,
            grid_code=grid_code,
            community_code=community_code,
            text=q,
            level=level,
            source=source,
            status=status,
        ),
        scope=scope,
        after_id=after,
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    links = paging.links(request, after=shown[-1].id if has_more else None)
    return GeoJSONResponse(feature_collection(map(address_feature, shown), links=links))


@router.post(
    "",
    status_code=201,
    operation_id="create_address",
    summary="Add a standard address",
    response_class=GeoJSONResponse,
    response_model=AddressFeature,
    responses=WRITE_ERRORS,
)
def create_address(
    request: Request,
    session: WriteSession,
    scope: Scope,
    settings: SettingsDep,
    context: Context,
    day: Today,
    given: NewAddress,
) -> GeoJSONResponse:
    """Grid and H3 cell follow from the point. An address that is there already, however it is
    written, is a conflict."""
    address = create_standard_address(
        session,
        written(given),
        source=given.source,
        source_ref=given.source_ref,
        form=written_form(settings),
        context=context,
        day=day,
        scope=scope,
    )
    where = {"Location": f"{request.url.path}/{address.id}"}
    return GeoJSONResponse(address_feature(address), 201, headers=where)


@router.get(
    "/{address_id}",
    operation_id="get_address",
    summary="One standard address",
    response_class=GeoJSONResponse,
    response_model=AddressFeature,
    responses=error_responses(404),
)
def get_address(session: ReadSession, scope: Scope, address_id: AddressId) -> GeoJSONResponse:
    """Whatever its status: one that ended can still be asked for."""
    return GeoJSONResponse(address_feature(get_standard_address(session, address_id, scope=scope)))


@router.patch(
    "/{address_id}",
    operation_id="change_address",
    summary="Change a standard address",
    response_class=GeoJSONResponse,
    response_model=AddressFeature,
    responses=WRITE_ERRORS,
)
def change_address(
    session: WriteSession,
    scope: Scope,
    settings: SettingsDep,
    context: Context,
    day: Today,
    address_id: AddressId,
    given: AddressChange,
) -> GeoJSONResponse:
    """What isn't named stays. `expected_version` is the version the caller has seen: where somebody
    changed the address since, it is a conflict and nothing is stored. Its former text becomes an
    alias."""
    address = get_standard_address(session, address_id, scope=scope)
    after = update_standard_address(
        session,
        address_id,
        changed(address, given),
        expected_version=given.expected_version,
        form=written_form(settings),
        context=context,
        day=day,
        scope=scope,
    )
    return GeoJSONResponse(address_feature(after))


@router.post(
    "/{address_id}/end",
    operation_id="end_address",
    summary="End a standard address",
    response_class=GeoJSONResponse,
    response_model=AddressFeature,
    responses=WRITE_ERRORS,
)
def end_one_address(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    address_id: AddressId,
    given: AddressEnd,
) -> GeoJSONResponse:
    """Nothing is deleted. With `merged_into` it turned out to be another one, whose alias its text
    becomes; that merge can be undone."""
    if given.merged_into is None:
        end_address(session, address_id, expected_version=given.expected_version, scope=scope)
    else:
        merge_address(
            session,
            address_id,
            given.merged_into,
            merged_version=given.expected_version,
            kept_version=None,
            merged_by=caller.name,
            now=moment,
            scope=scope,
        )
    return GeoJSONResponse(address_feature(get_standard_address(session, address_id, scope=scope)))


@router.get(
    "/{address_id}/history",
    operation_id="list_address_history",
    summary="What a standard address was",
    responses=error_responses(404),
)
def list_history(session: ReadSession, scope: Scope, address_id: AddressId) -> AddressHistory:
    """Oldest first. A change of grid alone is no change of the address."""
    rows = address_history(session, address_id, scope=scope)
    return AddressHistory(history=[former_address(row) for row in rows])


@router.get(
    "/{address_id}/aliases",
    operation_id="list_address_aliases",
    summary="The aliases of a standard address",
    responses=error_responses(404),
)
def list_aliases(
    session: ReadSession,
    scope: Scope,
    address_id: AddressId,
    with_ended: Annotated[bool, Query(description="Those that ended, too.")] = False,
) -> AliasList:
    """Oldest first."""
    rows = address_aliases(session, address_id, scope=scope, with_ended=with_ended)
    return AliasList(aliases=[Alias.model_validate(row) for row in rows])


@router.post(
    "/{address_id}/aliases",
    status_code=201,
    operation_id="add_address_alias",
    summary="Add an alias",
    responses=WRITE_ERRORS,
)
def add_one_alias(
    session: WriteSession, scope: Scope, address_id: AddressId, given: NewAlias
) -> Alias:
    """One that is there already is answered as it is."""
    alias = add_alias(session, address_id, given.alias_text, source=given.source, scope=scope)
    session.refresh(alias)
    return Alias.model_validate(alias)


@router.delete(
    "/{address_id}/aliases/{alias_id}",
    status_code=204,
    operation_id="end_address_alias",
    summary="End an alias",
    response_class=Response,
    responses=WRITE_ERRORS,
)
def end_one_alias(
    session: WriteSession, scope: Scope, moment: Now, address_id: AddressId, alias_id: AliasId
) -> None:
    """It stays in the list of those that ended; imports don't bring it back."""
    end_alias(session, address_id, alias_id, now=moment, scope=scope)
