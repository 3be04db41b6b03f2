"""What the audit log takes: audited reads a second with 8 clients, and how long a check lasts.

    python -m bench.audit [--seconds 10] [--rounds 5] [--entries 1000000]

In a store of its own, with fsync on. One audited read is one transaction: the scope is set, an
address is read by its number, the entry is appended, the commit is on disk. It is asked by pgbench
(8 clients, 2 threads, over the socket), with the statements that our sessions send, so that the
figure is the store's. The peers take turns with it in the same rounds: the same read with no
record, with a row in a plain table instead of the chains, and with all in one chain. `through
Python` is the same read by our own functions, 8 threads in one process: what one server process
can answer at most. The check is `geo.audit_check` over entries made beforehand.

RESULT keys: reads_per_s, verify_s; beside them verify_cpu_s, unaudited_per_s, plain_per_s,
one_chain_per_s, python_reads_per_s, entries
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import text

from bench.scope import cpu_s
from bench.scratch import scratch_folder
from geo.audit import Access, audited, entry_hash
from geo.audit_check import check_audit
from geo.register import get_standard_address
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster, find_server_binaries
from geo.store.database import Database, ensure_database, make_engine
from geo.store.migrate import migrate
from geo.values import GridScope

DATABASE = "bench_audit"
CLIENTS = 8
ADDRESSES = 10_000
CHAINS = 64
SCOPE = "SELECT set_config('gridbeat.scope', '{a}', true);"
READ = "SELECT * FROM standard_address WHERE id = :id AND grid_code IN ('a');"
SAID = "'wang', '10.0.0.7', 'address.read', 'standard_address', :id::text, '走访', '案-1', 1, 'r'"
RECORDS = {
    "audited": f"SELECT audit_append({SAID});",
    "unaudited": "",
    "plain": f"INSERT INTO plain_log VALUES (clock_timestamp(), {SAID});",
    "one chain": f"SELECT one_chain_append({SAID});",
}
# The same append but for the choice of the chain.
_PEERS = """
    CREATE TABLE plain_log (at timestamptz, actor text, origin text, action text, object_kind text,
        object_ref text, purpose text, case_ref text, row_count int, request_id text);
    CREATE INDEX ON plain_log (at);
    CREATE INDEX ON plain_log (actor, at);
    GRANT INSERT ON plain_log TO gridbeat_app;
    DO $$ BEGIN EXECUTE replace(replace(
        pg_get_functiondef('audit_append'::regproc), 'audit_append', 'one_chain_append'),
        '(pg_backend_pid() % 64)::smallint', '0::smallint');
    EXECUTE replace(pg_get_functiondef('one_chain_append'::regproc), 'LIMIT 1', 'LIMIT 0');
    END $$;
    GRANT EXECUTE ON FUNCTION one_chain_append TO gridbeat_app;
