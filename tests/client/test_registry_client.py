"""Every method of the client against the real API."""

import copy
import pickle
from datetime import date

import pytest
from client_scene import SEEN_AGAIN_ON, SEEN_ON, Scene, left
from members import Member

import registry.client
from registry.client import (
    Disclosure,
    Evidence,
    InvalidRequest,
    InvalidTarget,
    Question,
    QuotaExceeded,
    RegistryClient,
    Unauthorized,
    UnencryptedWarning,
)
from registry.client._oprf import BlindedBatch
from registry.domain.tags import set_id, tag_of, tel_input

PURPOSE = "company_number"


def test_a_lookup_is_answered_with_its_evidence(scene: Scene, registry_client: RegistryClient) -> None:
    told = registry_client.look_up(scene.seen[0][2:], region="US", purpose=PURPOSE, case_ref="HR-2026-118")
    answer = told.answer
    assert (answer.number, answer.outcome, answer.reason, answer.problem) == (
        scene.seen[0],
        "contact_observed",
        None,
        None,
    )
    assert answer.evidence == Evidence(
        "repeated", 2, 1, 1, date.fromisoformat(SEEN_ON), date.fromisoformat(SEEN_AGAIN_ON), ("sms",), "2026-12.4"
    )
    assert told.guidance == "/guidance"
    assert told.audit_id


def test_dates_of_possession_travel_with_the_question(scene: Scene, registry_client: RegistryClient) -> None:
    day = date.fromisoformat(SEEN_ON)
    told = registry_client.look_up(scene.seen[1], purpose=PURPOSE, possessed_since=day, possessed_until=day)
    assert (told.answer.outcome, told.answer.reason) == ("indeterminate", "possession_boundary")


def test_a_check_answers_every_question_in_order(scene: Scene, registry_client: RegistryClient) -> None:
    (unseen,) = scene.fresh(1)
    questions = [
        Question(scene.seen[1], ref="a"),
        Question("withheld"),
        Question(f"{unseen} x9"),
        Question(scene.disputed),
    ]
    told = registry_client.check(questions, purpose=PURPOSE)
    assert [one.outcome for one in told.results] == ["contact_observed", None, "none", "indeterminate"]
    assert [one.ref for one in told.results] == ["a", None, None, None]
    assert told.results[1].problem is not None
    assert told.results[1].problem.code == "withheld"
    assert told.results[2].notes == ("extension_ignored",)
    assert told.counts == {"contact_observed": 1, "none": 1, "indeterminate": 1, "refused": 1}


def test_the_account_says_who_asks_and_what_is_left(registry_client: RegistryClient, asker: Member) -> None:
    account = registry_client.account()
    assert account.kind == "employer"
    assert set(account.scopes) == {"lookups", "private"}
    assert {limit.name: limit.unit for limit in account.limits} == {"key": "requests", "org-day": "numbers"}
    assert next(limit.remaining for limit in account.limits if limit.name == "org-day") == left(asker)


def test_the_steps_of_a_private_check_one_by_one(scene: Scene, registry_client: RegistryClient, asker: Member) -> None:
    before = left(asker)
    parameters = registry_client.parameters()
    parameters.check_vectors()
    (generation,) = parameters.generations
    assert generation.set.entries == len(scene.seen)
    batch = BlindedBatch([tel_input(scene.seen[1]), tel_input(scene.fresh(1)[0])])
    told = registry_client.evaluate(batch.elements, purpose=PURPOSE)
    (evaluation,) = told.evaluations
    tags = [
        tag_of(output)
        for output in batch.finalize(evaluation.evaluated, evaluation.proof, generation.path[0].public_key)
    ]
    listed = registry_client.listed_set(generation.number)
    assert listed is not None
    assert len(listed) == len(scene.seen)
    assert [set_id(generation.number, tag) in listed for tag in tags] == [True, False]
    assert registry_client.listed_set(generation.number, etag=listed.etag) is None
    assert generation.set.etag == listed.etag
    answers = registry_client.disclose([Disclosure(tag, ref=str(at)) for at, tag in enumerate(tags)], purpose=PURPOSE)
    assert [(one.ref, one.outcome) for one in answers.results] == [("0", "contact_observed"), ("1", "none")]
    assert before - left(asker) == 4


