"""A registry as it runs in production, with everything that it leaves behind kept for a search: answers, log lines,
exceptions, files.

It has a PostgreSQL and folders of its own, a sealed key file, uvicorn in front, and logs at debug level. It asks only
what the OpenAPI document describes, by operationId, or raw bytes.
"""

import http.client
import io
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import psycopg
import pytest
import uvicorn
from canaries import FINGERPRINT_KEY, LOG_SEED, PASSPHRASE, SEED, blocks_of
from databases import as_superuser, named
from fastapi import FastAPI
from psycopg import sql

from api import middleware, openapi, refusals, serving
from api.problem_response import problem_response
from registry import key_file, log_key
from registry.db import migrate
from registry.db.database import Database
from registry.db.embedded import APP_LOGIN, DATABASE, EmbeddedPostgres, EmbeddedUrls
from registry.domain.credentials import OrganisationKind, Scope
from registry.key_file import KeyFile
from registry.log_key import LogKey
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.manage_keys import IssueKey
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.registry import Registry

KEYS: Final = KeyFile({1: SEED}, FINGERPRINT_KEY)
# What is written is what production writes; only nothing waits for the disk.
_ALONE: Final = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "32MB", "fsync": "off"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. operation: an operationId. path: values of the path's parameters. key: whole, or None for none."""

    operation: str
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    key: str | None = None

    def with_json(self, content: object) -> "Ask":
        return replace(self, body=json.dumps(content).encode())

    def with_headers(self, **headers: str) -> "Ask":
        """Names with underscores for hyphens."""
        return replace(self, headers={**self.headers, **{n.replace("_", "-"): v for n, v in headers.items()}})


@dataclass(frozen=True, slots=True)
class Answer:
    ask: Ask
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_problem(self) -> bool:
        return ("content-type", "application/problem+json") in {(n.lower(), v) for n, v in self.headers}


@dataclass
class Ground:
    """secrets: API keys' secrets by their names. tokens: of intake addresses; their hashes are stored. before: the
    blocks of PostgreSQL's files before the first request.
    """

    folder: Path
    urls: EmbeddedUrls
    registry: Registry
    port: int
    log: io.StringIO
    user_agent: str
    before: frozenset[bytes] = frozenset()
    document: dict[str, Any] = field(default_factory=lambda: json.loads(openapi.PATH.read_bytes()))
    answers: list[Answer] = field(default_factory=list[Answer])
    exceptions: list[BaseException] = field(default_factory=list[BaseException])
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    keys: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def pgdata(self) -> Path:
        return self.folder / "data" / "postgres"

    @property
    def temporary(self) -> Path:
        """Where this process, and the server in it, put temporary files."""
        return self.folder / "temporary"

    @property
    def superuser_dsn(self) -> str:
        return named(self.urls, DATABASE).superuser_dsn

    @property
    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """operationId -> method, path, and what the document says of it."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }

    def ask(self, ask: Ask) -> Answer:
        method, path, _ = self.operations[ask.operation]
        for name, value in ask.path.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        headers = {"User-Agent": self.user_agent, "Content-Type": "application/json", **ask.headers}
        if ask.key is not None:
            headers["Authorization"] = f"Bearer {ask.key}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path + (f"?{urlencode(ask.query)}" if ask.query else ""), ask.body, headers)
            response = connection.getresponse()
            answer = Answer(ask, response.status, tuple(response.getheaders()), response.read())
        finally:
            connection.close()
        self.answers.append(answer)
        return answer

    def good(self, ask: Ask) -> Answer:
        answer = self.ask(ask)
        assert answer.status < 300, answer
        return answer

    def send(self, data: bytes) -> socket.socket:
        """A new connection to which these bytes were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(data)
        return connection

    def as_superuser(self, *statements: sql.Composed | sql.SQL) -> None:
        with psycopg.connect(self.superuser_dsn, autocommit=True) as c:
            for statement in statements:
                c.execute(statement)

    def rows(self, statement: sql.Composed | sql.SQL) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.superuser_dsn, autocommit=True) as c:
            return c.execute(statement).fetchall()

    def new_member(self, kind: str, scopes: frozenset[Scope] | None = None) -> str:
        """The key of a new organisation of this kind; its secret is remembered as one to search for."""
        request = Request(self.registry.new_id(), "cli test")
        made = self.registry.run(
            CreateOrganisation(OrganisationKind(kind), f"A canary's {kind}"), COMMAND_LINE, request
        )
        issued = self.registry.run(IssueKey(made.result.id, scopes), COMMAND_LINE, request).result.text
        self.keys[kind] = issued
        self.remember_key(kind, issued)
        return issued

    def remember_key(self, whose: str, text: str) -> None:
        self.secrets[f"secret of the {whose}'s key"] = text[len("drk_test_") + 8 :][:32]


