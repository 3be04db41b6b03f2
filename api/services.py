"""What the program holds while it runs: settings, store, geocoder, import workers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import structlog
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.export_workers import ExportWorkers
from api.gap_boards import GapBoards
from api.grid_draft_jobs import GridDraftJobs
from api.import_workers import ImportWorkers
from api.route_solver import RouteSolver
from api.siting_jobs import SitingJobs
from api.uploads import clear_half_uploads, remove_upload
from geo.accounts import OidcIdentity, Pending, find_provider
from geo.accounts.marks import AccessMark
from geo.addresses.deployment import DeploymentContext
from geo.errors import PlatformError
from geo.geocoding.local import open_geocoder
from geo.importers.job_kinds import run_job
from geo.importers.jobs import get_job
from geo.incidents.following import IncidentFollower
from geo.musters.follower import MusterFollower
from geo.positions.coming_in import PositionsIn
from geo.purposes import load_purposes
from geo.settings import Settings
from geo.store.database import Database
from geo.values import GridScope
from layers.coverage.follower import CoverageFollower
from layers.demand.stored import StoredDemand
from layers.hotspots.layer import HotspotLayers
from layers.response.units import ReadinessRules
from layers.response.who_reaches import ReachRules
from layers.travel.stored import StoredTravel

WARMING_WAIT_S = 5.0  # a register of a million addresses takes longer; then the process just ends

SIGN_IN_TRIES = "20/minute"
CODE_WAITS_S = 300
PERSON_SEARCHES = "30/minute"

SOME_TEXT = "甲路1号"  # reads the register, and loads what reading an address needs

log = structlog.get_logger(__name__)


class RateLimit:
    """How often somebody may do something; kept in memory, since one process serves."""

    def __init__(self, rate: str) -> None:
        self._limit = parse(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, who: str) -> bool:
        """Count a try; whether it is still one of those allowed."""
        return self._limiter.hit(self._limit, who)


@dataclass(frozen=True, slots=True)
class HalfSignIn:
    """Who has come back from the sign-in provider, and owes the code of the second factor."""

    identity: OidcIdentity
    next_page: str


class Services:
    """Made once by `create_app`, handed to the endpoints by `api.dependencies`."""

    def __init__(
        self, settings: Settings, database: Database, positions_in: PositionsIn | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.purposes = load_purposes(settings.purposes_file)
        self.context = DeploymentContext(settings, database)
        self.geocoder = open_geocoder(database, settings, context=self.context)
        self.warming: Thread | None = None
        self.sign_in_limit = RateLimit(SIGN_IN_TRIES)
        self.oidc = find_provider(settings)
        self.half_signed_in: Pending[HalfSignIn] = Pending(lasts_s=CODE_WAITS_S, most=1000)
        self.person_searches = RateLimit(PERSON_SEARCHES)
        self.audit_check_lock = Lock()
        self.imports = ImportWorkers(database, self._run_import)
        self.exports = ExportWorkers(database, settings)
        positions_in = positions_in or PositionsIn(database)
        self.board, self.intake = positions_in.board, positions_in.intake
        self.access_mark = AccessMark(database)
        self.cot_port: int | None = None  # as it was opened
        self.musters = MusterFollower(database)
        self.incidents = IncidentFollower(database, zone=settings.time_zone)
        self.hotspots = HotspotLayers()
        self.roads = StoredTravel.of_settings(settings.time_zone, settings.road_speeds_file)
        self.coverage = CoverageFollower(database, settings, travel=self.roads)
        self.routes = RouteSolver(database, self.roads)
        self.demand = StoredDemand()
        self.reach_rules = ReachRules.of(settings.reach_kinds)
        self.readiness_rules = ReadinessRules(
            settings.emergency_unit_staff_min,
            settings.emergency_unit_kit,
            settings.emergency_unit_drill_days,
        )
        self.siting = SitingJobs()
        self.grid_drafts = GridDraftJobs(database)
        self.gaps = GapBoards(self.roads, self.demand, self.reach_rules)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While the application serves."""
        clear_half_uploads(self.settings)
        self.imports.start()
        self.exports.start()
        with self.database.read_session_of(GridScope.everything()) as session:
            self.board.load(session)
        self.intake.start()
        self.coverage.start()
        self.musters.start()
        self.warming = Thread(target=self._warm, name="warming", daemon=True)
        self.warming.start()
        try:
            yield
        finally:
            self.siting.close()
            self.grid_drafts.close()
            self.routes.close()
            self.exports.stop()
            self.intake.stop()
            self.musters.stop()
            self.coverage.stop()
            self.imports.stop()
            self.warming.join(WARMING_WAIT_S)

    def _warm(self) -> None:
        """Let the geocoder read the register and the layers the incidents, so that the first to ask
        need not wait for it."""
        try:
            self.geocoder.geocode(SOME_TEXT, scope=GridScope.everything())
            self.incidents.current()
        except PlatformError as error:
            log.warning("services.not_warmed", error=type(error).__name__)

    def _run_import(self, job_id: int) -> None:
        """Work on a job; its upload goes away when it is done, and stays for a resume otherwise."""
        run_job(self.database, job_id, settings=self.settings)
        with self.database.session() as session:
            job = get_job(session, job_id)
        if job.status == "done" and "path" in job.options:
            remove_upload(self.settings, Path(job.options["path"]))
