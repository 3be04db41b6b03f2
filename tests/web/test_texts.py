"""Both languages say the same things, and every key that is named is there."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import get_args

import pytest

from api.errors import error_code
from api.plan_rests import DOUBTS
from api.schemas.address_texts import NoteKind
from api.schemas.coverage import (
    CheckpointVerdict,
    CoverageMeasure,
    CoveragePlaceKind,
    CoverageState,
    UncoveredOccasion,
)
from api.schemas.dwellings import DwellingEnd, NewDwelling
from api.schemas.establishments import NewEstablishment
from api.schemas.hotspots import (
    HotspotBy,
    HotspotMeasure,
    HotspotPer,
    HotspotProperties,
    MethodScore,
)
from api.schemas.imports import JobKind, JobStatus
from api.schemas.musters import CallState
from api.schemas.registers import Alike
from api.schemas.residents import NewResidence, NewResident
from geo import errors
from geo.codes import CodeStandard
from geo.crs import CoordinateFault
from geo.exports import EXPORT_KINDS
from geo.exports.writers import WRITERS
from geo.faults import FaultKind
from geo.geocoding.geocoder import STATUSES
from geo.register.references import moving_references
from geo.registers.due import DUE_KINDS, DUE_ORDERS
from geo.roads.modes import TravelMode
from geo.tables import (
    DUPLICATE_STATUSES,
    EXPORT_STATUSES,
    GRID_DRAFT_STATUSES,
    MEMBER_ROLES,
    PLAN_STATUSES,
    REVIEW_STATUSES,
    ROLES,
    SIGN_IN_WAYS,
    SITE_KINDS,
    SUBJECT_REQUEST_KINDS,
    SUBJECT_REQUEST_STATUSES,
    TOKEN_SCOPES,
    UNIT_KINDS,
    UNIT_STATUSES,
    VERIFIED_HOW,
)
from geo.tables.incident import INCIDENT_SOURCES, INCIDENT_STATUSES
from geo.tables.muster import ARRIVALS, MUSTER_EVENTS
from geo.tables.standard_address import ADDRESS_COMPONENTS, ADDRESS_STATUSES
from layers.balanced_grids.stored_blocks import COLUMNS
from layers.demand.cells import WEIGHTS
from layers.freshness import RECORDS, REQUIRED
from layers.response.units import Part, Why
from layers.routes.actual import StopState
from layers.routes.plan import Obstacle
from layers.routes.problem import PlaceKind
from layers.siting.stages import Question
from web.balance import BALANCE_SHOWN
from web.cli import VERBS
from web.navigation import GROUPS, NAVIGATION
from web.pages import DATUMS_OFFERED, FRONT_SHOWN, IMPORT_KINDS, SIGN_IN_FAULTS
from web.places import choices
from web.response import RESPONSE_LAYERS
from web.result_layers import KINDS, STATE_COLOURS
from web.texts import LANGUAGES, TRANSLATIONS_FOLDER, choose_language, load_texts

SITING_STATUSES = ("waiting", "running", "done", "stopped", "failed")
# What gives most of a forecast, and what else puts a place on a plan.
ROUTE_REASONS = (
    "history", "surroundings", "recent_here", "recent_near", "key_place", "added", "break",
)  # fmt: skip
NEVER_ON_PAGES = {errors.InvalidTile, errors.DataFolderInUse}  # of tiles, of the start
WEB = Path(__file__).parents[2] / "web"
KEY = re.compile(
    r"""["']((?:common|map|live|coverage|geocode|address|duplicates|exports|rights|imports|place|due|gaps|reach|response|siting|review|level|sign|task|account|accounts|audit_page|routes|result_map|muster|units|balance|closures)\.(?!html)[a-z0-9_]*[a-z0-9])["']"""
)


def pairs(language: str) -> list[tuple[str, str]]:
    """Key and text as they stand in the file, twice-written keys twice."""
    path = TRANSLATIONS_FOLDER / f"{language}.json"
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)


def named_keys() -> set[str]:
    """Every key that a template, a script or a page names."""
    files = [
        *WEB.glob("templates/*.html"),
        *WEB.glob("static/js/*.js"),
        *WEB.glob("*.py"),
    ]
    return {key for path in files for key in KEY.findall(path.read_text(encoding="utf-8"))}


def muster_keys() -> set[str]:
    """Keys of musters that are put together from a name."""
    states = get_args(CallState)
    times = ("first_acknowledged", "last_acknowledged", "first_arrived", "last_arrived")
    return (
        {f"muster.state_{state}" for state in states}
        | {f"muster.own_{state}" for state in ("called", "acknowledged", "arrived")}
        | {f"muster.event_{what}" for what in MUSTER_EVENTS}
        | {f"muster.how_{how}" for how in ARRIVALS}
        | {f"muster.decline_{reason}" for reason in ("busy", "far", "fault")}
        | {f"muster.{name}" for name in times}
    )


