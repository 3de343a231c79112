"""No object that holds a number or a secret shows it in a repr, a text or a log line, and no secret can be pickled."""

import importlib
import inspect
import logging
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from canaries import CONTROL, FINGERPRINT_KEY, NUMBERS, PASSPHRASE, SEED, every_needle
from holders import in_process, key_ring
from house import sandbox_settings
from members import NOW, Member
from starlette.testclient import TestClient

import api
import registry as product
from api.authentication import Authenticator
from api.calls import Call
from api.resources.model import AnswerModel, RequestModel
from registry.cli.session import OpenKeyFile
from registry.db.api_keys import StoredKey
from registry.domain.credentials import ApiKey, Mode
from registry.domain.fingerprints import Fingerprinter
from registry.domain.numbers import LineType, Number, RegionNotServed
from registry.domain.policy import Channel, Outcome
from registry.key_file import KeyFile
from registry.keys import SecretKey
from registry.operations.idempotency import Idempotency, Replayed
from registry.operations.manage_keys import IssuedKey
from registry.operations.operation import Operation, Request
from registry.operations.questions import Answer, Question
from registry.operations.registry import Registry
from registry.operations.submitted_hits import DecoyNumber, Hit
from registry.settings import Settings
from registry.tagging import Source, TaggedNumber, WrittenNumber

SECRET = CONTROL[1:].rjust(32, "0")
TEXT_OF_KEY = f"drk_test_abcdEFG1{SECRET}000000"
NEEDLES = every_needle({"secret": SECRET})

FILE = KeyFile({1: SEED}, FINGERPRINT_KEY)
FINGERPRINTER = Fingerprinter(FINGERPRINT_KEY)
NUMBER = Number(CONTROL, "US", LineType.MOBILE)
STORED = StoredKey("abcdEFG1", UUID(int=1), ("hits",), NOW, None, None, None)
SECRETS: list[object] = [
    ApiKey(Mode.SANDBOX, "abcdEFG1", SECRET),
    IssuedKey(STORED, TEXT_OF_KEY),
    FILE,
    FINGERPRINTER,
    SecretKey(SEED),
    key_ring(FILE),
    in_process(sandbox_settings(), FILE),
    Settings.build(database_url=f"postgresql+psycopg://registry:{SECRET}@db/registry"),
    OpenKeyFile(Path("keys.json"), FILE, PASSPHRASE),
    Idempotency(in_process(sandbox_settings(), FILE), CONTROL, (b"POST", b"/v1/hits", b"", CONTROL.encode())),
]
NUMBER_HOLDERS: list[object] = [
    NUMBER,
    RegionNotServed(NUMBER),
    WrittenNumber(CONTROL, CONTROL, Source(CONTROL.encode(), (CONTROL.encode(),))),
    Source(CONTROL.encode(), (CONTROL.encode(),)),
    TaggedNumber(NUMBER, (bytes(32),)),
    Question(CONTROL, CONTROL),
    Hit(CONTROL, DecoyNumber(CONTROL, CONTROL), Channel.SMS, NOW, CONTROL, CONTROL),
    DecoyNumber(CONTROL, CONTROL),
    Answer(CONTROL, Outcome.NONE, None, (), None),
    Replayed(200, CONTROL.encode()),
]
# Names of fields that hold, as text or bytes, what must not be shown, in whichever dataclass they stand.
CONFIDENTIAL = {
    *("number", "e164", "region", "text", "label", "organisation_name", "source_id", "body", "request", "changes"),
    *("number_column", "region_column", "since_column", "until_column", "mapping"),
    *("secret", "secret_hash", "authorization", "passphrase", "seeds", "fingerprint_key", "key"),
}
TEXTUAL = {
    *("<class 'str'>", "str", "str | None", "<class 'bytes'>", "bytes | None", "dict[int, bytes]", "tuple[bytes, ...]"),
    *("collections.abc.Mapping[str, str]", "collections.abc.Mapping[str, object]"),
}
# As they are kept: where these stand, a rule has let no number into them, and a key is only its public part.
PUBLISHED = {
    "registry.client._parameters.TestVector.number",
    "registry.client._answers.Account.key",
    "registry.operations.read_baseline.Group.region",
}
"""Of the client: numbers that the registry publishes, and a key's public part. Of the baseline: where lines are, one of
the codes of countries and states that decoys may have.
"""
STORED_MODULES = ("registry.db.", "registry.demo.", "registry.domain.audit", "registry.domain.numbers", "api.vectors")


