"""An installation whose tag key has leaked: of everything something, and all of it stored under that key."""

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg
from caller_stories import Stories, Tellers, days_ago, tell
from command_line import CommandLine, clean_environment
from databases import DatabaseUrls, as_superuser, named
from house import House, fictional_numbers, opened_house
from interleaved import wait_until
from members import KEYS, Member, hit
from private_asker import ASKING, PrivateAsker
from psycopg import sql

from registry import key_file
from registry.db.embedded import OWNER_ROLE, EmbeddedUrls
from registry.key_file import KeyFile
from registry.keys import SecretKey

PROGRAM: Final = Path(__file__).with_name("stopped_rekey.py")
PATIENCE_SECONDS: Final = 60
Answers = list[tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Filled:
    """A registry's database as it was filled, which nobody is connected to: every test gets a copy.

    others: a number whose exclusion was removed, `ended`, and one whose dispute was closed. lines: the decoys' own
    numbers.
    asker: an employer that may ask plainly and privately. answers: what it was told about `items`.
    """

    name: str
    tellers: Tellers
    asker: Member
    stories: Stories
    lines: Sequence[str]
    others: Sequence[str]
    ended: str
    answers: Answers = field(default_factory=list[tuple[Any, Any, Any]])

    @property
    def seen(self) -> list[str]:
        """Every number that something is stored about."""
        return [*self.stories.listed, *self.stories.silent, *self.others, *self.lines]

    def items(self) -> list[dict[str, str]]:
        """Everybody, with and without possession windows, as POST /v1/checks takes them."""
        everybody = (*self.stories.everybody, *self.others)
        return [*self.stories.items(windows=True), *({"number": number} for number in everybody)]


def fill(urls: DatabaseUrls, name: str) -> Filled:
    """Under generation 1. Everybody was asked about, so that there are disclosures."""
    fresh = fictional_numbers()
    lines = list(islice(fresh, 3))
    with opened_house(urls) as house:
        house.clock.now = datetime.now(UTC)
        first, second, operator = (house.member(kind) for kind in ("investigator", "investigator", "operator"))
        tellers = Tellers.of(first, second, operator, iter(lines))
        stories = tell(tellers, fresh, unknown=4)
        removed, closed = islice(fresh, 2)
        first.record(*(hit(tellers.decoys[0], number, f"{days_ago(9)}T10:00:00Z") for number in (removed, closed)))
        assert operator.post("/v1/exclusions", {"number": removed, "reason": "police"}).status_code == 201
        ended = operator.post("/v1/exclusions/removals", {"number": removed}).json()["id"]
        dispute = operator.post("/v1/disputes", {"number": closed}).json()["id"]
        assert operator.post(f"/v1/disputes/{dispute}/closure", {"resolution": "confirmed"}).status_code == 200
        asker = house.member("employer", scopes=ASKING)
        filled = Filled(name, tellers, asker, stories, lines, (removed, closed), ended)
        filled.answers.extend(PrivateAsker(asker).ask(filled.items()))
        assert filled.answers == plain_answers(asker, filled.items())
        house.superuser.execute("ANALYZE")  # PostgreSQL's statistics are samples of what is stored
        house.registry.database.dispose()
    return filled


def plain_answers(asker: Member, items: Sequence[Mapping[str, str]]) -> Answers:
    """Outcome, reason and evidence of each."""
    answer = asker.post("/v1/checks", {"purpose": "company_number", "items": items})
    assert answer.status_code == 200, answer.text
    return [(one["outcome"], one["reason"], one["evidence"]) for one in answer.json()["results"]]


@dataclass
class Leaked:
    """The installation. fresh: numbers that nobody has seen."""

    urls: DatabaseUrls
    folder: Path
    cli: CommandLine
    filled: Filled
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)
    fresh: Iterator[str] = field(repr=False)

    @property
    def keys_path(self) -> Path:
        return Path(self.cli.environment["REGISTRY_KEY_FILE"])

    @property
    def keys(self) -> KeyFile:
        return key_file.read(self.keys_path, None)

    def tags(self, numbers: Iterable[str], *path: int) -> list[bytes]:
        """Their tags under the last of these generations, each chained from the one before. From the key file alone."""
        first, *others = (SecretKey(self.keys.seeds[number]) for number in path)
        tags = [first.tag(number) for number in numbers]
        for key in others:
            tags = [key.chained(tag) for tag in tags]
        return tags

    @contextmanager
    def house(self) -> Generator[House]:
        """The API as it starts now, with the key file of now. Everybody's requests go there."""
        with opened_house(self.urls, keys=self.keys) as opened:
            opened.clock.now = datetime.now(UTC)
            tellers = self.filled.tellers
            for member in (self.filled.asker, tellers.first, tellers.second, tellers.operator):
                member.client = opened.client
            yield opened
            opened.registry.database.dispose()

    def plainly(self) -> Answers:
        return plain_answers(self.filled.asker, self.filled.items())

    def privately(self) -> Answers:
        return PrivateAsker(self.filled.asker).ask(self.filled.items())

    def answers(self) -> Answers:
        """What a process that starts now answers, plainly and privately alike."""
        with self.house():
            plain = self.plainly()
            assert self.privately() == plain
        return plain

    def rekey(self, *arguments: str) -> Any:
        return self.cli.json("generations", "rekey", "--yes", *arguments)

    def stored(self) -> str:
        """All rows of all tables as text, bytes in hexadecimal."""
        return House.everything_stored(self)  # type: ignore[arg-type]  # it looks through this superuser's eyes

    def files(self) -> bytes:
        """All files of this database and of nothing else: neither the write-ahead log nor other databases."""
        self.superuser.execute("CHECKPOINT")
        ((folder, oid),) = self.rows(
            "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
        )
        return b"".join(path.read_bytes() for path in Path(folder, "base", str(oid)).iterdir() if path.is_file())

    def in_tables(self, tags: Iterable[bytes]) -> list[bool]:
        stored = self.stored()
        return [tag.hex() in stored for tag in tags]

    def in_files(self, tags: Iterable[bytes]) -> list[bool]:
        files = self.files()
        return [tag in files or tag.hex().encode() in files for tag in tags]

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.superuser.execute(statement.encode(), parameters).fetchall()

    def count(self, table: str) -> int:
        ((count,),) = self.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - the test's own words
        return int(count)

    def index(self) -> str:
        """What the event of a rekeying must say of `audit.subject` as it is just now, worked out apart."""
        rows = sorted((event.bytes, bytes(tag)) for event, tag in self.rows("SELECT event, tag FROM audit.subject"))
        return hashlib.sha256(b"".join(event + tag for event, tag in rows)).hexdigest()

    def events(self) -> list[Any]:
        """Of rekeyings, in their order."""
        statement = "SELECT body FROM audit.event WHERE operation = 'rekey_generation' ORDER BY id"
        return [json.loads(body) for (body,) in self.rows(statement)]

    def assert_rekeyed(self, *, successor: int = 2) -> None:
        """Generation 1 was carried on as if nothing had happened on the way, and nothing is left of it."""
        old = self.tags(self.filled.seen, 1)
        assert not any(self.in_tables(old))
        assert not any(self.in_files(old))
        assert all(self.in_tables(self.tags(self.filled.seen, 1, successor)))
        assert self.answers() == self.filled.answers
        (event,) = self.events()
        assert (event["result"], event["generation"]) == ("ok", successor)
        assert self.count("registry.rekeyings") == self.count("registry.rekeyed_tags") == 0

    @contextmanager
    def stopped(self, point: str, *arguments: str) -> Generator["subprocess.Popen[bytes]"]:
        """A rekeying in a process of its own that has reached this point (see stopped_rekey.py), and perhaps ended. One
        that waits there goes on at the end of the block, and must end well.
        """
        there, go, log = (self.folder / name for name in ("there", "go", f"{point}.log"))
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, PROGRAM, point, self.folder, "generations", "rekey", "--yes", *arguments],
                env=clean_environment(self.cli.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_until(lambda: there.exists() or process.poll() is not None, PATIENCE_SECONDS)
            assert there.exists(), log.read_text()
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            there.unlink(missing_ok=True)
            go.touch()
            code = process.wait(PATIENCE_SECONDS)
            go.unlink()
        if point == "waiting":
            assert code == 0, log.read_text()

    def killed(self, point: str, *arguments: str) -> None:
        with self.stopped(point, *arguments) as process:
            assert process.wait(PATIENCE_SECONDS) == -9


@contextmanager
def copied(cluster: EmbeddedUrls, filled: Filled, folder: Path) -> Generator[Leaked]:
    """A copy of the filled database, and a key file of its own."""
    name = f"leaked_{secrets.token_hex(6)}"
    here, owner, template = (sql.Identifier(one) for one in (name, OWNER_ROLE, filled.name))
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(here, template, owner)
    as_superuser(cluster, copy)
    urls = named(cluster, name)
    cli = CommandLine(
        {
            "REGISTRY_MODE": "sandbox",
            "REGISTRY_DATABASE_URL": urls.app,
            "REGISTRY_OWNER_DATABASE_URL": urls.owner,
            "REGISTRY_KEY_FILE": str(folder / "keys.json"),
            "REGISTRY_DATA_DIR": str(folder / "data"),
            "REGISTRY_SIGNERS": "1",
        }
    )
    key_file.write(folder / "keys.json", KEYS, None)
    try:
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
            yield Leaked(urls, folder, cli, filled, superuser, islice(fictional_numbers(), 100, None))
    finally:
        as_superuser(cluster, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(here))