def balance_keys() -> set[str]:
    """Keys of the page where grids are drawn that are put together from a name."""
    columns = ("grid", "households", "deviation", "lock", "addresses", "key_places", "workload",
               "area", "compactness")  # fmt: skip
    return (
        {f"balance.weight_{name}" for name in COLUMNS}
        | {f"balance.status_{status}" for status in GRID_DRAFT_STATUSES}
        | {f"balance.is_{status}" for status in GRID_DRAFT_STATUSES}
        | {f"balance.col_{name}" for name in columns}
        | {f"map.layer_{name}" for name in BALANCE_SHOWN}
    )


def computed_keys() -> set[str]:
    """Keys put together from a name: they can't be found by reading."""
    return (
        balance_keys()
        | {f"level.{level}" for level in (*ADDRESS_COMPONENTS, "point_of_interest")}
        | {f"map.layer_{name}" for name in FRONT_SHOWN}
        | {f"common.page_{page.name}" for page in NAVIGATION}
        | {f"routes.status_{status}" for status in PLAN_STATUSES}
        | {f"routes.tab_{tab}" for tab in ("ask", "plan", "actual")}
        | {f"routes.state_{state}" for state in StopState}
        | {f"routes.obstacle_{obstacle}" for obstacle in Obstacle}
        | {f"routes.doubt_{doubt}" for doubt in DOUBTS}
        | {f"routes.kind_{kind}" for kind in (*PlaceKind, "break")}
        | {f"routes.mode_{mode}" for mode in TravelMode}
        | {f"routes.reason_{reason}" for reason in ROUTE_REASONS}
        | {f"common.group_{name}" for name in GROUPS}
        | {f"geocode.status_{status}" for status in ("all", *STATUSES)}
        | {f"imports.kind_{kind}" for kind in get_args(JobKind)}
        | {f"imports.note_{kind}" for kind in IMPORT_KINDS}
        | {f"imports.status_{status}" for status in get_args(JobStatus)}
        | {f"imports.datum_{datum.lower()}" for datum in DATUMS_OFFERED}
        | {f"imports.standard_{standard.value}" for standard in CodeStandard}
        | {f"address.kind_{kind}" for kind in get_args(NoteKind)}
        | {"imports.stop", "imports.resume"}
        | {f"rights.kind_{kind}" for kind in SUBJECT_REQUEST_KINDS}
        | {f"rights.status_{status}" for status in (*SUBJECT_REQUEST_STATUSES, "overdue")}
        | {f"rights.field_{name}" for name in ("name", "identity_number", "birth_year", "phone")}
        | {f"map.records_{name}" for name in RECORDS}
        | {f"map.field_{name}" for names in REQUIRED.values() for name in names}
        | {f"due.kind_{kind}" for kind in DUE_KINDS}
        | {f"due.order_{order}" for order in DUE_ORDERS}
        | {f"exports.kind_{kind}" for kind in EXPORT_KINDS}
        | {f"exports.format_{name}" for name in WRITERS}
        | {f"exports.status_{status}" for status in EXPORT_STATUSES}
        | {f"duplicates.status_{status}" for status in DUPLICATE_STATUSES}
        | {f"duplicates.empty_{status}" for status in DUPLICATE_STATUSES}
        | {f"duplicates.done_{status}" for status in ("later", "merged", "apart")}
        | {f"duplicates.mark_{mark}" for mark in ("same", "written", "one", "differs")}
        | {f"duplicates.{side}" for side in ("level", "left", "right", "keep_left", "keep_right")}
        | {f"duplicates.hangs_{each.table.name}" for each in moving_references()}
        | {f"sign.role_{role}" for role in ROLES}
        | live_keys()
        | muster_keys()
        | {f"sign.fault_{fault}" for fault in SIGN_IN_FAULTS}
        | {f"account.by_{way}" for way in SIGN_IN_WAYS}
        | {f"account.scope_{scope}" for scope in TOKEN_SCOPES}
        | coverage_keys()
        | place_keys()
        | incident_keys()
        | hotspot_keys()
        | response_keys()
        | {f"result_map.layer_{kind}" for kind in KINDS}
        | {f"result_map.site_{state}" for state in STATE_COLOURS}
        | {f"result_map.demand_{word}" for word in ("register", "roads")}
        | {f"review.status_{status}" for status in REVIEW_STATUSES}
        | {f"review.empty_{status}" for status in REVIEW_STATUSES}
    )


