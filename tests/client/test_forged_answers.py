"""Whatever is done to an answer on its way, none of it is used, and the caller is told which kind of wrong it was."""

from collections.abc import Generator
from typing import Any

import pytest
from client_scene import Scene
from forgeries import BAD_FORMS, BAD_PROOFS, FALSE_KEY, PARAMETERS, TRUE_KEY, AnotherKey, with_public_key
from meddling import Between, Meddle, between, on
from members import Member

from registry.client import KeyChanged, ProtocolError, RegistryClient, RegistryError

PURPOSE = "company_number"


@pytest.fixture
def watched(scene: Scene) -> Generator[Between]:
    with between(scene.url) as opened:
        yield opened


@pytest.fixture
def client(scene: Scene, asker: Member, watched: Between) -> Generator[RegistryClient]:
    with scene.client(asker, url=watched.url) as opened:
        yield opened


def refusal(client: RegistryClient, scene: Scene, kind: type[RegistryError]) -> RegistryError:
    numbers = [*scene.seen[:2], *scene.fresh(2)]
    with pytest.raises(kind) as caught:
        client.check_private(numbers, purpose=PURPOSE)
    assert not any(number[1:] in str(caught.value) for number in numbers)
    return caught.value


@pytest.mark.parametrize("forge", BAD_PROOFS.values(), ids=BAD_PROOFS)
def test_an_answer_that_is_not_proved_is_refused(
    scene: Scene, client: RegistryClient, watched: Between, forge: Meddle
) -> None:
    watched.after = forge
    assert refusal(client, scene, KeyChanged).code == "key_changed"
    assert watched.count("/v1/private/set") == 0


@pytest.mark.parametrize("forge", BAD_FORMS.values(), ids=BAD_FORMS)
def test_an_answer_to_something_else_is_refused(
    scene: Scene, client: RegistryClient, watched: Between, forge: Meddle
) -> None:
    watched.after = forge
    assert refusal(client, scene, ProtocolError).code == "protocol"
    assert watched.count("/v1/private/set") == 0


def test_an_answer_proved_under_another_key_is_refused(scene: Scene, client: RegistryClient, watched: Between) -> None:
    forger = AnotherKey()
    watched.before, watched.after = forger.before, forger.after
    refusal(client, scene, KeyChanged)


def test_a_key_that_changes_while_a_client_is_open_is_refused(
    scene: Scene, client: RegistryClient, watched: Between
) -> None:
    client.check_private(scene.fresh(1), purpose=PURPOSE)
    watched.after = with_public_key(FALSE_KEY)
    told = refusal(client, scene, KeyChanged)
    assert "generation 1" in str(told)
    assert watched.count("/v1/private/evaluations") == 1


def test_a_key_that_is_not_the_given_one_is_refused(scene: Scene, asker: Member) -> None:
    with scene.client(asker, public_keys={1: FALSE_KEY}) as client:
        refusal(client, scene, KeyChanged)
    with scene.client(asker, public_keys={1: TRUE_KEY}) as client:
        assert client.check_private(scene.fresh(1), purpose=PURPOSE).counts["none"] == 1
        assert client.public_keys == {1: TRUE_KEY}


def test_a_key_swapped_before_the_first_sight_is_found_by_the_proof(
    scene: Scene, client: RegistryClient, watched: Between
) -> None:
    watched.after = with_public_key(FALSE_KEY)
    refusal(client, scene, KeyChanged)


def _first_vector(name: str, value: str) -> Meddle:
    def change(document: Any) -> Any:
        document["test_vectors"][0][name] = value
        return document

    return on(PARAMETERS, change)


def _first_generation(name: str, value: object) -> Meddle:
    def change(document: Any) -> Any:
        document["generations"][0][name] = value
        return document

    return on(PARAMETERS, change)


def _first_set(name: str, value: object) -> Meddle:
    def change(document: Any) -> Any:
        document["generations"][0]["set"][name] = value
        return document

    return on(PARAMETERS, change)


def _top(name: str, value: object) -> Meddle:
    return on(PARAMETERS, lambda document: {**document, name: value})


@pytest.mark.parametrize(
    "forge",
    [
        _first_vector("set_id", "00" * 8),
        _first_vector("input", "another"),
        _first_vector("number", "+12065550101"),
        _first_vector("tag", "A" * 43 + "="),
        _first_vector("tag", "short"),
        _first_vector("set_id", "no hexadecimal"),
        _first_generation("suite", "P256-SHA256"),
        _first_generation("input_prefix", "another|"),
        _first_generation("public_key", "AAAA"),
        _first_generation("public_key", "not base64!"),
        _first_generation("batch_max", 0),
        _first_generation("batch_max", "1000"),
        _first_generation("generation", "1"),
        _first_generation("generation", -1),
        _first_generation("chain", [{"generation": 1, "public_key": "A" * 43 + "="}]),
        _first_generation("set", {}),
        _first_set("prefix_bits", 33),
        _first_set("entries", -1),
        _first_set("epoch", "now"),
        _first_set("epoch", "2026-11-15T12:00:00"),
        _top("generations", []),
        _top("generations", ["1"]),
        _top("generations", {}),
        _top("test_vectors", []),
        _top("test_key", {"seed": "00" * 32, "generation": 1, "public_key": "A" * 43 + "="}),
        _top("served_regions", [1]),
        _top("accept_fictional", "yes"),
        _top("epoch_seconds", -1),
        _top("audit_id", None),
    ],
)
def test_parameters_that_cannot_be_right_stop_the_check(
    scene: Scene, client: RegistryClient, watched: Between, forge: Meddle
) -> None:
    watched.after = forge
    refusal(client, scene, ProtocolError)
    assert watched.count("/v1/private/evaluations") == 0


def test_a_set_that_is_cut_off_or_shuffled_is_refused(scene: Scene, client: RegistryClient, watched: Between) -> None:
    def cut(exchange: Any) -> None:
        if exchange.path.startswith("/v1/private/set"):
            exchange.body = exchange.body[:-1]

    def shuffled(exchange: Any) -> None:
        if exchange.path.startswith("/v1/private/set"):
            exchange.body = exchange.body[8:] + exchange.body[:8]

    for forge in (cut, shuffled):
        watched.after = forge
        refusal(client, scene, ProtocolError)


def test_too_few_disclosures_are_refused(scene: Scene, client: RegistryClient, watched: Between) -> None:
    watched.after = on("/v1/private/disclosures", lambda document: {**document, "results": document["results"][1:]})
    refusal(client, scene, ProtocolError)
