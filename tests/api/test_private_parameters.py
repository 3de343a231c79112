"""What a private check knows before it asks (docs/private-checks.md), and who may ask."""

import base64
import hashlib
from typing import Any, Final

import pytest
from audit_trail import AuditTrail
from blinding import encoded
from house import House
from members import NOW, Member
from private_asker import PUBLIC_KEYS, PrivateAsker, left_today, private_asker
from second_reading import SecondKey
from shapes import GENERATION, PARAMETERS, SET, refusal_of


def test_the_parameters_say_all_that_a_client_must_know(asker: PrivateAsker, house: House) -> None:
    told = asker.parameters()
    assert told.keys() == PARAMETERS
    (generation,) = told["generations"]
    assert generation.keys() == GENERATION
    assert generation["generation"] == 1
    assert generation["suite"] == "ristretto255-SHA512"
    assert base64.b64decode(generation["public_key"]) == PUBLIC_KEYS[1]
    assert generation["input_prefix"] == "demand-registry|tel|v1|"
    assert (generation["chain"], generation["chain_prefix"]) == ([], "demand-registry|chain|v1|")
    assert generation["batch_max"] == 1_000
    assert told["served_regions"] == ["CA", "US"]
    assert (told["accept_fictional"], told["epoch_seconds"]) == (True, 300)
    assert told["normaliser_version"] == house.registry.normaliser.version


def test_the_parameters_describe_the_set_as_it_is_served(asker: PrivateAsker) -> None:
    (generation,) = asker.parameters()["generations"]
    described = generation["set"]
    served = asker.member.get("/v1/private/set?generation=1")
    assert described.keys() == SET
    assert described["etag"] == served.headers["etag"]
    assert described["bytes"] == len(served.content) == 8 * described["entries"]
    assert (described["prefix_bits"], described["bucket_entries"]) == (0, 0)
    assert described["epoch"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"


def test_the_test_vectors_can_be_worked_out_by_anybody(asker: PrivateAsker) -> None:
    told = asker.parameters()
    test_key = told["test_key"]
    key = SecondKey.derive(bytes.fromhex(test_key["seed"]), test_key["info"].encode())
    assert base64.b64decode(test_key["public_key"]) == key.public
    assert len(told["test_vectors"]) == 3
    assert len({vector["number"] for vector in told["test_vectors"]}) == 3
    for vector in told["test_vectors"]:
        assert vector["input"] == f"demand-registry|tel|v1|{vector['number']}"
        tag = key.evaluate(vector["input"].encode())[:32]
        assert base64.b64decode(vector["tag"]) == tag
        hashed = hashlib.sha256(f"demand-registry|set|v1|{test_key['generation']}|".encode() + tag)
        assert vector["set_id"] == hashed.hexdigest()[:16]


def test_every_active_generation_is_told_newest_first_with_what_it_is_chained_from(
    rearranged_asker: PrivateAsker,
) -> None:
    newest, chained = rearranged_asker.parameters()["generations"]
    assert [newest["generation"], chained["generation"]] == [4, 3]
    assert newest["chain"] == []
    assert chained["chain"] == [{"generation": 2, "public_key": encoded(PUBLIC_KEYS[2])}]
    assert base64.b64decode(chained["public_key"]) == PUBLIC_KEYS[3]
    assert newest["set"]["etag"] != chained["set"]["etag"]


def test_a_live_registry_says_which_numbers_are_not_to_be_sent(other_house: House) -> None:
    told = private_asker(other_house).parameters()
    assert told["accept_fictional"] is False
    assert told["served_regions"] == ["AU", "CA", "DE", "FR"]


def test_asking_for_parameters_is_recorded_and_costs_no_numbers(uncharged: PrivateAsker, trail: AuditTrail) -> None:
    answer = uncharged.member.get("/v1/private/parameters")
    assert left_today(answer) == 5
    event = trail.only(answer)
    assert (event["operation"], event["request"]["route"]) == ("view_private_parameters", "GET /v1/private/parameters")
    assert event["count"] == {"submitted": 0, "charged": 0}
    assert (event["generation"], event["subjects"]) == (1, None)


PATHS: Final[dict[str, tuple[str, str, Any]]] = {
    "getPrivateParameters": ("GET", "/v1/private/parameters", None),
    "createPrivateEvaluation": ("POST", "/v1/private/evaluations", {"purpose": "investigation", "blinded": "AA=="}),
    "getPrivateSet": ("GET", "/v1/private/set?generation=1", None),
    "getPrivateBucket": ("GET", "/v1/private/set/000?generation=1", None),
    "createPrivateDisclosure": ("POST", "/v1/private/disclosures", {"purpose": "investigation", "items": []}),
}


@pytest.mark.parametrize("operation", PATHS)
def test_no_key_may_ask_privately_unless_it_was_given_the_scope(
    investigator: Member, employer: Member, operator: Member, operation: str
) -> None:
    method, path, body = PATHS[operation]
    for member in (investigator, employer, operator):
        answer = member.client.request(method, path, json=body, headers=member.headers)
        refusal_of(answer, 401, "unauthorized")
    refusal_of(employer.client.request(method, path, json=body), 401, "unauthorized")