def hotspot_keys() -> set[str]:
    """Those of the layer of hotspots: measures, what they say, why, how well."""
    answers = get_args(HotspotProperties.model_fields["kind"].annotation)[0]
    reasons = get_args(HotspotProperties.model_fields["reason"].annotation)[0]
    judgements = get_args(MethodScore.model_fields["judgement"].annotation)
    return (
        {f"map.hot_measure_{measure}" for measure in get_args(HotspotMeasure)}
        | {f"map.hot_class_{kind.replace(' ', '_')}" for kind in get_args(answers)}
        | {f"map.hot_by_{by}" for by in get_args(HotspotBy)}
        | {f"map.hot_{of}_{per}" for of in ("per", "rate") for per in get_args(HotspotPer)}
        | {f"map.hot_reason_{reason.replace(' ', '_')}" for reason in get_args(reasons)}
        | {f"map.hot_judged_{judgement.replace(' ', '_')}" for judgement in judgements}
        | {
            f"map.hot_method_{each}"
            for each in get_args(MethodScore.model_fields["method"].annotation)
        }
        | {f"map.hot_weekday_{day}" for day in range(1, 8)}
        | {f"map.hot_window_{window}" for window in ("week", "month", "quarter")}
    )


def coverage_keys() -> set[str]:
    """Those of the pages of coverage: places, measures, states, verdicts, a day's figures."""
    doses = get_args(UncoveredOccasion.model_fields["state"].annotation)
    verdicts = ("met", "missed", "unknown")
    figures = (
        "duty", "known", "unknown", "community", "beat", "patrolling", "stationary", "responding",
        "length", "ground", "cells", "streets",
    )  # fmt: skip
    return (
        {f"coverage.kind_{kind}" for kind in get_args(CoveragePlaceKind)}
        | {f"coverage.{of}_{each}" for of in ("measure", "value")
           for each in get_args(CoverageMeasure)}
        | {f"coverage.{of}_{state}" for of in ("state", "legend")
           for state in get_args(CoverageState)} - {"coverage.legend_certain"}
        | {f"coverage.dose_{state}" for state in doses if "covered" not in state}
        | {f"coverage.verdict_{verdict}" for verdict in verdicts}
        | {f"coverage.checkpoint_{verdict}"
           for verdict in get_args(CheckpointVerdict.model_fields["verdict"].annotation)}
        | {f"coverage.unit_{kind}" for kind in UNIT_KINDS}
        | {f"coverage.day_{name}" for name in figures}
        | {f"coverage.unit_day_hint_{who}" for who in ("leads", "own")}
    )  # fmt: skip


def live_keys() -> set[str]:
    """Those of the live board: kinds, statuses, states, roles."""
    return (
        {f"live.kind_{kind}" for kind in UNIT_KINDS}
        | {f"live.status_{status}" for status in UNIT_STATUSES}
        | {f"live.role_{role}" for role in MEMBER_ROLES}
        | {f"live.state_{state}" for state in ("fresh", "stale", "unknown")}
        | {f"live.connection_{state}" for state in ("open", "lost", "closed")}
        | {"map.layer_units", "map.layer_trails"}
    )


def response_keys() -> set[str]:
    """Those of the pages of response by road."""
    return (
        {f"response.why_{why}" for why in Why}
        | {f"response.part_{part}" for part in Part}
        | {f"response.{part}" for part in ("staffed", "kit", "drill")}
        | {f"response.mode_{mode}" for mode in TravelMode}
        | {f"response.kind_{kind}" for kind in (*UNIT_KINDS, *SITE_KINDS)}
        | {f"response.households_{source}" for source in ("dwellings", "grids", "none")}
        | {f"gaps.dose_{why}" for why in ("nobody", "short", "unknown")}
        | {f"gaps.severity_{severity}" for severity in ("severe", "middling", "light")}
        | {f"map.layer_{name}" for name in RESPONSE_LAYERS}
        | {f"siting.question_{question}" for question in Question}
        | {f"siting.status_{status}" for status in SITING_STATUSES}
        | {f"siting.state_{state}" for state in ("gained", "lost", "both", "neither")}
        | {f"siting.demand_{name}" for name in WEIGHTS}
    )


def incident_keys() -> set[str]:
    """Those of incidents at a place."""
    steps = ("reported_at", "dispatched_at", "arrived_at", "cleared_at")
    return (
        {f"place.incident_{name}" for name in (*INCIDENT_STATUSES, *steps)}
        | {f"place.incident_do_{status}" for status in INCIDENT_STATUSES}
        | {f"place.incident_source_{source}" for source in INCIDENT_SOURCES}
    )