def test_a_repeated_question_under_one_key_costs_once(
    scene: Scene, registry_client: RegistryClient, asker: Member
) -> None:
    before = left(asker)
    questions = [Question(scene.seen[1])]
    for _ in range(3):
        registry_client.check(questions, purpose=PURPOSE, idempotency_key="the-very-same")
    assert before - left(asker) == 1
    registry_client.check(questions, purpose=PURPOSE)
    assert before - left(asker) == 2


@pytest.mark.parametrize("generation", [2, 77])
def test_a_generation_that_is_not_there_is_refused(registry_client: RegistryClient, generation: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry_client.evaluate(BlindedBatch([b"x"]).elements, purpose=PURPOSE, generations=[generation])
    assert caught.value.code == "unknown_generation"


def test_an_element_that_is_none_is_named_by_its_index(registry_client: RegistryClient) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry_client.evaluate(BlindedBatch([b"x"]).elements + bytes(32), purpose=PURPOSE)
    assert (caught.value.code, caught.value.status) == ("invalid_element", 400)
    assert [(error.pointer, error.index) for error in caught.value.errors] == [("/blinded", 1)]
    assert "/blinded" in str(caught.value)


def test_a_wrong_key_is_unauthorized(scene: Scene) -> None:
    with RegistryClient(scene.url, "drk_test_" + "a" * 46) as client, pytest.raises(Unauthorized) as caught:
        client.account()
    assert (caught.value.status, caught.value.code) == (401, "unauthorized")
    assert caught.value.request_id
    assert "aaaa" not in str(caught.value)


def test_a_key_without_the_scope_is_unauthorized(scene: Scene) -> None:
    with scene.client(scene.house.member("employer")) as client, pytest.raises(Unauthorized):
        client.parameters()


def test_a_day_without_numbers_left_is_told_with_its_end(scene: Scene) -> None:
    member = scene.asker(numbers_per_day=2)
    with scene.client(member) as client, pytest.raises(QuotaExceeded) as caught:
        client.check([Question(number) for number in scene.fresh(3)], purpose=PURPOSE)
    assert (caught.value.status, caught.value.code) == (429, "quota_exceeded")
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


def test_requests_over_the_minutes_limit_wait_and_succeed(scene: Scene) -> None:
    member = scene.asker(requests_per_minute=60)
    with scene.client(member) as client:
        for _ in range(62):
            client.account()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.example",
        "ftp://registry.example",
        "https://",
        "https://a/?b",
        "http://a b",
        "http://u@a",
        "http://a:x",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidTarget):
        RegistryClient(url, "drk_test_abc")


@pytest.mark.parametrize("key", ["", "hunter2", "drk_live_\xe4", "drk_live_a b"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        RegistryClient("https://registry.example", key)
    assert not key or key not in str(caught.value)


def test_an_open_road_is_warned_about() -> None:
    with pytest.warns(UnencryptedWarning, match="http"):
        RegistryClient("http://registry.example", "drk_test_abc").close()


def test_nothing_shows_a_key_a_number_or_a_tag(scene: Scene, registry_client: RegistryClient, asker: Member) -> None:
    question = Question(scene.seen[0], ref=scene.seen[0])
    told = registry_client.look_up(scene.seen[0], purpose=PURPOSE)
    disclosure = Disclosure(b"\x01" * 32)
    shown = repr([registry_client, question, told, disclosure, registry_client.check([question], purpose=PURPOSE)])
    for secret in (asker.key, scene.seen[0][1:], "\\x01"):
        assert secret not in shown
    for attempt in (copy.copy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(registry_client)


def test_the_package_offers_what_it_lists_and_nothing_else() -> None:
    for name in registry.client.__all__:
        assert getattr(registry.client, name).__name__ == name
    with pytest.raises(AttributeError):
        registry.client.Nothing  # noqa: B018 - that it is not there is the point
