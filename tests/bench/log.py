"""The audit log: sealing, proofs, verifying, how soon an event is signed, and what an audit event adds to a statement.

On a copy of the database, which vanishes at the end.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID

from sqlalchemy import make_url

from registry.db import audit_entries, sealed_log
from registry.db.database import Database, Writing
from registry.domain.merkle import Edge
from registry.log_key import LogKey
from registry.operations.read_log import prove_consistency
from registry.operations.receipts import receipt_of
from registry.operations.seal import Sealer
from registry.operations.sealing import Sealing

from .installation import Installation
from .table import Result, Row

EVENTS: Final = 1_000_000
_KEY: Final = LogKey("bench.example/log", bytes(range(32)))
_NAME: Final = "bench_log"
_SLICE: Final = 100_000
_PROOFS: Final = 400
_WRITERS: Final = 4
_SECONDS: Final = 10.0
_PGBENCH_SECONDS: Final = 5
_ROUNDS: Final = 3
_MILLISECONDS: Final = 1_000
_MILLION: Final = 1_000_000
_KIBIBYTES: Final = 1_024
# What a lookup's event looks like; every tenth one has disclosed something.
_FORM: Final = (
    '{"actor":{"key":"0123456789abcdef","on_behalf_of":null,"organisation":"0198c0de-0000-7000-8000-000000000001"},'
    '"case":"HR-2026-118","count":{"charged":1,"none":1,"submitted":1},"generation":1,"id":"%s","nonce":"%s",'
    '"operation":"look_up","policy":"2026-1","private":"%s","purpose":"company_number","request":{"id":"%s",'
    '"route":"POST /v1/lookups"},"result":"ok","subjects":%s,"time":"2026-11-15T12:00:00.000000Z","v":1}'
)
# A function, since pgbench takes what follows a colon for a variable of its own.
_MAKE_FUNCTION: Final = (
    "CREATE FUNCTION public.bench_body(n bigint) RETURNS bytea LANGUAGE sql VOLATILE AS $$ SELECT convert_to(format("
    f"'{_FORM}', gen_random_uuid(), md5(n::text), encode(sha256(n::text::bytea), 'hex'), gen_random_uuid(),"
    " CASE WHEN n % 10 = 0 THEN '\"' || encode(sha256(sha256(int8send(n))), 'hex') || '\"' ELSE 'null' END), 'UTF8')"
    " $$; GRANT USAGE ON SCHEMA public TO PUBLIC"
)
_FILL: Final = (
    "WITH told AS (SELECT n, public.bench_body(n) AS body FROM generate_series(%(first)s::bigint, %(last)s) AS n),"
    " made AS (INSERT INTO audit.event (body) SELECT body FROM told)"
    " INSERT INTO audit.subject (tag, event) SELECT sha256(int8send(n)), audit.field(body, 'id')::uuid"
    " FROM told WHERE n %% 10 = 0"
)
_ONE: Final = "INSERT INTO audit.event (body) VALUES (public.bench_body(10 * {} + 1))"
"""Discloses nothing."""
_ASK: Final = "SELECT grade, contacts, policy FROM registry.listings WHERE tag = sha256(int8send(:n));\n"
_ADMIT: Final = "SELECT * FROM registry.admit('{}', 'lookups', 1, 1);\n"
_WAITED: Final = (
    "SELECT extract(epoch FROM c.at - e.at)::float8 FROM audit.event e JOIN audit.leaf l USING (xid, id)"
    " CROSS JOIN LATERAL (SELECT c.at FROM audit.checkpoint c WHERE c.size > l.idx ORDER BY c.size LIMIT 1) AS c"
)


@dataclass(frozen=True, slots=True)
class _Filled:
    """A database with a log, and ways into it."""

    installation: Installation
    database: Database

    @property
    def url(self) -> str:
        return _url(self.installation)


def measure(installation: Installation, events: int) -> list[Result]:
    """events: how many the log has for proofs and verifying."""
    with installation.copy(_NAME):
        with installation.connect_as_superuser(_NAME) as connection:
            connection.execute(_MAKE_FUNCTION.encode())
        database = Database(_url(installation))
        try:
            filled = _Filled(installation, database)
            return [
                _statements(installation),
                _signed_soon(filled),
                _sealing(filled, events),
                _proofs(filled),
                _verifying(filled),
            ]
        finally:
            database.dispose()


def _url(installation: Installation) -> str:
    return make_url(installation.urls.app).set(database=_NAME).render_as_string(hide_password=False)


def _statements(installation: Installation) -> Result:
    """Transactions a second of a lookup's statements with its audit event, over those without it, by turns.

    That is: admitting the key in autocommit, then the question, and the event in the question's transaction.
    """
    what = f"a lookup's statements at {_WRITERS} writers: with audit event / without"
    program = shutil.which("pgbench")
    if program is None:
        return Result((Row(what, 0.25, 0.45, None, at_least=True),), ())
    with installation.connect_as_superuser(_NAME) as connection:
        row = connection.execute("SELECT id FROM registry.api_keys WHERE 'lookups' = ANY (scopes)").fetchone()
    begin = f"\\set n random(1, 1000000)\n{_ADMIT.format(*(row or ()))}BEGIN;\n{_ASK}"
    audited, plain = f"{begin}{_ONE.format(':n')};\nCOMMIT;\n", f"{begin}COMMIT;\n"
    rates = [(_pgbench(installation, program, audited), _pgbench(installation, program, plain)) for _ in range(_ROUNDS)]
    return Result(
        (Row(what, 0.25, 0.45, median(one / other for one, other in rates), at_least=True),),
        (
            ("a lookup's statements, pgbench", f"{median(one for one, _ in rates):,.0f}/s"),
            ("the same without its audit event", f"{median(other for _, other in rates):,.0f}/s"),
        ),
    )


def _pgbench(installation: Installation, program: str, script: str) -> float:
    """Transactions a second."""
    url = make_url(installation.urls.app)
    host, port = (str(url.query[name]) if name in url.query else None for name in ("host", "port"))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            *(program, "-n", "-M", "prepared", "-c", str(_WRITERS), "-j", "2", "-T", str(_PGBENCH_SECONDS)),
            *("-h", host or str(url.host), "-p", port or str(url.port or 5432), "-U", str(url.username)),
            *("-f", file.name, _NAME),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
    if done.returncode or not found:
        raise RuntimeError(f"pgbench ended with {done.returncode}: {done.stderr}")
    return float(found[0].split()[2])


def _signed_soon(filled: _Filled) -> Result:
    """From an event's being written to its being in a signed checkpoint, with sealing at its own pace, under load."""
    while Sealer(filled.database, _KEY).seal() is not None:
        pass
    with filled.installation.connect_as_superuser(_NAME) as connection:
        first = connection.execute("SELECT coalesce(max(size), 0) FROM audit.checkpoint").fetchone()
    sealing = Sealing(filled.database, _KEY)
    ended = time.perf_counter() + _SECONDS
    counts = [0] * _WRITERS
    statement = _ONE.format("%s").encode()

    def write(writer: int) -> None:
        with filled.installation.connect(_NAME) as connection:
            connection.autocommit = True
            while time.perf_counter() < ended:
                connection.execute(statement, (writer,))
                counts[writer] += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(1, _WRITERS)]
    for thread in threads:
        thread.start()
    write(0)
    for thread in threads:
        thread.join()
    time.sleep(3)
    sealing.close()
    with filled.installation.connect_as_superuser(_NAME) as connection:
        rows = connection.execute(f"{_WAITED} WHERE l.idx >= %s".encode(), first).fetchall()
    waited = [float(row[0]) for row in rows]
    if len(waited) < sum(counts):
        raise RuntimeError("not every event was sealed")
    p99 = quantiles(waited, n=100)[-1]
    return Result(
        (Row("event to signed checkpoint under load, p99", 2_500, 1_200, p99 * _MILLISECONDS, "ms"),),
        (
            ("events written while sealing", f"{sum(counts) / _SECONDS:,.0f}/s"),
            ("event to signed checkpoint, p50", f"{median(waited):.2f} s"),
        ),
    )


