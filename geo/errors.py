"""The whole error tree. Families are caught, leaves are raised.

    PlatformError
    ├ InvalidInput (ValueError)   InvalidCoordinate, InvalidH3Cell, InvalidPeriod, InvalidDatum,
    │                             CRSMismatch, InvalidFile, FileTooLarge, InvalidMapping,
    │                             InvalidCode, InvalidTile, InvalidPurpose, InvalidNumber (.code),
    │                             InvalidRecord (.faults)
    ├ NotFound (LookupError)      AddressNotFound, AreaNotFound, GridNotFound, JobNotFound,
    │                             SourceNotFound, ReviewItemNotFound, MergeNotFound,
    │                             DuplicateNotFound, AccountNotFound, RecordNotFound,
    │                             ExportNotFound, PatrolUnitNotFound, SubjectRequestNotFound,
    │                             IncidentNotFound, RoadNetworkNotFound, RoadClosureNotFound,
    │                             SitingPlanNotFound, PatrolPlanNotFound, KeyPlaceNotFound,
    │                             MusterNotFound, GridDraftNotFound
    ├ Conflict                    GridImportRejected(.faults), DuplicateCode(.codes), JobRunning,
    │                             DataFolderInUse(.owner), StoreNotEmpty, StaleRecord (.sides),
    │                             RecordConflict (.alike, .conflicts), WriteKeyTaken,
    │                             MusterEnded, UnitCalledElsewhere (.codes)
    ├ NotSignedIn                 SignInRefused, OidcRefused (.reason)
    ├ NotPermitted                PasswordChangeNeeded
    ├ PurposeMissing
    ├ TooManyTries(.retry_after_s)
    ├ NotEnoughData               DatumUndecided, TooFewPairs, TooFewIncidents (.found, .needed)
    └ Unavailable                 DatabaseUnavailable, PostGISMissing, DiskFull, AssetsMissing,
                                  WorkersEnded, KeyMissing (.key_id), SealBroken,
                                  ProviderUnavailable

A message says what, got, wanted, remedy. Facts are attributes as well as text: `facts` holds what
the constructor was given by keyword, so that an interface can answer with them.
Only `api/errors.py` maps these to HTTP; `geo/store/` alone turns driver errors into them.
"""

from __future__ import annotations

from typing import Any


class PlatformError(Exception):
    """Any failure this platform foresees."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        facts = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(name)


class InvalidInput(PlatformError, ValueError):
    """What was given can't be used as it is."""


class InvalidCoordinate(InvalidInput):
    """A coordinate is missing, out of range, not a number or (0, 0)."""


class InvalidH3Cell(InvalidInput):
    """A number or text is no H3 cell, or of a resolution out of range."""


class InvalidPeriod(InvalidInput):
    """A period ends before it begins, or a time has no zone."""


class InvalidDatum(InvalidInput):
    """The datum is unknown, undeclared or mixed."""


class CRSMismatch(InvalidInput):
    """Two frames, or a frame and a promise, differ in CRS."""


class InvalidFile(InvalidInput):
    """A file is damaged, unsafe, of the wrong kind or in the wrong encoding."""


class FileTooLarge(InvalidInput):
    """A file, a body or a text is over its cap."""


class InvalidMapping(InvalidInput):
    """A column mapping names columns or fields that don't exist, or leaves out what is needed."""


class InvalidCode(InvalidInput):
    """A division, community or grid code breaks the rule of its standard."""


class InvalidTile(InvalidInput):
    """There is no map tile of this zoom, column and row."""


class InvalidPurpose(InvalidInput):
    """The purpose is none of the deployment's list (`wanted`)."""


class InvalidNumber(InvalidInput):
    """An identity number, credit code or telephone number is none (`code` says why)."""


class InvalidRecord(InvalidInput):
    """A record has faults (`faults`: field, code, message), and nothing of it was stored."""


class NotFound(PlatformError, LookupError):
    """What was asked for isn't there, or lies outside the caller's scope."""


class AddressNotFound(NotFound):
    """No such standard address."""


class AreaNotFound(NotFound):
    """No such area."""


class GridNotFound(NotFound):
    """No such grid, or no grid at this place."""


class JobNotFound(NotFound):
    """No such import job."""


class RoadNetworkNotFound(NotFound):
    """No road network is in force on that day."""


