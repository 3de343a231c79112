"""Private checks by a client that no one here wrote (@noble/curves under Node), from blinding to membership.

RFC 9497, appendix A.1.2, stands in rfc9497_voprf_vectors.json; RFC 9496, appendix A.2, in rfc9496_bad_encodings.json.
"""

import base64
import json
import re
import secrets
from collections.abc import Generator
from typing import Any, Final

import pytest
from caller_stories import Tellers, call_again, tell
from house import opened_database
from members import KEYS, new_member
from noble import SOURCES, NobleClient, fresh_numbers, install
from private_scene import PrivateScene, add_generations, move, pins_of, started_here
from running_api import operating, running_api
from voprf.ristretto import BlindedInput, Client, Evaluator, VerifiableBatchOutput, VerifiableOutput

from registry import key_file
from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope
from registry.key_file import KeyFile
from registry.keys import KEY_INFO

pytestmark = pytest.mark.long
RFC: Final = json.loads((SOURCES / "rfc9497_voprf_vectors.json").read_text(encoding="utf-8"))
BAD_ENCODINGS: Final = json.loads((SOURCES / "rfc9496_bad_encodings.json").read_text(encoding="utf-8"))
PUBLISHED: Final = SOURCES.parents[1] / "openapi" / "vectors.json"
TELLERS: Final = ("investigator", "investigator", "operator")
ASKING: Final = frozenset({Scope.LOOKUPS, Scope.PRIVATE})
NOT_PROVED: Final = "proof verification failed"


@pytest.fixture(scope="session")
def noble(tmp_path_factory: pytest.TempPathFactory) -> NobleClient:
    return install(tmp_path_factory.mktemp("noble"))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_lock_names_hashes_and_no_host() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/@noble/curves", "node_modules/@noble/hashes"}
    assert all(re.fullmatch(r"sha512-[\w+/]{86}==", package["integrity"]) for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]


@pytest.mark.parametrize("vector", RFC["vectors"], ids=["one", "another", "a batch"])
def test_noble_and_the_library_give_the_rfcs_values(noble: NobleClient, vector: dict[str, Any]) -> None:
    by_noble = noble.run("rfc_vector", **{**vector, "seed": RFC["seed"], "info": RFC["info"]})
    assert by_noble == {name: {**RFC, **vector}[name] for name in by_noble}
    assert set(by_noble) >= {"secret_key", "public_key", "blinded", "evaluated", "proof", "outputs"}

    library = Evaluator.from_seed(bytes.fromhex(RFC["seed"]), bytes.fromhex(RFC["info"]))
    assert library.public_key.serialize().hex() == RFC["public_key"]
    elements = [BlindedInput.deserialize(bytes.fromhex(element)) for element in vector["blinded"]]
    answer = library.evaluate_batch(elements).serialize()
    proof, evaluated = answer[:64], answer[64:]
    assert evaluated.hex() == "".join(vector["evaluated"])
    verified = noble.run(
        "rfc_finalized",
        inputs=vector["inputs"],
        blinds=vector["blinds"],
        evaluated=b64(evaluated),
        proof=b64(proof),
        public_key=b64(library.public_key.serialize()),
    )
    assert verified["outputs"] == vector["outputs"]


@pytest.mark.parametrize("count", [1, 2, 40])
def test_the_library_verifies_what_noble_evaluated(noble: NobleClient, count: int) -> None:
    seed, inputs = secrets.token_bytes(32), [secrets.token_bytes(24) for _ in range(count)]
    clients, blinded = zip(*(Client.blind(data) for data in inputs), strict=True)
    by_noble = noble.run(
        "evaluated_here", seed=seed.hex(), info=KEY_INFO.decode(), blinded=[one.serialize().hex() for one in blinded]
    )
    library = Evaluator.from_seed(seed, KEY_INFO)
    assert by_noble["public_key"] == library.public_key.serialize().hex()
    answer = bytes.fromhex(by_noble["proof"] + "".join(by_noble["evaluated"]))
    expected = [library.evaluate_known_input(data) for data in inputs]
    batch = VerifiableBatchOutput.deserialize(answer)
    assert Client.finalize_batch(clients, batch, library.public_key) == expected
    if count == 1:
        assert clients[0].finalize(VerifiableOutput.deserialize(answer), library.public_key) == expected[0]


