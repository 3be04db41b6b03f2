"""The tables, one noun a file."""

from geo.tables.account import (
    ROLES,
    SIGN_IN_WAYS,
    TOKEN_SCOPES,
    Account,
    AccountAssignment,
    AccountSession,
    AccountTask,
    ApiToken,
)
from geo.tables.address_merge import AddressMerge
from geo.tables.area import AREA_LEVELS, Area
from geo.tables.audit_entry import AUDIT_CHAINS, AUDIT_TEXT_MAX, AuditEntry, AuditHead
from geo.tables.base import Base
from geo.tables.basemap import BASEMAP_KINDS, BasemapFeature, BasemapSource
from geo.tables.coverage import (
    AREA_KINDS,
    PLACE_KINDS,
    CoverageDue,
    CoverageJump,
    CoverageRoads,
    GridCoverage,
    KeyPlace,
    KeyPlaceDose,
    UnitPresence,
)
from geo.tables.duplicate_pair import DUPLICATE_STATUSES, DuplicatePair
from geo.tables.dwelling import DWELLING_USES, SAFETY_FINDINGS, Dwelling
from geo.tables.establishment import ESTABLISHMENT_CLASSES, Establishment
from geo.tables.export_request import EXPORT_STATUSES, ExportRequest
from geo.tables.grid import GRID_KINDS, Grid, GridH3Cell, GridVersion
from geo.tables.grid_set_draft import GRID_DRAFT_STATUSES, GridSetDraft
from geo.tables.import_job import JOB_KINDS, JOB_STATUSES, ImportJob
from geo.tables.incident import (
    INCIDENT_POINT_METHODS,
    INCIDENT_SOURCES,
    INCIDENT_STATUSES,
    Incident,
    IncidentCategory,
    IncidentChange,
    IncidentHistory,
    IncidentProfile,
)
from geo.tables.muster import Muster, MusterCall, MusterEvent
from geo.tables.patrol_plan import PLAN_STATUSES, PatrolPlan, PatrolRoute
from geo.tables.patrol_position import (
    PatrolDevice,
    PatrolLatest,
    PatrolPosition,
    PositionDrop,
)
from geo.tables.patrol_unit import (
    MEMBER_ROLES,
    UNIT_KINDS,
    UNIT_STATUSES,
    DutyShift,
    PatrolUnit,
    PatrolUnitMember,
    PatrolUnitStatus,
)
from geo.tables.register_record import (
    RECORD_KINDS,
    REPORT_STATUSES,
    VERIFIED_HOW,
    RecordHistory,
    RecordReport,
    RecordVerification,
)
from geo.tables.resident import IDENTITY_KINDS, RESIDENCE_KINDS, Residence, Resident
from geo.tables.response_site import SITE_KINDS, ResponseSite
from geo.tables.retention_receipt import RetentionReceipt
from geo.tables.review_item import REVIEW_STATUSES, ReviewItem
from geo.tables.road_network import RoadClosure, RoadLine, RoadNetworkVersion
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
from geo.tables.subject_request import (
    SUBJECT_REQUEST_KINDS,
    SUBJECT_REQUEST_STATUSES,
    SubjectRequest,
)
from geo.tables.write_key import WriteKey

__all__ = [
    "ADDRESS_COMPONENTS",
    "ADDRESS_STATUSES",
    "AREA_KINDS",
    "AREA_LEVELS",
    "AUDIT_CHAINS",
    "AUDIT_TEXT_MAX",
    "BASEMAP_KINDS",
    "DUPLICATE_STATUSES",
    "DWELLING_USES",
    "ESTABLISHMENT_CLASSES",
    "EXPORT_STATUSES",
    "GRID_DRAFT_STATUSES",
    "GRID_KINDS",
    "IDENTITY_KINDS",
    "INCIDENT_POINT_METHODS",
    "INCIDENT_SOURCES",
    "INCIDENT_STATUSES",
    "JOB_KINDS",
    "JOB_STATUSES",
    "MEMBER_ROLES",
    "PLACE_KINDS",
    "PLAN_STATUSES",
    "POINT_METHODS",
    "RECORD_KINDS",
    "REPORT_STATUSES",
    "RESIDENCE_KINDS",
    "REVIEW_STATUSES",
    "ROLES",
    "SAFETY_FINDINGS",
    "SIGN_IN_WAYS",
    "SITE_KINDS",
    "SUBJECT_REQUEST_KINDS",
    "SUBJECT_REQUEST_STATUSES",
    "TOKEN_SCOPES",
    "UNIT_KINDS",
    "UNIT_STATUSES",
    "VERIFIED_HOW",
    "Account",
    "AccountAssignment",
    "AccountSession",
    "AccountTask",
    "AddressAlias",
    "AddressMerge",
    "ApiToken",
    "Area",
    "AuditEntry",
    "AuditHead",
    "Base",
    "BasemapFeature",
    "BasemapSource",
    "CoverageDue",
    "CoverageJump",
    "CoverageRoads",
    "DuplicatePair",
    "DutyShift",
    "Dwelling",
    "Establishment",
    "ExportRequest",
    "Grid",
    "GridCoverage",
    "GridH3Cell",
    "GridSetDraft",
    "GridVersion",
    "ImportJob",
    "Incident",
    "IncidentCategory",
    "IncidentChange",
    "IncidentHistory",
    "IncidentProfile",
    "KeyPlace",
    "KeyPlaceDose",
    "Muster",
    "MusterCall",
    "MusterEvent",
    "PatrolDevice",
    "PatrolLatest",
    "PatrolPlan",
    "PatrolPosition",
    "PatrolRoute",
    "PatrolUnit",
    "PatrolUnitMember",
    "PatrolUnitStatus",
    "PositionDrop",
    "RecordHistory",
    "RecordReport",
    "RecordVerification",
    "RegisterChange",
    "Residence",
    "Resident",
    "ResponseSite",
    "RetentionReceipt",
    "ReviewItem",
    "RoadClosure",
    "RoadLine",
    "RoadNetworkVersion",
    "StandardAddress",
    "StandardAddressHistory",
    "StoreNote",
    "SubjectRequest",
    "UnitPresence",
    "WriteKey",
]
