"""The committed OpenAPI document: it is what the code says, and it says what a client needs."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import jsonschema_rs
import pytest
import schemathesis

from api import openapi
from api.blank import blank_app
from api.problems import CATALOGUE, MEDIA_TYPE
from registry.domain.credentials import Scope
from registry.domain.errors import Code

DOCUMENT: Final[dict[str, Any]] = json.loads(openapi.PATH.read_bytes())
# Clients' generated code is named by these. One that changes, or goes, breaks them.
OPERATION_IDS: Final = {
    "POST /v1/lookups": "createLookup",
    "POST /v1/checks": "createCheck",
    "POST /v1/checks/files": "checkFile",
    "GET /v1/private/parameters": "getPrivateParameters",
    "POST /v1/private/evaluations": "createPrivateEvaluation",
    "GET /v1/private/set": "getPrivateSet",
    "GET /v1/private/set/{prefix}": "getPrivateBucket",
    "POST /v1/private/disclosures": "createPrivateDisclosure",
    "POST /v1/decoys": "createDecoy",
    "GET /v1/decoys": "listDecoys",
    "PATCH /v1/decoys/{decoy_id}": "changeDecoy",
    "POST /v1/decoys/{decoy_id}/quarantine": "quarantineDecoy",
    "POST /v1/decoys/{decoy_id}/release": "releaseDecoy",
    "GET /v1/statistics/baseline": "getBaseline",
    "POST /v1/decoys/{decoy_id}/intake-token": "issueIntakeToken",
    "POST /v1/decoys/{decoy_id}/intake-token/removal": "removeIntakeToken",
    "POST /v1/provider-credentials": "addProviderCredential",
    "GET /v1/provider-credentials": "listProviderCredentials",
    "POST /v1/provider-credentials/{credential_id}/retirement": "retireProviderCredential",
    "POST /v1/intake/{provider}/{token}": "takeIn",
    "POST /v1/hits/imports": "importHits",
    "POST /v1/hits/retractions": "retractHits",
    "POST /v1/hits": "createHits",
    "GET /v1/hits": "listHits",
    "POST /v1/hits/{hit_id}/retraction": "retractHit",
    "GET /v1/account": "getAccount",
    "POST /v1/organisations": "createOrganisation",
    "GET /v1/organisations": "listOrganisations",
    "POST /v1/organisations/{organisation_id}/suspension": "suspendOrganisation",
    "POST /v1/organisations/{organisation_id}/resumption": "resumeOrganisation",
    "PATCH /v1/organisations/{organisation_id}/limits": "setLimits",
    "POST /v1/organisations/{organisation_id}/keys": "issueKey",
    "GET /v1/organisations/{organisation_id}/keys": "listKeys",
    "POST /v1/keys/{key_id}/revocation": "revokeKey",
    "PATCH /v1/keys/{key_id}": "expireKey",
    "POST /v1/exclusions": "addExclusion",
    "GET /v1/exclusions": "listExclusions",
    "POST /v1/exclusions/removals": "removeExclusion",
    "POST /v1/exclusions/removals/files": "removeExclusionFile",
    "POST /v1/exclusions/imports": "importExclusions",
    "POST /v1/exclusions/{exclusion_id}/removal": "endExclusion",
    "POST /v1/disputes": "openDispute",
    "GET /v1/disputes": "listDisputes",
    "POST /v1/disputes/{dispute_id}/closure": "closeDispute",
    "POST /v1/subjects/disclosures": "listSubjectDisclosures",
    "GET /v1/audit/events": "listEvents",
    "GET /v1/audit/events/{event_id}/proof": "proveEvent",
    "GET /log/checkpoint": "getCheckpoint",
    "GET /log/tile/{level}/{index}": "getTile",
    "GET /v1/audit/consistency": "getConsistency",
    "GET /health/live": "getLiveness",
    "GET /health/ready": "getReadiness",
    "GET /metrics": "getMetrics",
}
WITHOUT_KEY: Final = {
    *("getLiveness", "getReadiness", "getMetrics"),
    "takeIn",  # signed by the provider instead
    *("getCheckpoint", "getTile", "getConsistency"),  # hashes and signatures, for any stranger
}
STREAMED: Final = {"checkFile", "importHits", "importExclusions", "removeExclusionFile"}
SENT_AGAIN: Final = {"retractHits"}
"""Does the rest when it is sent again, where a stored answer would do nothing."""
QUESTIONS: Final = {
    *("createLookup", "createCheck", "createPrivateEvaluation", "createPrivateDisclosure"),
    "listSubjectDisclosures",
}

OPERATIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    operation["operationId"]: (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
PROTECTED: Final = sorted(set(OPERATIONS) - WITHOUT_KEY)


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """Of a schema of the document, whose references lead into it. Formats count."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True, ignore_unknown_formats=False)