class MusterNotFound(NotFound):
    """There is no such muster, or none of one's own units was called to it."""


class SitingPlanNotFound(NotFound):
    """No such siting plan, or its hour is over."""


class RoadClosureNotFound(NotFound):
    """No such closure of roads, or it is over."""


class SourceNotFound(NotFound):
    """No such imported set."""


class ReviewItemNotFound(NotFound):
    """No such text in the review queue."""


class MergeNotFound(NotFound):
    """No such merge of two addresses."""


class DuplicateNotFound(NotFound):
    """No such pair of addresses that may be one place."""


class IncidentNotFound(NotFound):
    """No such incident."""


class AccountNotFound(NotFound):
    """No such account, or none of its tokens."""


class RecordNotFound(NotFound):
    """No such record in the registers."""


class ExportNotFound(NotFound):
    """No such export, or its file has expired."""


class GridDraftNotFound(NotFound):
    """No such draft of a set of grids."""


class PatrolPlanNotFound(NotFound):
    """No such patrol plan, or no route of one."""


class KeyPlaceNotFound(NotFound):
    """No such key place."""


class PatrolUnitNotFound(NotFound):
    """No such patrol unit."""


class SubjectRequestNotFound(NotFound):
    """No such request of a person about their data."""


class NotSignedIn(PlatformError):
    """Who asks isn't known."""


class NotPermitted(PlatformError):
    """Who asks is known, and may not do this."""


class PasswordChangeNeeded(NotPermitted):
    """Somebody else knows the caller's password: it is to be changed before anything else."""


class PurposeMissing(PlatformError):
    """What was asked for takes a purpose and the reference of a case, and none is open."""


class TooManyTries(PlatformError):
    """The same was tried too often in a short time (`retry_after_s`)."""


class SignInRefused(NotSignedIn):
    """Name, password or second factor is wrong, or the account is locked; it isn't told which."""


class OidcRefused(NotSignedIn):
    """A sign-in at the provider wasn't taken (`reason`: state, provider, clock, token, account)."""


class Conflict(PlatformError):
    """The request is sound, but what is stored says otherwise."""


class GridImportRejected(Conflict):
    """A grid import has faults (`faults`) and nothing of it was stored."""


class DuplicateCode(Conflict):
    """A code stands more than once (`codes`)."""


class JobRunning(Conflict):
    """The job is running already."""


class DataFolderInUse(Conflict):
    """Another process holds the data folder (`owner`)."""


class StoreNotEmpty(Conflict):
    """Something needs an empty store, and this one isn't."""


class StaleRecord(Conflict):
    """A record was changed since it was seen (`version`, `sides`: what is given and stored)."""


class RecordConflict(Conflict):
    """A record is probably there already (`alike`), or contradicts what is stored (`conflicts`)."""


class WriteKeyTaken(Conflict):
    """The key of a write was used before for another one."""


class MusterEnded(Conflict):
    """A muster is over, or the unit was stood down from it (`ended_at`)."""


class UnitCalledElsewhere(Conflict):
    """A unit is called to an open muster already (`codes`)."""


class NotEnoughData(PlatformError):
    """There is too little to answer honestly."""


class DatumUndecided(NotEnoughData):
    """Too few points with known places to say which datum they are in (`found`, `needed`)."""


class TooFewPairs(NotEnoughData):
    """There are too few labelled pairs of one kind to fit a model to."""


class TooFewIncidents(NotEnoughData):
    """Too few incidents, or too little difference between places, to say anything of them."""


class Unavailable(PlatformError):
    """Something this platform stands on doesn't answer now."""


class DatabaseUnavailable(Unavailable):
    """The database can't be reached, or went away."""


class PostGISMissing(Unavailable):
    """PostgreSQL or PostGIS is not installed (`remedy` names the command)."""


class DiskFull(Unavailable):
    """No space is left where the data lie."""


class AssetsMissing(Unavailable):
    """The map libraries were not fetched (`missing` names the files)."""


class WorkersEnded(Unavailable):
    """A worker process was ended from outside (`workers` of them worked)."""


class KeyMissing(Unavailable):
    """A key that sealed values, or the whole key file, is not there."""


class SealBroken(Unavailable):
    """A sealed value doesn't open: it was changed, or belongs to another place."""


class ProviderUnavailable(Unavailable):
    """The provider at which somebody wanted to sign in doesn't answer as it must."""