@contextmanager
def opened_ground(user_agent: str) -> Generator[Ground]:
    folder = Path(tempfile.mkdtemp(prefix="registry-hunt-"))
    (folder / "temporary").mkdir()
    log = io.StringIO()
    try:
        with (
            EmbeddedPostgres(folder / "data", settings=_ALONE) as urls,
            pytest.MonkeyPatch.context() as patch,
            _own_logging(),
            redirect_stderr(log),
        ):
            _prepare(folder, urls, patch)
            app = serving.build()
            with _served(app) as port:
                ground = Ground(folder, urls, app.state.registry, port, log, user_agent)
                _listen(ground, patch)
                ground.as_superuser(sql.SQL("CHECKPOINT"))
                ground.before = blocks_of(ground.pgdata)
                yield ground
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, urls: EmbeddedUrls, patch: pytest.MonkeyPatch) -> None:
    """What `demand-registry migrate` and `init` do, and the environment that `serve` is started with."""
    migrate.migrate(urls.owner)
    as_superuser(urls, sql.SQL("GRANT registry_app TO {}").format(sql.Identifier(APP_LOGIN)))
    database = Database(urls.app)
    adopt_keys(database, public_keys(KEYS))
    database.dispose()
    key_file.write(folder / "keys.json", KEYS, PASSPHRASE)
    log_key.write(folder / "log-key.json", LogKey("registry.example.org/log", LOG_SEED), PASSPHRASE)
    (folder / "passphrase").write_text(PASSPHRASE, encoding="utf-8")  # the operator's own file
    patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    for name in [name for name in os.environ if name.startswith("REGISTRY_")]:
        patch.delenv(name)
    for name, value in {
        "MODE": "sandbox",
        "DATABASE_URL": urls.app,
        "KEY_FILE": str(folder / "keys.json"),
        "KEY_PASSPHRASE_FILE": str(folder / "passphrase"),
        "LOG_KEY_FILE": str(folder / "log-key.json"),
        "LOG_KEY_PASSPHRASE_FILE": str(folder / "passphrase"),
        "LOG_LEVEL": "debug",
        "REQUESTS_PER_MINUTE": "100000",
        "FAILURES_PER_MINUTE": "100000",
        "PRIVATE_BUCKET_ENTRIES": "1",
        "FLOOD_NUMBER_CONTACTS": "30",
        "FLOOD_DECOY_CONTACTS": "40",
        "SIGNERS": "1",
    }.items():
        patch.setenv(f"REGISTRY_{name}", value)


def _listen(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    """Keeps every exception that becomes an answer."""
    report = vars(middleware)["_report"]

    def refused(error: Any, *arguments: Any) -> Any:
        ground.exceptions.append(error)
        return problem_response(error, *arguments)

    def failed(error: BaseException, *arguments: Any) -> None:
        ground.exceptions.append(error)
        report(error, *arguments)

    patch.setattr(refusals, "problem_response", refused)
    patch.setattr(middleware, "_report", failed)


@contextmanager
def _own_logging() -> Generator[None]:
    """Puts back what the server's own configuration of logging changes for the whole process."""
    root, names = logging.getLogger(), ("uvicorn", "uvicorn.error", "uvicorn.access")
    handlers, level = root.handlers[:], root.level
    states = [(logging.getLogger(name), dict(vars(logging.getLogger(name)))) for name in names]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for logger, state in states:
            vars(logger).update(state)


@contextmanager
def _served(app: FastAPI) -> Generator[int]:
    """The application behind uvicorn, as `demand-registry serve` runs it, in a thread of this process. Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None, access_log=False, server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)
            sys.stderr.flush()
