"""Whoever reads the memory of a process that answers requests finds no key in it (docs/adr/0012).

The programs are started as an operator starts them, put to every kind of work that needs a key, and then searched,
byte by byte. The same search finds the keys in the signers: it is not blind.
"""

import base64
import json
import secrets
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from argon2.low_level import Type, hash_secret_raw
from blinding import Batch, encoded
from command_line import free_port, started
from databases import DatabaseUrls
from holders import in_process
from house import fictional_numbers, sandbox_settings
from members import hit, new_member
from memory import family_of, found_in_memory, holders_of_port
from running_api import running_api
from second_reading import SecondKey

from registry import key_file
from registry.db.database import Database
from registry.domain.credentials import Scope
from registry.key_file import KeyFile
from registry.keys import KEY_INFO
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.registry import Registry

pytestmark = [
    pytest.mark.xdist_group("heavy"),
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="memory is only to be seen on Linux"),
]

NUMBERS: Final = fictional_numbers()
MANY: Final = [next(NUMBERS) for _ in range(300)]
"""More than the signer for few numbers is asked about."""
CLIENTS: Final = 4


@dataclass(frozen=True)
class Secrets:
    """A key file and what it was sealed with: all that must not be found. derived: the AES key, or None."""

    keys: KeyFile = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)
    derived: bytes | None = field(default=None, repr=False)

    def needles(self) -> dict[str, bytes]:
        """Each secret as it is, and the ways in which a program would write it."""
        found: dict[str, bytes] = {}
        scalars = {
            f"scalar {number}": SecondKey.derive(seed, KEY_INFO).secret for number, seed in self.keys.seeds.items()
        }
        named = {f"seed {number}": seed for number, seed in self.keys.seeds.items()} | scalars
        named |= {"fingerprint key": self.keys.fingerprint_key}
        if self.derived is not None:
            named["key of the key file"] = self.derived
        for name, secret in named.items():
            found |= {
                name: secret,
                f"{name}, backwards": secret[::-1],
                f"{name} in hex": secret.hex().encode(),
                f"{name} in HEX": secret.hex().upper().encode(),
                f"{name} in base64": base64.b64encode(secret).rstrip(b"="),
                f"{name} in URL's base64": base64.urlsafe_b64encode(secret).rstrip(b"="),
                f"{name} as Python shows it": repr(secret)[2:-1].encode(),
            }
        return found if self.passphrase is None else {**found, "passphrase": self.passphrase.encode()}

    def plain(self) -> dict[str, bytes]:
        """What a signer must have: the keys that it works with, as it works with them."""
        return {name: needle for name, needle in self.needles().items() if name in self.worked_with}

    @property
    def worked_with(self) -> set[str]:
        return {"fingerprint key", *(f"scalar {number}" for number in self.keys.seeds)}


def expect_keys_in_signers_alone(pid: int, port: int, secret: Secrets, *, answering: int, signers: int) -> None:
    """answering, signers: how many there must be of each."""
    family = family_of(pid)
    answers = holders_of_port(family, port)
    needles = {**secret.needles(), "control": b"REGISTRY_KEY_FILE"}  # where the keys are, each of them knows
    assert {one: found_in_memory(one, needles) for one in answers} == {one: {"control"} for one in answers}
    assert len(answers) == answering
    found = [found_in_memory(one, secret.plain()) for one in family - answers if is_spawned(one)]
    assert [one for one in found if one] == [secret.worked_with] * signers


def is_spawned(pid: int) -> bool:
    """Whether it is a signer, or another process that Python started for itself; PostgreSQL's are not."""
    return b"multiprocessing" in Path(f"/proc/{pid}/cmdline").read_bytes()