"""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=int, default=10, help="of each run")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--entries", type=int, default=1_000_000)
    given = words.parse_args()
    with scratch_folder() as folder, EmbeddedCluster(folder).running() as cluster:
        ensure_database(cluster, DATABASE)
        owner = make_engine(cluster.url(OWNER_ROLE, DATABASE), pool_size=1)
        migrate(owner)
        _fill(owner)
        rates = _rates(cluster, folder, given.seconds, given.rounds)
        verify_s, verify_cpu_s = _verify(cluster, owner, given.entries)
        owner.dispose()
    base = rates["audited"]
    print(f"\n{'one transaction':<18} {'a second':>9} {'ratio':>6}")
    for name, rate in rates.items():
        print(f"{name:<18} {rate:>9,.0f} {rate / base:>6.2f}")
    print(
        f"check of {given.entries:,} entries: {verify_s:.1f} s, processor {verify_cpu_s:.1f} s "
        "(this process and the server's)"
    )
    result = {
        "reads_per_s": round(base),
        "verify_s": round(verify_s, 2),
        "verify_cpu_s": round(verify_cpu_s, 2),
        "unaudited_per_s": round(rates["unaudited"]),
        "plain_per_s": round(rates["plain"]),
        "one_chain_per_s": round(rates["one chain"]),
        "python_reads_per_s": round(rates["through Python"]),
        "entries": given.entries,
    }
    print("RESULT " + json.dumps(result))


def _rates(cluster: EmbeddedCluster, folder: Path, seconds: int, rounds: int) -> dict[str, float]:
    database = Database(make_engine(cluster.url(APPLICATION_ROLE, DATABASE), pool_size=CLIENTS))
    runs: dict[str, Callable[[], float]] = {
        name: lambda name=name: _pgbench(cluster, folder, name, seconds)  # type: ignore[misc]
        for name in RECORDS
    }
    runs["through Python"] = lambda: _through_python(database, seconds)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in sorted(runs, key=lambda name: (hash((turn, name)), name)):
            found[name].append(runs[name]())
    database.engine.dispose()
    return {name: statistics.median(rates) for name, rates in found.items()}


def _pgbench(cluster: EmbeddedCluster, folder: Path, name: str, seconds: int) -> float:
    script = folder / "script.sql"
    lines = (f"\\set id random(1, {ADDRESSES})", "BEGIN;", SCOPE, READ, RECORDS[name], "COMMIT;")
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [
            find_server_binaries().folder / "pgbench", "--no-vacuum", "--protocol=prepared",
            f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}", f"--file={script}",
            f"--host={cluster.socket_folder}", f"--username={APPLICATION_ROLE}", DATABASE,
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = re.search(r"tps = ([\d.]+)", done.stdout)
    assert told is not None, done.stdout
    if "number of failed transactions: 0 " not in done.stdout:
        raise SystemExit(done.stdout + done.stderr)
    return float(told.group(1))


def _through_python(database: Database, seconds: int) -> float:
    scope = GridScope.of(["a"])
    access = Access("wang", "10.0.0.7", "走访", "案-1", "r")
    until = time.perf_counter() + seconds

    def work(client: int) -> int:
        done = 0
        while time.perf_counter() < until:
            address_id = (client * 1009 + done * 7) % ADDRESSES + 1
            kind = "standard_address"
            with (
                database.session_of(scope) as session,
                audited(
                    session, access, "address.read", object_kind=kind, object_ref=str(address_id)
                ) as read,
            ):
                get_standard_address(session, address_id, scope=scope)
                read.row_count = 1
            done += 1
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        begun = time.perf_counter()
        count = sum(pool.map(work, range(CLIENTS)))
        return count / (time.perf_counter() - begun)


def _verify(cluster: EmbeddedCluster, owner: sa.Engine, entries: int) -> tuple[float, float]:
    _write_chains(owner, entries)
    database = Database(make_engine(cluster.url(APPLICATION_ROLE, DATABASE), pool_size=1))
    with database.session() as session:
        server = Path(f"/proc/{session.scalar(text('SELECT pg_backend_pid()'))}/schedstat")
        begun = time.perf_counter(), cpu_s(server)
        found = check_audit(session, Access("bench"), [])
        taken = time.perf_counter() - begun[0], cpu_s(server) - begun[1]
    database.engine.dispose()
    if found.faults or found.entry_count != entries + 1:
        raise SystemExit(f"The check found {found.entry_count} entries, faults {found.faults[:3]}")
    return taken


def _write_chains(owner: sa.Engine, entries: int) -> None:
    """Sound chains, made by the rule itself: appending them one by one would take minutes."""
    ends = [(0, bytes(32))] * CHAINS
    with owner.begin() as connection:
        connection.execute(text("TRUNCATE audit_entry"))
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy("COPY audit_entry FROM STDIN") as copy:
            copy.set_types(
                ["timestamptz", "int2", "int8", *["text"] * 7, "int4", "text", "bytea", "bytea"]
            )
            start = time.time()
            for i in range(entries):
                number, before = ends[i % CHAINS][0] + 1, ends[i % CHAINS][1]
                at_us = int((start + i / 1000) * 1_000_000)
                said = (
                    "wang", "10.0.0.7", "address.read", "standard_address", str(i), "走访", "案-1"
                )  # fmt: skip
                texts = (str(i % CHAINS), str(number), str(at_us), *said, "1", "r")
                made = entry_hash(before, [value.encode() for value in texts])
                second, rest = divmod(at_us, 1_000_000)
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second)) + f".{rest:06}+00"
                copy.write_row((at, i % CHAINS, number, *said, 1, "r", before, made))
                ends[i % CHAINS] = number, made
        for chain, (number, made) in enumerate(ends):
            connection.execute(
                text("UPDATE audit_head SET number = :number, hash = :made WHERE chain = :chain"),
                {"number": number, "made": made, "chain": chain},
            )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE audit_entry"))


def _fill(owner: sa.Engine) -> None:
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO standard_address (road, canonical_text, search_key, level, grid_code, "
                "source) SELECT '甲路', '甲路' || n || '号', n::text, 'door', 'a', 'bench' "
                "FROM generate_series(1, :count) AS n"
            ),
            {"count": ADDRESSES},
        )
        connection.exec_driver_sql(_PEERS.replace("%", "%%"))
        assert connection.scalar(text("SHOW fsync")) == "on"


if __name__ == "__main__":
    main()