def _nodes(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the document with where it stands, but for what stands in examples."""
    members: list[tuple[str, Any]] = []
    if isinstance(node, dict):
        found = cast("dict[str, Any]", node)
        yield place, found
        members = list(found.items())
    elif isinstance(node, list):
        members = [(str(index), value) for index, value in enumerate(cast("Sequence[Any]", node))]
    for name, value in members:
        if name not in {"example", "examples"}:
            yield from _nodes(value, f"{place}/{name}")


def test_the_committed_document_is_what_the_code_says() -> None:
    """Otherwise: python -m api.openapi --write, and look at the difference."""
    assert openapi.PATH.read_text(encoding="utf-8") == openapi.render(blank_app())


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert openapi.render(blank_app()) == openapi.render(blank_app())


def test_the_document_is_openapi_3_1_and_valid() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_operation_ids_are_stable() -> None:
    assert {where: operation for operation, (where, _) in OPERATIONS.items()} == OPERATION_IDS
    assert len(OPERATIONS) == len(OPERATION_IDS), "no two operations share an id"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_is(operation: str) -> None:
    described = OPERATIONS[operation][1]
    assert described["summary"]
    assert len(described["tags"]) == 1


@pytest.mark.parametrize("operation", PROTECTED)
def test_every_protected_operation_wants_a_key_and_names_its_scope(operation: str) -> None:
    described = OPERATIONS[operation][1]
    assert described["security"] == [{"key": []}]
    named = [scope for scope in Scope if f"scope `{scope}`" in described["description"]]
    assert len(named) == 1 or "Open to any key" in described["description"]


@pytest.mark.parametrize("operation", sorted(WITHOUT_KEY))
def test_nothing_else_is_open(operation: str) -> None:
    assert "security" not in OPERATIONS[operation][1]


def test_the_key_is_a_bearer_token() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert set(schemes) == {"key"}
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")


def _problems(operation: str) -> dict[str, dict[str, Any]]:
    """Problem code -> its example, of all problems that the operation lists."""
    responses = OPERATIONS[operation][1]["responses"]
    return {
        code: {"status": status, **example}
        for status, answer in responses.items()
        for code, example in answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items()
    }


@pytest.mark.parametrize("operation", PROTECTED)
def test_every_protected_operation_lists_what_can_happen_to_any_request(operation: str) -> None:
    anything = {Code.UNAUTHORIZED, Code.QUOTA_EXCEEDED, Code.DATABASE_UNAVAILABLE, Code.OVERLOADED, Code.INTERNAL}
    assert {code.value for code in anything} <= set(_problems(operation))


@pytest.mark.parametrize("operation", PROTECTED)
def test_every_problem_has_an_example_that_is_one(operation: str) -> None:
    responses: dict[str, Any] = OPERATIONS[operation][1]["responses"]
    validate = _validator({"$ref": "#/components/schemas/ProblemDetails"})
    for status, answer in responses.items():
        if status.startswith("2"):
            continue
        if status == "304":
            assert "content" not in answer
            continue
        assert set(answer["content"]) == {MEDIA_TYPE}
        assert answer["content"][MEDIA_TYPE]["examples"]
    for code, example in _problems(operation).items():
        assert example["summary"] == CATALOGUE[Code(code)].title
        assert example["value"]["code"] == code
        assert str(example["value"]["status"]) == example["status"]
        validate.validate(example["value"])


@pytest.mark.parametrize("operation", PROTECTED)
def test_every_answer_says_which_limits_hold(operation: str) -> None:
    for status, answer in OPERATIONS[operation][1]["responses"].items():
        if status.startswith("2"):
            assert {"RateLimit", "RateLimit-Policy"} <= set(answer["headers"])


@pytest.mark.parametrize(
    "operation", [name for name in PROTECTED if OPERATION_IDS[OPERATIONS[name][0]] not in STREAMED | SENT_AGAIN]
)
def test_what_has_a_body_can_be_repeated_under_a_key_of_its_own(operation: str) -> None:
    """A question is answered anew while its first is still answered; a write has to wait for the first one's answer."""
    where, described = OPERATIONS[operation]
    names = {parameter["name"] for parameter in described.get("parameters", [])}
    told = _problems(operation).keys() & {"idempotency_key_reused", "idempotency_key_in_use"}
    if where.startswith("GET"):
        assert ("Idempotency-Key" in names, told) == (False, set())
    elif operation in QUESTIONS:
        assert ("Idempotency-Key" in names, told) == (True, {"idempotency_key_reused"})
    else:
        assert ("Idempotency-Key" in names, told) == (True, {"idempotency_key_reused", "idempotency_key_in_use"})


def test_numbers_travel_only_in_bodies() -> None:
    for where, described in OPERATIONS.values():
        names = {parameter["name"] for parameter in described.get("parameters", [])}
        assert not {name for name in names if re.search(r"number$|phone|msisdn|e164", name)}, where


def test_every_example_is_valid_where_it_stands() -> None:
    """Of members, parameters, headers and bodies; problems have their own test."""
    seen = 0
    for place, node in _nodes(DOCUMENT):
        schema = node.get("schema", node)
        examples: list[Any] = [node["example"]] if "example" in node else []
        if isinstance(node.get("examples"), list):
            examples += node["examples"]
        for example in examples:
            assert _validator(schema).is_valid(example), place
            seen += 1
    assert seen > 30


def test_an_example_that_is_none_would_be_found() -> None:
    assert not _validator({"$ref": "#/components/schemas/Purpose"}).is_valid("curiosity")
    assert not _validator({"type": "string", "format": "uuid"}).is_valid("0198")


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text))
    assert references == set(DOCUMENT["components"]["schemas"])


def test_bodies_take_and_hold_only_what_is_described() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_no_schema_takes_just_any_object() -> None:
    for place, schema in _nodes(DOCUMENT["components"]["schemas"]):
        assert schema.get("type") != "object" or "properties" in schema, place


def test_a_contact_is_never_called_more_than_that() -> None:
    """The registry says `contact_observed`, in the API and in prose."""
    assert "contact_observed" in DOCUMENT["components"]["schemas"]["Outcome"]["enum"]
    more = re.compile(r"\b(b.yer|john|offender|suspect|perpetrator|criminal)s?\b", re.IGNORECASE)
    assert more.search(json.dumps(DOCUMENT)) is None
