"""`gridbeat run`: the store, the server, and what a person is told at the start."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
import uvicorn
from rich.console import Console

from geo.errors import Conflict, InvalidInput
from geo.positions.coming_in import PositionsIn
from geo.settings import Settings, load_settings
from geo.store.cluster import serving_alone
from geo.store.database import Database, open_database
from web.entrance import Entrance

if TYPE_CHECKING:
    from fastapi import FastAPI

SWITCH_S = 0.001


def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    demo: Annotated[
        bool | None, typer.Option(help="Generate the demo city when the store is empty.")
    ] = None,
) -> None:
    """Start the server: the store, the API and the map. Ctrl-C stops it; the data stay."""
    given = {"host": host, "port": port, "demo": demo}
    settings = load_settings().model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    console = Console(stderr=True, highlight=False)
    # A stop by the system is a stop by Ctrl-C: without this the process would end at once, and
    # leave its PostgreSQL behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(listening_socket(settings))
        stack.enter_context(serving_alone(settings.data_folder))
        console.print("Opening the store …")
        database = stack.enter_context(open_database(settings, keep_running=True))
        # Threads that compute hold up the one that answers for so long at a time [s].
        sys.setswitchinterval(SWITCH_S)
        positions_in = PositionsIn(database)
        port = listening.getsockname()[1]

        def make() -> FastAPI:
            return make_application(stack, database, settings, positions_in, console, port)

        def make_and_tell() -> FastAPI:
            app = make()
            tell_start(console, settings, port)
            return app

        # Only a phone that has been here before can be sending already. Where there is none, what
        # is wrong is said, and Ctrl-C stops, before anything is served.
        made = None if positions_in.has_devices() else make()
        # Ctrl-C; uvicorn raises it again once it has stopped.
        with contextlib.suppress(KeyboardInterrupt):
            positions_in.intake.start()
            stack.callback(positions_in.intake.stop)
            if made is None:
                console.print("Positions come in from now on. All else takes some seconds …")
                serve(listening, positions_in, make_and_tell)
            else:
                app = made
                serve(
                    listening,
                    positions_in,
                    lambda: app,
                    begins=lambda: tell_start(console, settings, port),
                )
    console.print("Stopped. The data are kept.")


def serve(
    listening: socket.socket,
    positions_in: PositionsIn,
    make: Callable[[], FastAPI],
    *,
    begins: Callable[[], None] = lambda: None,
) -> None:
    """Serve until Ctrl-C: positions at once, all else when it is made.

    Parameters
    ----------
    begins : told when it is about to serve, and a stop is taken as such

    Raises
    ------
    what `make` raises : after the server has ended
    """

    def end() -> None:
        server.should_exit = True

    entrance = Entrance(positions_in.intake, make, failed=end)
    server = uvicorn.Server(
        uvicorn.Config(
            entrance,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,
            proxy_headers=False,  # the application does, and not for positions
        )
    )
    # Until the server has set its own: an interrupt that is raised while the loop is being set up
    # can get lost, and the server would never stop.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: end())
    begins()
    server.run(sockets=[listening])
    if entrance.error is not None:
        raise entrance.error


def make_application(
    stack: contextlib.ExitStack, database: Database, settings: Settings,
    positions_in: PositionsIn, console: Console, port: int,
) -> FastAPI:  # fmt: skip
    """Do what is due at a start, and return the application; `stack` ends what has begun."""
    # Imported here: they take seconds, in which positions come in already.
    from web.app import create_app
    from web.daily import each_day, keep_audit, keep_demo_patrol

    # First: its line in the log must not part the lines a person reads at the end.
    keep_audit(database, settings, datetime.now(UTC))
    fill_if_empty(database, settings, console)
    make_first_accounts(database, settings, console)
    keep_demo_patrol(database, settings, datetime.now(UTC))
    stack.enter_context(each_day(database, settings))
    app = create_app(settings, database, positions_in)
    Thread(target=warm_up, name="warm-up", daemon=True).start()
    if settings.demo_moves:
        # Imported here: it brings what computes walks, which no other store needs.
        from geo.demo.patrol_history import filling_history
        from geo.demo.patrol_mover import moving_patrol
        from web.demo_plan import planning_yesterday

        may_fill = stack.enter_context(planning_yesterday(app.state.services))
        address = own_address(settings.host, port)
        stack.enter_context(moving_patrol(database, address, may_fill=may_fill))
        stack.enter_context(filling_history(database))
    return app


def warm_up() -> None:
    """Match and compare, so that the first who asks need not wait for what compiles it."""
    from geo.addresses.compare_texts import compare_texts
    from geo.addresses.warm import warm

    warm()
    compare_texts("甲路1号", "甲路2号")


@contextlib.contextmanager
def listening_socket(settings: Settings) -> Iterator[socket.socket]:
    """Yield a socket bound to the settings' host and port.

    Raises
    ------
    Conflict : the port is taken
    InvalidInput : the host is none of this machine's addresses
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listening:
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Conflict(
                    f"Port {settings.port} on {settings.host} is taken by another program. Stop "
                    "that one, or choose another: ./gridbeat run --port 8001"
                ) from None
            raise InvalidInput(
                f"Can't listen on {settings.host} port {settings.port}: {error.strerror}. Wanted "
                "an address of this machine, such as 127.0.0.1."
            ) from None
        yield listening


def fill_if_empty(database: Database, settings: Settings, console: Console) -> None:
    """Generate the demo city where the store holds neither grids nor addresses."""
    from geo.addresses.deployment import written_form
    from geo.demo.load import load_demo_city, store_is_empty

    with database.session() as session:
        if not settings.demo or not store_is_empty(session):
            return
        with console.status("The store is empty: generating the demo city …"):
            load_demo_city(
                session,
                form=written_form(settings),
                today=settings.local_day(datetime.now(UTC)),
                zone=ZoneInfo(settings.time_zone),
            )
    console.print("The demo city is there. It is generated; no place or person in it is real.")


def make_first_accounts(database: Database, settings: Settings, console: Console) -> None:
    """Make the accounts of a store that has none, and tell their passwords, once."""
    from geo.accounts.first import create_first_accounts, find_demo_accounts

    day = settings.local_day(datetime.now(UTC))
    with database.session() as session:
        made = create_first_accounts(session, day=day)
        is_demo = bool(find_demo_accounts(session))
    for account in made:
        console.print(f"  {account.name:<10}{account.role:<24}{account.password}", markup=False)
        if account.totp_uri is not None:
            console.print("Shown once. The second factor, for an authenticator application:")
            console.print(f"  {account.totp_uri}", markup=False, soft_wrap=True)
    if is_demo and settings.host not in {"127.0.0.1", "::1", "localhost"}:
        console.print(
            "The demo accounts have a password that everybody knows. Before real data come in: "
            "gridbeat accounts end NAME",
            style="yellow",
        )


def own_address(host: str, port: int) -> str:
    """Return the address under which this server reaches itself."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def tell_start(console: Console, settings: Settings, port: int) -> None:
    """Say where the map is, where the data are and how to stop."""
    shown_host = f"[{settings.host}]" if ":" in settings.host else settings.host
    store = "GRIDBEAT_DATABASE_URL" if settings.database_url else str(settings.data_folder)
    console.print(f"\n  Map   http://{shown_host}:{port}/", markup=False)
    console.print(f"  API   http://{shown_host}:{port}/v1/", markup=False)
    console.print(f"  Data  {store}", markup=False)
    console.print("  Stop  Ctrl-C\n")