def place_keys() -> set[str]:
    """Those of the page of a place: fields, values, faults, reasons."""
    given = (NewDwelling, NewEstablishment, NewResident, NewResidence, DwellingEnd)
    fields = {name for schema in given for name in schema.model_fields}
    fields |= {"occupied_to", "lived_to", "how", "verified_on", "establishment_name"}
    return (
        {f"place.field_{name}" for name in fields - {"look", "although_alike", "residence"}}
        | {f"place.{name}_{value}" for name, values in choices().items() for value in values}
        | {f"place.{of}_{kind}" for of in ("section", "record", "none")
           for kind in ("dwelling", "establishment", "resident")}
        | {f"place.alike_{reason}" for reason in get_args(Alike.model_fields["reason"].annotation)}
        | {f"place.how_{how}" for how in VERIFIED_HOW}
        | {f"place.side_{side}" for side in ("given", "stored")}
        | {f"place.leave_{way}" for way in ("leave", "move", "never")}
        | {f"place.fault_{code}" for code in write_codes("faults")}
        | {f"place.conflict_{code}" for code in write_codes("conflicts")}
    )  # fmt: skip


def write_codes(of: str) -> set[str]:
    """Codes that the registers' writes answer, read from their source."""
    patterns = {
        "faults": r'fault\(\s*[\w"]+,\s*"([a-z_]+)"|code="([a-z_]+)"|get\("code", "([a-z_]+)"',
        "conflicts": r'"([a-z_]+_(?:elsewhere|differs))"',
    }
    found: set[str] = set()
    for path in (WEB.parent / "geo" / "registers").glob("*.py"):
        for match in re.finditer(patterns[of], path.read_text(encoding="utf-8")):
            found |= {code for code in match.groups() if code}
    extra = {f"address_{status}" for status in ADDRESS_STATUSES if status != "current"}
    return found | (extra if of == "faults" else set())


def test_both_languages_have_the_same_keys_once_each_in_the_same_order() -> None:
    chinese, english = ([key for key, _ in pairs(language)] for language in LANGUAGES)
    assert chinese == english
    assert len(chinese) == len(set(chinese))


def test_no_text_is_empty_and_both_languages_fill_in_the_same_values() -> None:
    english = dict(pairs("en"))
    for key, text in pairs("zh"):
        for said in (text, english[key]):
            assert said.strip() == said != ""
        assert fields(text) == fields(english[key]), key


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_key_that_is_named_is_there_and_no_other() -> None:
    # members of reports belong to the importers; those without a text show their own name
    there = {key for key, _ in pairs("zh") if not key.startswith(("report.", "error."))}
    assert named_keys() - there == set(), "a page would fail for want of these"
    assert there - named_keys() - computed_keys() == set(), "nobody says these"


def leaves(family: type[errors.PlatformError]) -> set[type[errors.PlatformError]]:
    below = family.__subclasses__()
    return {family}.union(*(leaves(each) for each in below)) if below else {family}


def test_every_error_that_a_page_can_meet_has_words() -> None:
    said = {key.removeprefix("error.") for key, _ in pairs("zh") if key.startswith("error.")}
    families = (errors.InvalidInput, errors.NotFound, errors.Conflict, errors.NotEnoughData)
    met = {leaf for family in families for leaf in leaves(family)}
    met = {each for each in met if each.__module__ == errors.__name__} - NEVER_ON_PAGES
    assert {error_code(each("")) for each in met} - said == set()


def test_every_fault_and_reason_has_words() -> None:
    there = {key for key, _ in pairs("zh")}
    reasons = {str(kind) for kind in (*FaultKind, *CoordinateFault)} - {""}
    sources = [
        path.read_text(encoding="utf-8")
        for path in (WEB.parent / "geo" / "importers").glob("a*_*.py")
    ]
    for source in sources:
        reasons |= set(re.findall(r'(?:RowFailed|Failure)\(\s*"([a-z_]+)"', source))
    assert len(reasons) > 30
    assert {f"report.{reason}" for reason in reasons} - there == set()


@pytest.mark.parametrize(
    ("asked", "remembered", "language"),
    [
        (None, None, "zh"),
        ("en", None, "en"),
        (None, "en", "en"),
        ("zh", "en", "zh"),
        ("fr", "en", "en"),
        ("../../etc", "<script>", "zh"),
    ],
)
def test_a_choice_in_the_address_beats_the_cookie_beats_chinese(
    asked: str | None, remembered: str | None, language: str
) -> None:
    assert choose_language(asked, remembered) == language


def test_a_text_takes_its_values() -> None:
    assert load_texts("en").say("common.metres", value=5) == "5 m"
    with pytest.raises(KeyError):
        load_texts("en").say("common.never_written")


def test_a_command_that_is_recommended_exists() -> None:
    for language in LANGUAGES:
        told = " ".join(text for _, text in pairs(language))
        verbs = set(re.findall(r"gridbeat (\w+)", told))
        assert verbs
        assert verbs <= set(VERBS)
