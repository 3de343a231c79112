"""What becomes of a blinded batch (docs/private-checks.md): evaluated and proved, or refused whole."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest
from audit_trail import AuditTrail
from blinding import Batch, Unproved, encoded, set_id, split, tags_through
from holders import tags as tags_of
from house import House, fictional_numbers
from members import hit
from private_asker import PUBLIC_KEYS, PrivateAsker, left_today
from shapes import refusal_of

BAD: Final[dict[str, list[str]]] = json.loads(
    (Path(__file__).parents[1] / "interop" / "rfc9496_bad_encodings.json").read_bytes()
)
"""RFC 9496, appendix A.2: texts of 32 bytes that are no encoding of an element."""
IDENTITY: Final = bytes(32)
GOOD: Final = Batch.of_numbers(["+12065550100", "+12065550101", "+12065550102"]).blinded


@pytest.mark.parametrize("size", [1, 1_000])
def test_a_batch_ends_in_the_tags_that_the_registry_stores(asker: PrivateAsker, house: House, size: int) -> None:
    numbers = [number for number, _ in zip(fictional_numbers(), range(size), strict=False)]
    (chain,) = asker.chains().values()
    tags = tags_through(chain, numbers, asker.evaluate)
    assert len(tags) == size
    some = {0, size // 2, size - 1}
    assert [tags[index] for index in some] == [tags_of(house.registry, numbers[index])[0] for index in some]


def test_the_same_number_is_never_sent_twice_in_the_same_bytes_and_always_ends_in_the_same_tag(
    asker: PrivateAsker,
) -> None:
    batch = Batch.of_numbers(["+12065550100"] * 3)
    assert len(set(split(batch.blinded, 32))) == 3
    evaluated, proof = asker.evaluate(1, batch.blinded)
    assert len(set(split(evaluated, 32))) == 3
    assert len(set(batch.tags(evaluated, proof, PUBLIC_KEYS[1]))) == 1


def test_a_proof_holds_under_the_published_key_for_the_whole_batch_in_its_order_and_for_nothing_else(
    asker: PrivateAsker,
) -> None:
    batch = Batch.of_numbers(["+12065550100", "+12065550101", "+12065550102"])
    evaluated, proof = asker.evaluate(1, batch.blinded)
    other_evaluated, other_proof = asker.evaluate(1, batch.blinded)
    assert len(batch.tags(evaluated, proof, PUBLIC_KEYS[1])) == 3
    assert other_evaluated == evaluated
    assert batch.tags(evaluated, other_proof, PUBLIC_KEYS[1]) == batch.tags(evaluated, proof, PUBLIC_KEYS[1])
    one, two, three = split(evaluated, 32)
    for wrong in (
        (evaluated, proof, PUBLIC_KEYS[2]),
        (two + one + three, proof, PUBLIC_KEYS[1]),
        (one + two + two, proof, PUBLIC_KEYS[1]),
        (one + two, proof, PUBLIC_KEYS[1]),
        (one + two + batch.blinded[64:], proof, PUBLIC_KEYS[1]),
        (evaluated, proof[32:] + proof[:32], PUBLIC_KEYS[1]),
        (evaluated, bytes([proof[0] ^ 1]) + proof[1:], PUBLIC_KEYS[1]),
    ):
        with pytest.raises(Unproved):
            batch.tags(*wrong)


def test_without_generations_each_active_one_is_evaluated_where_its_way_begins(
    rearranged_asker: PrivateAsker,
) -> None:
    batch = Batch.of_numbers(["+12065550100"])
    answer = rearranged_asker.send(batch.blinded)
    assert [told["generation"] for told in answer.json()["evaluations"]] == [4, 2]
    for told in answer.json()["evaluations"]:
        elements, proof = base64.b64decode(told["evaluated"]), base64.b64decode(told["proof"])
        assert (len(elements), len(proof)) == (32, 64)
        assert batch.tags(elements, proof, PUBLIC_KEYS[told["generation"]])


@pytest.mark.parametrize(
    ("asked", "answered"), [([2, 3, 4], [2, 3, 4]), ([4], [4]), ([3, 2], [3, 2]), ([4, 2, 4, 4], [4, 2])]
)
def test_generations_are_answered_in_the_order_in_which_they_are_asked(
    rearranged_asker: PrivateAsker, asked: list[int], answered: list[int]
) -> None:
    answer = rearranged_asker.send(GOOD, generations=asked)
    assert [told["generation"] for told in answer.json()["evaluations"]] == answered


def test_a_chained_generation_is_reached_by_evaluating_twice(rearranged: House, rearranged_asker: PrivateAsker) -> None:
    house, asker = rearranged, rearranged_asker
    numbers = ["+12065550100", "+12065550177"]
    found = asker.tags(numbers)
    assert list(found) == [4, 3]
    assert list(zip(found[4], found[3], strict=True)) == [tags_of(house.registry, number) for number in numbers]


def test_a_listed_number_is_found_through_the_chain(rearranged: House, rearranged_asker: PrivateAsker) -> None:
    house, asker = rearranged, rearranged_asker
    investigator = house.member("investigator")
    investigator.record(hit(investigator.register_decoy("+12065550199"), "+12065550177"))
    house.clock.advance(seconds=300)
    told = asker.ask([{"number": "+12065550177"}, {"number": "+12065550178"}])
    assert [outcome for outcome, _, _ in told] == ["contact_observed", "none"]
    newest = asker.tags(["+12065550177"])[4][0]
    assert set_id(4, newest) in asker.set_ids(4)
    assert asker.set_ids(3) == []


@pytest.mark.parametrize(
    ("blinded", "status", "code"),
    [
        ("", 422, "empty_list"),
        (bytes(0), 422, "empty_list"),
        (GOOD[:31], 400, "invalid_encoding"),
        (GOOD[:-1], 400, "invalid_encoding"),
        (GOOD + b"\0", 400, "invalid_encoding"),
        (encoded(GOOD[:32]).rstrip("="), 400, "invalid_encoding"),
        (encoded(GOOD[:32]) + "=", 400, "invalid_encoding"),
        (encoded(GOOD[:32]) + "\n", 400, "invalid_encoding"),
        (encoded(GOOD[:32])[:10] + "-_" + encoded(GOOD[:32])[12:], 400, "invalid_encoding"),
        (encoded(GOOD[:32])[:10] + " " + encoded(GOOD[:32])[11:], 400, "invalid_encoding"),
        (GOOD[:32].hex() + "!", 400, "invalid_encoding"),
        ("\u00e9" * 44, 400, "invalid_encoding"),
        (GOOD[:32] * 1_001, 422, "too_many_items"),
        ("A" * 200_000, 422, "too_many_items"),
        (5, 422, "wrong_type"),
        ([encoded(GOOD)], 422, "wrong_type"),
        (True, 422, "wrong_type"),
    ],
    ids=lambda value: str(value) if len(str(value)) < 20 else "batch",  # blinded anew in every process
)
def test_a_batch_that_is_none_is_refused_for_its_shape_and_not_charged(
    uncharged: PrivateAsker, trail: AuditTrail, blinded: Any, status: int, code: str
) -> None:
    answer = uncharged.send(blinded)
    refusal_of(answer, status, code, "/blinded")
    assert left_today(answer) == 5
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("evaluate_blinded", code)
    assert event["count"] == {"submitted": 0, "charged": 0}


def test_a_batch_of_url_safe_base64_is_refused(asker: PrivateAsker) -> None:
    data = next(batch for batch in iter(lambda: Batch.of([b"x"]).blinded, b"") if set(encoded(batch)) & set("+/"))
    assert asker.send(encoded(data)).status_code == 200
    refusal_of(asker.send(base64.urlsafe_b64encode(data).decode()), 400, "invalid_encoding", "/blinded")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"purpose": None}, "missing_field", "/purpose"),
        ({"purpose": "curiosity"}, "invalid_value", "/purpose"),
        ({"blinded": None}, "missing_field", "/blinded"),
        ({"numbers": ["+12065550100"]}, "unknown_field", "/numbers"),
        ({"case_ref": "206-555-0188"}, "number_in_text", "/case_ref"),
        ({"case_ref": "2065550188"}, "number_in_text", "/case_ref"),
        ({"case_ref": 7}, "wrong_type", "/case_ref"),
        ({"generations": []}, "empty_list", "/generations"),
        ({"generations": [1] * 17}, "too_many_items", "/generations"),
        ({"generations": 1}, "wrong_type", "/generations"),
        ({"generations": ["1"]}, "wrong_type", "/generations/0"),
        ({"generations": [1, 1.5]}, "wrong_type", "/generations/1"),
        ({"generations": [True]}, "wrong_type", "/generations/0"),
        ({"generations": [0]}, "invalid_value", "/generations/0"),
        ({"generations": [1, 32_768]}, "invalid_value", "/generations/1"),
    ],
)
def test_a_field_that_is_wrong_is_named_and_nothing_is_charged(
    uncharged: PrivateAsker, trail: AuditTrail, change: dict[str, Any], code: str, pointer: str
) -> None:
    body = {"purpose": "company_number", "blinded": encoded(GOOD), **change}
    kept = {name: value for name, value in body.items() if value is not None}
    answer = uncharged.member.post("/v1/private/evaluations", kept)
    refusal_of(answer, 422, code, pointer)
    assert "5550188" not in answer.text
    assert left_today(answer) == 5
    assert trail.only(answer)["count"] == {"submitted": 0, "charged": 0}


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(IDENTITY, id="identity"),
        pytest.param(b"\xff" * 32, id="above the field"),
        *(
            pytest.param(bytes.fromhex(text), id=f"{kind} {number}")
            for kind, texts in BAD.items()
            for number, text in enumerate(texts)
        ),
    ],
)
def test_what_is_no_element_of_the_group_or_its_identity_refuses_the_batch(asker: PrivateAsker, element: bytes) -> None:
    answer = asker.send(GOOD[:32] + element + GOOD[32:])
    problem = refusal_of(answer, 400, "invalid_element", "/blinded")
    (entry,) = problem["errors"]
    assert entry["index"] == 1
    assert element.hex() not in answer.text
    assert encoded(element) not in answer.text


@pytest.mark.parametrize(("bad", "first"), [([0], 0), ([2], 2), ([1, 2], 1), ([0, 1, 2], 0)])
def test_the_first_element_that_is_none_is_named_and_all_are_charged(
    thrifty: PrivateAsker, trail: AuditTrail, bad: list[int], first: int
) -> None:
    elements = split(GOOD, 32)
    for index in bad:
        elements[index] = IDENTITY
    answer = thrifty.send(b"".join(elements))
    problem = refusal_of(answer, 400, "invalid_element", "/blinded")
    assert problem["errors"][0]["index"] == first
    assert left_today(answer) == 2
    event = trail.only(answer)
    assert (event["result"], event["count"]) == ("invalid_element", {"submitted": 3, "charged": 3})
    assert (event["purpose"], event["subjects"]) == ("company_number", None)


@pytest.mark.parametrize(
    ("generations", "status", "code"),
    [
        ([5], 400, "unknown_generation"),
        ([32_767, 4], 400, "unknown_generation"),
        ([4, 5], 400, "unknown_generation"),
        ([1], 410, "retired_generation"),
        ([4, 1], 410, "retired_generation"),
    ],
)
def test_a_generation_that_is_not_evaluated_is_refused_and_the_numbers_are_charged(
    rearranged: House, rearranged_asker: PrivateAsker, generations: list[int], status: int, code: str
) -> None:
    answer = rearranged_asker.send(GOOD, generations=generations)
    refusal_of(answer, status, code)
    assert AuditTrail(rearranged.superuser).only(answer)["count"] == {"submitted": 3, "charged": 3}