def _sealing(filled: _Filled, events: int) -> Result:
    """Leaves a second of a whole log, in batches of 5,000; and of the tree alone."""
    with filled.installation.connect_as_superuser(_NAME) as connection:
        for first in range(1, events + 1, _SLICE):
            last = min(first + _SLICE - 1, events)
            connection.execute(_FILL, {"first": first, "last": last})
        connection.execute("VACUUM ANALYZE audit.event")
    filled.installation.checkpoint()
    sealer = Sealer(filled.database, _KEY)
    leaves = 0
    began = time.perf_counter()
    while (sealed := sealer.seal()) is not None:
        leaves += sealed.leaves
    rate = leaves / (time.perf_counter() - began)
    edge, hash_ = Edge(), bytes(32)
    began = time.perf_counter()
    for _ in range(_SLICE):
        edge.append(hash_)
    alone = _SLICE / (time.perf_counter() - began)
    return Result(
        (Row("sealing, leaves a second, batch 5,000", 50_000, 150_000, rate, "leaves/s", at_least=True),),
        (("the tree's arithmetic alone", f"{alone:,.0f} leaves/s"),),
    )


def _proofs(filled: _Filled) -> Result:
    chance = random.Random(1)  # noqa: S311 - a sample
    with filled.installation.connect_as_superuser(_NAME) as connection:
        rows = connection.execute("SELECT event_id FROM audit.event TABLESAMPLE SYSTEM (5) LIMIT 20000").fetchall()
        sizes = [int(row[0]) for row in connection.execute("SELECT size FROM audit.checkpoint ORDER BY size")]
    chosen: list[UUID] = [row[0] for row in chance.sample(rows, min(_PROOFS, len(rows)))]
    pairs = [sorted(chance.sample(sizes, 2)) for _ in range(_PROOFS)]
    database = filled.database
    inclusion = _timed([partial(database.transaction, partial(_prove, event=one)) for one in chosen])
    consistency = _timed([partial(prove_consistency, database, old, new) for old, new in pairs])
    return Result(
        (
            Row(f"inclusion proof at {sizes[-1]:,} leaves, p50", 10, 2, inclusion, "ms"),
            Row(f"consistency proof at {sizes[-1]:,} leaves, p50", 10, 2, consistency, "ms"),
        ),
        (("inclusion proof with its event's body, p50", f"{inclusion:.2f} ms"),),
    )