def test_noble_makes_the_published_tags(noble: NobleClient) -> None:
    tags = json.loads(PUBLISHED.read_text(encoding="utf-8"))["tags"]
    numbers = [vector["number"] for vector in tags["vectors"]]
    given = {name: tags[name] for name in ("seed", "info", "input_prefix")}
    by_noble = noble.run("tag_vectors", **given, generation=1, numbers=numbers)
    kept = [{name: vector[name] for name in ("number", "tag", "output")} for vector in by_noble["vectors"]]
    assert kept == tags["vectors"]
    assert base64.b64decode(by_noble["public_key"]).hex() == tags["public_key"]


@pytest.fixture(scope="module")
def scene(
    noble: NobleClient, cluster: EmbeddedUrls, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[PrivateScene]:
    """One generation and no buckets, as most registries have it."""
    folder, numbers = tmp_path_factory.mktemp("private"), fresh_numbers()
    with (
        opened_database(cluster, template) as urls,
        operating(urls) as operator,
        running_api(urls, folder) as api,
    ):
        first, second, house = (operator.member(api, kind) for kind in TELLERS)
        employer = operator.member(api, "employer", scopes=ASKING)
        stories = tell(Tellers.of(first, second, house, numbers), numbers, unknown=120)
        yield PrivateScene(noble, api, employer, stories, pins_of(noble, KEYS))


@pytest.fixture(scope="module")
def rotated(
    noble: NobleClient, cluster: EmbeddedUrls, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[PrivateScene]:
    """Two active generations with buckets: 3, at the end of a chain of three, and 5, under which some of the numbers of
    3 have called again. 4 was retired.
    """
    folder, numbers = tmp_path_factory.mktemp("rotated"), fresh_numbers()
    keys = KeyFile({1: KEYS.seeds[1], **{number: secrets.token_bytes(32) for number in (2, 3, 4, 5)}}, bytes(32))
    key_file.write(folder / "keys.json", keys, None)
    with opened_database(cluster, template) as urls, operating(urls) as operator:
        add_generations(operator, keys, {2: 1, 3: 2}, retired=(1, 2))
        with started_here(operator, keys.without(4).without(5), {2: 1, 3: 2}) as (registry, client):
            first, second, house = (new_member(registry, client, kind) for kind in TELLERS)
            employer = new_member(registry, client, "employer", scopes=ASKING)
            tellers = Tellers.of(first, second, house, numbers)
            old = tell(tellers, numbers, unknown=10)
        add_generations(operator, keys, {4: None, 5: None}, retired=(4,))
        with running_api(urls, folder, private_bucket_entries=10) as api:
            move((first, second, house, employer), api)
            new = tell(tellers, numbers, unknown=10)
            again = call_again(tellers, [*old.listed[:2], *old.silent[:1]])
            yield PrivateScene(noble, api, employer, old.and_then(new).and_then(again), pins_of(noble, keys))


def test_the_parameters_vectors_come_out_of_noble(scene: PrivateScene) -> None:
    told = scene.parameters
    key, vectors = told["test_key"], told["test_vectors"]
    (generation,) = told["generations"]
    assert (generation["suite"], generation["batch_max"]) == ("ristretto255-SHA512", 1_000)
    assert (generation["input_prefix"], generation["chain_prefix"]) == (
        "demand-registry|tel|v1|",
        "demand-registry|chain|v1|",
    )
    assert generation["public_key"] == scene.pins[1]
    by_noble = scene.noble.run(
        "tag_vectors",
        **{name: key[name] for name in ("seed", "info", "generation")},
        input_prefix=generation["input_prefix"],
        numbers=[vector["number"] for vector in vectors],
    )
    assert key["public_key"] == by_noble["public_key"]
    assert len(vectors) == 3
    for mine, theirs in zip(by_noble["vectors"], vectors, strict=True):
        assert theirs == {**theirs, "input": mine["input"], "tag": b64(bytes.fromhex(mine["tag"]))}
        assert theirs["set_id"] == mine["set_id"]


@pytest.mark.parametrize("windows", [False, True], ids=["at any time", "in possession windows"])
def test_a_private_check_answers_like_a_check(scene: PrivateScene, windows: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    private, plain = scene.ask_privately(windows=windows, batch=60), scene.ask_plainly(windows=windows)
    assert private["answers"] == plain
    assert {answer["outcome"] for answer in plain} == {"contact_observed", "indeterminate", "none"}
    assert sorted(private["members"]) == sorted(scene.stories.listed)


def test_a_set_is_downloaded_once_an_epoch_and_answered_304_from_then_on(scene: PrivateScene) -> None:
    (generation,) = scene.parameters["generations"]
    listed = len(scene.stories.listed)
    assert (generation["set"]["entries"], generation["set"]["bytes"]) == (listed, 8 * listed)
    assert (generation["set"]["prefix_bits"], generation["set"]["bucket_entries"]) == (0, 0)
    assert scene.ask_privately(numbers=scene.stories.unknown[:2])["downloads"] == {
        "1": [
            {
                "prefix": None,
                "status": 200,
                "etag": generation["set"]["etag"],
                "type": "application/octet-stream",
                "caching": f"private, max-age={scene.parameters['epoch_seconds']}",
                "bytes": 8 * listed,
                "again": 304,
                "again_bytes": 0,
            }
        ]
    }


def test_every_active_generation_is_asked_and_a_chain_is_followed_to_its_end(rotated: PrivateScene) -> None:
    newest, chained = rotated.parameters["generations"]
    assert (newest["generation"], newest["chain"]) == (5, [])
    assert (chained["generation"], [step["generation"] for step in chained["chain"]]) == (3, [1, 2])
    for windows in (False, True):
        private, plain = rotated.ask_privately(windows=windows, whole_set=True), rotated.ask_plainly(windows=windows)
        assert private["answers"] == plain
        assert sorted(private["members"]) == sorted(rotated.stories.listed)
        assert set(private["members"].values()) == {3, 5}


def test_buckets_say_what_the_whole_set_says_and_all_have_one_size(rotated: PrivateScene) -> None:
    some = [*rotated.stories.listed[::4], *rotated.stories.silent[::4], *rotated.stories.unknown[::4]]
    by_bucket, by_set = rotated.ask_privately(numbers=some), rotated.ask_privately(numbers=some, whole_set=True)
    assert by_bucket["answers"] == by_set["answers"]
    assert by_bucket["members"] == by_set["members"]
    for generation in rotated.parameters["generations"]:
        told, name = generation["set"], str(generation["generation"])
        assert told["prefix_bits"] > 8
        assert told["bucket_entries"] > 0
        buckets = by_bucket["downloads"][name]
        assert len(buckets) > len(some) / 2
        assert {one["bytes"] for one in buckets} == {8 * told["bucket_entries"]}
        assert {(one["status"], one["again"], one["again_bytes"]) for one in buckets} == {(200, 304, 0)}
        assert {len(one["prefix"]) for one in buckets} == {3}
        assert len({one["etag"] for one in buckets}) == len(buckets)
        (whole,) = by_set["downloads"][name]
        assert (whole["etag"], whole["bytes"]) == (told["etag"], told["bytes"])


def test_a_generation_is_evaluated_if_an_active_one_needs_it(rotated: PrivateScene) -> None:
    refusals = rotated.noble.run("asked_generations", **rotated.job, generations=[1, 2, 3, 4, 5, 6])
    said = {int(number): refused and (refused["status"], refused["code"]) for number, refused in refusals.items()}
    assert said == {
        **dict.fromkeys((1, 2, 3, 5)),
        4: (410, "retired_generation"),
        6: (400, "unknown_generation"),
    }


def test_noble_refuses_every_answer_that_somebody_had_a_hand_in(scene: PrivateScene) -> None:
    other = pins_of(scene.noble, KeyFile({1: secrets.token_bytes(32)}, bytes(32)))
    said = scene.noble.run("tamperings", **scene.job, numbers=scene.stories.everybody[:9], other_key=other[1])
    assert said == {
        "nothing": None,
        "nothing, asked again": None,
        "one element changed": NOT_PROVED,
        "the last element changed": NOT_PROVED,
        "one element multiplied by two": NOT_PROVED,
        "two elements swapped": NOT_PROVED,
        "two changes that cancel out in a plain sum": NOT_PROVED,
        "one element that was not evaluated": NOT_PROVED,
        "another key": NOT_PROVED,
        "another answer's proof": NOT_PROVED,
        "another answer's elements": NOT_PROVED,
        "a changed proof": NOT_PROVED,
        "a shorter batch on both sides": NOT_PROVED,
        "an answer without its last element": "expected Uint8Array of length 32, got type=undefined",
        "an element cut short": "expected Uint8Array of length 32, got length=31",
        "the identity element": "evaluated point at infinity",
        "bytes that are no element": "invalid ristretto255 encoding 1",
        "a proof cut short": "expected Uint8Array of length 64, got length=63",
    }


def test_a_client_that_pinned_another_key_goes_no_further(scene: PrivateScene) -> None:
    other = pins_of(scene.noble, KeyFile({1: secrets.token_bytes(32)}, bytes(32)))
    said = scene.noble.refused("check", **{**scene.job, "pinned": other}, numbers=scene.stories.listed)
    assert "the public key of generation 1 is not the pinned one" in said


def test_what_is_no_batch_is_refused(scene: PrivateScene) -> None:
    refusals = scene.noble.run("refused_batches", **scene.job)
    said = {
        name: refused and (refused["status"], refused["code"], [(one["pointer"]) for one in refused["errors"]])
        for name, refused in refusals.items()
    }
    blinded = ["/blinded"]
    assert said == {
        "no element": (422, "empty_list", blinded),
        "one element": None,
        "a thousand elements": None,
        "a thousand and one elements": (422, "too_many_items", blinded),
        "a byte too few": (400, "invalid_encoding", blinded),
        "a byte too many": (400, "invalid_encoding", blinded),
        "one byte": (400, "invalid_encoding", blinded),
        "no base64": (400, "invalid_encoding", blinded),
        "no blinded": (422, "missing_field", blinded),
        "no purpose": (422, "missing_field", ["/purpose"]),
        "a generation that never was": (400, "unknown_generation", []),
        "the identity as the last of a thousand": (400, "invalid_element", blinded),
        "two elements that are none": (400, "invalid_element", blinded),
    }
    assert refusals["the identity as the last of a thousand"]["errors"][0]["index"] == 999
    assert refusals["two elements that are none"]["errors"][0]["index"] == 1


def test_bytes_that_encode_no_element_are_refused_with_their_index(scene: PrivateScene) -> None:
    refusals = scene.noble.run("refused_elements", **scene.job)
    published = {f"{why} {i}" for why, encodings in BAD_ENCODINGS.items() for i in range(1, len(encodings) + 1)}
    assert len(published) == 29
    assert len(refusals.keys() - published) == 6
    for name, refused in refusals.items():
        (error,) = refused["errors"]
        assert (refused["status"], refused["code"]) == (400, "invalid_element"), name
        assert (error["pointer"], error["code"], error["index"]) == ("/blinded", "invalid_element", refused["place"])
        assert refused["noble_refuses"], name