@dataclass(frozen=True)
class Work:
    """Everything that takes a key, by several clients at once, so that every worker has its share."""

    url: str
    investigator: str = field(repr=False)
    employer: str = field(repr=False)

    def done(self) -> None:
        line = {"label": "A line", "number": next(NUMBERS), "role": "advertisement"}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            decoy = post(client, self.investigator, "/v1/decoys", line, {"Idempotency-Key": '"a line"'})["id"]
        with ThreadPoolExecutor(CLIENTS) as pool:
            for running in [pool.submit(self._done_by, turn, decoy) for turn in range(CLIENTS)]:
                running.result()

    def _done_by(self, turn: int, decoy: str) -> None:
        once = {"Idempotency-Key": f'"turn {turn}"'}
        asked: dict[str, Any] = {"purpose": "company_number"}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            contacts = {"hits": [hit(decoy, number, source_id=f"{turn} {number}") for number in MANY[:60]]}
            assert post(client, self.investigator, "/v1/hits", contacts, once)["recorded"] == 60
            post(client, self.employer, "/v1/lookups", {**asked, "number": MANY[0]}, once)
            items = [{"number": number} for number in MANY]
            checked = post(client, self.employer, "/v1/checks", {**asked, "items": items})
            assert checked["counts"]["contact_observed"] >= 60
            blinded = {**asked, "blinded": encoded(Batch.of_numbers(MANY).blinded)}
            assert post(client, self.employer, "/v1/private/evaluations", blinded)["evaluations"]
            refused = client.get("/v1/account", headers=bearer(self.employer[:-1]))
            assert refused.status_code == 401


def post(client: httpx.Client, key: str, path: str, content: object, more: Mapping[str, str] | None = None) -> Any:
    answer = client.post(path, json=content, headers={**bearer(key), **(more or {})})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class Installation:
    """A database and a sealed key file of two generations, as `migrate` and `init` leave them, and callers' keys."""

    urls: DatabaseUrls
    folder: Path
    secret: Secrets
    investigator: str
    employer: str


@pytest.fixture
def installation(urls: DatabaseUrls, tmp_path: Path) -> Installation:
    keys = KeyFile({1: secrets.token_bytes(32), 2: secrets.token_bytes(32)}, secrets.token_bytes(32))
    passphrase = secrets.token_urlsafe(24)
    path = tmp_path / "keys.json"
    key_file.write(path, keys, passphrase)
    (tmp_path / "passphrase").write_text(passphrase + "\n", encoding="utf-8")
    database = Database(urls.app)
    try:
        adopt_keys(database, public_keys(keys))
        settings = sandbox_settings()
        registry = Registry.of(settings, database, in_process(settings, keys))
        unused: Any = None
        callers = [
            new_member(registry, unused, kind, scopes=scopes).key
            for kind, scopes in (
                ("investigator", None),
                ("employer", frozenset({Scope.LOOKUPS, Scope.PRIVATE})),
            )
        ]
    finally:
        database.dispose()
    return Installation(urls, tmp_path, Secrets(keys, passphrase, sealing_key(path, passphrase)), *callers)


def sealing_key(path: Path, passphrase: str) -> bytes:
    """What the passphrase becomes, worked out from what the file says of it."""
    said: Mapping[str, Any] = json.loads(path.read_bytes())
    salt = base64.b64decode(said["salt"])
    return hash_secret_raw(passphrase.encode(), salt, **said["argon2id"], hash_len=32, type=Type.ID)


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_holds_no_key_in_the_processes_that_answer(installation: Installation, workers: int) -> None:
    """With several workers, neither does the process that looks after them."""
    passphrase_file = installation.folder / "passphrase"
    with running_api(
        installation.urls, installation.folder, workers=workers, key_passphrase_file=passphrase_file
    ) as api:
        Work(f"http://127.0.0.1:{api.port}", installation.investigator, installation.employer).done()
        expect_keys_in_signers_alone(
            api.process.pid,
            api.port,
            installation.secret,
            answering=1 if workers == 1 else 1 + workers,
            signers=2 * workers,
        )


def test_run_holds_no_key_though_it_made_the_key_file() -> None:
    with tempfile.TemporaryDirectory(prefix="registry-memory-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's own account has to get through, when the tests run as root
        environment = {"REGISTRY_DATA_DIR": str(folder / "data"), "REGISTRY_SIGNERS": "1"}
        with started(["run"], free_port(), folder / "printed.txt", environment, "Stop: +Ctrl-C") as server:
            Work(server.url, server.key("investigator"), server.key("employer")).done()
            secret = Secrets(key_file.read(folder / "data" / "keys.json", None))
            expect_keys_in_signers_alone(server.process.pid, server.port, secret, answering=1, signers=2)
