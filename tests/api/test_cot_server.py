"""Cursor on Target over TCP, spoken by pytak: in by a device's token, out to who may see units."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from api.app import create_app
from geo import accounts
from geo.accounts.tokens import create_api_token
from geo.audit import Access, read_log
from geo.positions.cursor_on_target import read_cursor_on_target
from geo.positions.cursor_on_target_out import event_of
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import PatrolPosition
from geo.units.devices import register_device
from geo.units.units import add_member, create_unit, plan_shift
from geo.values import GridScope, Period
from tests.conftest import copied_database

with warnings.catch_warnings():
    # What it would fetch certificates with isn't there, and isn't needed.
    warnings.simplefilter("ignore", UserWarning)
    import pytak  # type: ignore[import-untyped]

WAIT_S = 20


class Station:
    """The application with its port open, a unit on duty with a device, tokens that read."""

    def __init__(self, database: Database, port: int, device: str, tokens: dict[str, str]) -> None:
        self.database, self.port, self.device, self.tokens = database, port, device, tokens


@pytest.fixture
def station(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Station]:
    now = datetime.now(UTC)
    with copied_database(cluster) as database:
        tokens, members = {}, {}
        with database.session() as session:
            for name, role, scopes in (
                ("leader", "patrol_leader", ["read"]), ("worker", "grid_worker", ["read"]),
                ("chief", "chief", ["read", "lead"]),
            ):  # fmt: skip
                account = accounts.create_account(
                    session, name, "only-a-test-password", role=role, is_demo=True
                )
                accounts.assign(session, account, None, valid_from=now.date() - timedelta(days=2))
                members[name] = account.id
                tokens[name] = create_api_token(
                    session, account, "tak", scopes=scopes, lasts=timedelta(days=1),
                    now=now,
                )  # fmt: skip
            unit = create_unit(
                session, "U1", "巡逻一组", scope=GridScope.everything(), kind="car",
                grid_codes=["G1"],
            )  # fmt: skip
            add_member(session, unit, members["leader"], "leader")
            duty = Period(now - timedelta(hours=1), now + timedelta(hours=1))
            plan_shift(session, unit, duty, planned_by="test")
            device = register_device(session, unit)[1]
        settings = Settings(data_folder=tmp_path, demo=False, cot_port=0)
        app = create_app(settings, database)
        with TestClient(app):
            port = app.state.services.cot_port
            yield Station(database, port, device, tokens)


async def speak(station: Station, *said: bytes, until: int) -> list[bytes]:
    """Let pytak's own workers say something; return the first `until` events that come."""
    parser = ConfigParser()
    parser["x"] = {"COT_URL": f"tcp://127.0.0.1:{station.port}", "TAK_PROTO": "0"}
    reader, writer = await pytak.protocol_factory(parser["x"])
    sending: asyncio.Queue[bytes] = asyncio.Queue()
    coming: asyncio.Queue[bytes] = asyncio.Queue()
    workers = [
        asyncio.ensure_future(worker.run())
        for worker in (
            pytak.TXWorker(sending, parser["x"], writer),
            pytak.RXWorker(coming, parser["x"], reader),
        )
    ]
    try:
        for each in said:
            await sending.put(each)
        async with asyncio.timeout(WAIT_S):
            return [await coming.get() for _ in range(until)]
    finally:
        for worker in workers:
            worker.cancel()
        writer.close()


def auth(token: str) -> bytes:
    return f'<auth><cot username="x" password="{token}" uid="x"/></auth>'.encode()


def stored(database: Database) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(PatrolPosition)) or 0


def test_pytak_sends_a_units_place_and_gets_it_back(station: Station) -> None:
    sent = pytak.gen_cot(lat=37.87, lon=112.55, ce=8, uid=station.device, stale=60)
    (came,) = asyncio.run(speak(station, auth(station.tokens["leader"]), sent, until=1))
    event = fromstring(came)
    assert (event.get("uid"), event.get("type")) == ("gridbeat-U1", "a-f-G-E-V-C")
    point = event.find("point")
    assert isinstance(point, Element)
    assert (point.get("lat"), point.get("lon")) == ("37.8700000", "112.5500000")
    contact = event.find("detail/contact")
    assert contact is not None
    assert contact.get("callsign") == "巡逻一组"
    assert stored(station.database) == 1
    with station.database.session() as session:
        now = datetime.now(UTC)
        looks = read_log(
            session, Access("operator:test", "x"), start=now - timedelta(hours=1),
            end=now + timedelta(hours=1), action="positions.watch",
        )  # fmt: skip
        assert [entry.actor for entry in looks] == ["leader"]


def test_a_token_that_leads_sees_units_that_its_account_leads(station: Station) -> None:
    sent = pytak.gen_cot(lat=37.87, lon=112.55, uid=station.device, stale=60)
    (came,) = asyncio.run(speak(station, auth(station.tokens["chief"]), sent, until=1))
    assert fromstring(came).get("uid") == "gridbeat-U1"  # to which the chief doesn't belong


def test_who_belongs_to_no_unit_and_who_has_no_token_get_nothing(station: Station) -> None:
    sent = pytak.gen_cot(lat=37.87, lon=112.55, uid=station.device, stale=60)

    async def listen(token: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
        writer.write(auth(token) + sent)
        try:
            async with asyncio.timeout(3):
                return await reader.read(1)
        except TimeoutError:
            return b""
        finally:
            writer.close()

    for token in (station.tokens["worker"], "x" * 43, station.device):
        assert asyncio.run(listen(token)) == b""


def test_events_of_a_strange_device_and_bad_words_are_not_taken(station: Station) -> None:
    async def say(*said: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
        writer.write(b"".join(said))
        try:
            async with asyncio.timeout(WAIT_S):
                return await reader.read()  # until it is turned away
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    strange = pytak.gen_cot(lat=37.87, lon=112.55, uid="x" * 43, stale=60)
    assert asyncio.run(say(strange * 30)) == b""
    assert asyncio.run(say(b"x" * 200_000)) == b""
    assert stored(station.database) == 0


def test_what_we_send_is_what_we_read() -> None:
    at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    event = event_of(
        "U<1>", "甲&乙", "foot", "free", at=at, lon=112.55, lat=37.87, now=at,
        accuracy_m=8.0, speed_mps=1.5, course_deg=90.0, battery_share=0.5,
    )  # fmt: skip
    (fix,) = read_cursor_on_target(event).fixes
    assert (fix.device_id, fix.fixed_at) == ("gridbeat-U<1>", at)
    assert (fix.position.longitude, fix.position.latitude) == (112.55, 37.87)
    assert (fix.accuracy_m, fix.speed_mps, fix.course_deg, fix.battery_share) == (8, 1.5, 90, 0.5)
    assert fix.stale_at == at + timedelta(minutes=5)