def shown(one: object) -> str:
    record = logging.LogRecord("registry", logging.INFO, __file__, 1, "%s %r", (one, one), None)
    return f"{one!r} {one!s} {one} {[one]} {record.getMessage()}"


@pytest.mark.parametrize("one", SECRETS + NUMBER_HOLDERS, ids=lambda one: type(one).__name__)
def test_an_object_does_not_show_what_it_holds(one: object) -> None:
    assert type(one).__name__ in shown(one) or not isinstance(one, BaseException)
    assert NEEDLES.found_in(shown(one)) == set()


@pytest.mark.parametrize("one", SECRETS, ids=lambda one: type(one).__name__)
def test_a_secret_cannot_be_pickled(one: object) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(one)


def test_a_dump_of_settings_hides_the_databases_password() -> None:
    settings = Settings.build(database_url=f"postgresql+psycopg://registry:{SECRET}@db/registry")
    assert NEEDLES.found_in(f"{settings.model_dump()} {settings.model_dump_json()}") == set()


def test_a_registry_and_a_call_show_no_secret(registry: Registry) -> None:
    authenticator = Authenticator(registry)
    request = Request(registry.new_id(), "POST /v1/lookups", "192.0.2.7", "curl/8.5.0")
    call = Call(registry, authenticator, request, None, "look_up", f"Bearer {TEXT_OF_KEY}")
    assert NEEDLES.found_in(shown(call) + shown(registry) + shown(authenticator)) == set()
    for one in (registry, authenticator, call):
        with pytest.raises(TypeError):
            pickle.dumps(one)


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for found in kind.__subclasses__():
        yield found
        yield from _below(found)


@pytest.mark.parametrize("kind", [*_below(RequestModel), *_below(AnswerModel)], ids=lambda kind: kind.__name__)
def test_a_body_shows_none_of_its_members(kind: type[RequestModel | AnswerModel]) -> None:
    one = kind.model_construct(None, **dict.fromkeys(kind.model_fields, CONTROL))
    assert NEEDLES.found_in(str(one.__dict__))
    assert NEEDLES.found_in(shown(one)) == set()


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _dataclasses() -> list[type[Any]]:
    found = (
        one
        for package in (product, api)
        for module in _modules(package)
        for one in vars(module).values()
        if inspect.isclass(one) and is_dataclass(one) and one.__module__ == module.__name__
    )
    return sorted(set(found), key=lambda one: (one.__module__, one.__qualname__))


@pytest.mark.parametrize("kind", _dataclasses(), ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_no_dataclass_shows_a_field_that_may_hold_a_number_or_a_secret(kind: type[Any]) -> None:
    """Also those that somebody adds tomorrow."""
    textual = [field for field in fields(kind) if str(field.type) in TEXTUAL]
    named = f"{kind.__module__}.{kind.__qualname__}"
    confidential = {field.name for field in textual if field.name in CONFIDENTIAL} - {
        field.rpartition(".")[2] for field in PUBLISHED if field.startswith(f"{named}.")
    }
    if kind.__module__.startswith(STORED_MODULES):
        return
    one: Any = BaseException.__new__(kind) if issubclass(kind, BaseException) else object.__new__(kind)
    for field in fields(one):
        object.__setattr__(one, field.name, CONTROL if field.name in confidential else None)
    assert CONTROL not in repr(one), f"one of {confidential} of {kind.__qualname__}"


def test_the_walk_over_the_dataclasses_has_come_to_the_operations() -> None:
    names = {kind.__qualname__ for kind in _dataclasses()}
    assert names >= {kind.__qualname__ for kind in _below(Operation) if is_dataclass(kind)} - {"Operation"}
    assert names >= {"Call", "Hit", "Question", "KeyFile", "Number", "IssuedKey"}


def test_a_method_of_somebodys_own_making_is_neither_counted_nor_logged_by_its_name(
    investigator: Member, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "registry")
    assert client.request(f"X{CONTROL[1:]}", "/v1/lookups", headers=investigator.headers).status_code == 405
    lines = "\n".join(str(vars(record)) for record in caplog.records if record.name.startswith("registry"))
    assert "/v1/lookups" in lines
    assert NEEDLES.found_in(lines + client.get("/metrics").text) == set()


def test_no_canary_is_one_of_the_documents_examples() -> None:
    """Else a search would find what nobody leaked."""
    documents = "".join(
        path.read_text(encoding="utf-8") for path in Path(api.__path__[0]).parent.glob("openapi/*.json")
    )
    assert [number for number in NUMBERS.values() if number in documents and number != "+15062345678"] == []