def _prove(tx: Writing, event: UUID) -> None:
    with sealed_log.as_reader(tx):
        entry = audit_entries.find(tx, [event])[event]
    receipt_of(tx, entry)


def _timed(work: Sequence[Callable[[], object]]) -> float:
    """Median milliseconds."""
    taken: list[float] = []
    for one in work:
        began = time.perf_counter()
        one()
        taken.append((time.perf_counter() - began) * _MILLISECONDS)
    return median(taken)


def _verifying(filled: _Filled) -> Result:
    """The whole command, in a process of its own."""
    head = filled.database.transaction(sealed_log.last_checkpoint)
    size = 0 if head is None else head.size
    command = [str(Path(sys.executable).parent / "demand-registry"), "verify-log"]
    environment = {**os.environ, "REGISTRY_DATABASE_URL": filled.url}
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--verifier-key", str(_KEY.verifier)], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"verify-log ended with {process.returncode}")
    return Result(
        (
            Row("verify-log, per 1,000,000 events", 120, 60, taken / size * _MILLION, "s"),
            Row(f"verify-log of {size:,} events, peak memory", 300, 150, used.ru_maxrss / _KIBIBYTES, "MB"),
        ),
        (("verify-log", f"{size / taken:,.0f} events/s, {used.ru_utime + used.ru_stime:.1f} s of processor time"),),
    )
