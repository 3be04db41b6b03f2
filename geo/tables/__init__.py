"""The tables, one noun a file."""

from geo.tables.account import (
    ROLES,
    TOKEN_SCOPES,
    Account,
    AccountAssignment,
    AccountSession,
    ApiToken,
)
from geo.tables.address_merge import AddressMerge
from geo.tables.area import AREA_LEVELS, Area
from geo.tables.audit_entry import AUDIT_CHAINS, AUDIT_TEXT_MAX, AuditEntry, AuditHead
from geo.tables.base import Base
from geo.tables.basemap import BASEMAP_KINDS, BasemapFeature, BasemapSource
from geo.tables.duplicate_pair import DUPLICATE_STATUSES, DuplicatePair
from geo.tables.grid import GRID_KINDS, Grid, GridH3Cell, GridVersion
from geo.tables.import_job import JOB_KINDS, JOB_STATUSES, ImportJob
from geo.tables.review_item import REVIEW_STATUSES, ReviewItem
from geo.tables.standard_address import (
    ADDRESS_COMPONENTS,
    ADDRESS_STATUSES,
    POINT_METHODS,
    AddressAlias,
    RegisterChange,
    StandardAddress,
    StandardAddressHistory,
)
from geo.tables.store_note import StoreNote

__all__ = [
    "ADDRESS_COMPONENTS",
    "ADDRESS_STATUSES",
    "AREA_LEVELS",
    "AUDIT_CHAINS",
    "AUDIT_TEXT_MAX",
    "BASEMAP_KINDS",
    "DUPLICATE_STATUSES",
    "GRID_KINDS",
    "JOB_KINDS",
    "JOB_STATUSES",
    "POINT_METHODS",
    "REVIEW_STATUSES",
    "ROLES",
    "TOKEN_SCOPES",
    "Account",
    "AccountAssignment",
    "AccountSession",
    "AddressAlias",
    "AddressMerge",
    "ApiToken",
    "Area",
    "AuditEntry",
    "AuditHead",
    "Base",
    "BasemapFeature",
    "BasemapSource",
    "DuplicatePair",
    "Grid",
    "GridH3Cell",
    "GridVersion",
    "ImportJob",
    "RegisterChange",
    "ReviewItem",
    "StandardAddress",
    "StandardAddressHistory",
    "StoreNote",
]
