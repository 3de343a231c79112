"""What a SIEM gets, held against OCSF 1.8.0's own requirements (tests/vectors/ocsf, derived from its schema)."""

import importlib
import json
import pkgutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from ocsf_schema import SCHEMA, assert_api_activity, problems

import registry.operations
from registry.domain.audit import HOLD_FLOOD, Actor, Event, Requested
from registry.domain.errors import Code
from registry.domain.ocsf import api_activity
from registry.domain.operation_names import OperationName
from registry.operations.operation import Operation

ORGANISATION: Final = UUID("019a0000-0000-7000-8000-00000000000a")
EVENT: Final = Event(
    id=UUID("019a8000-0000-7000-8000-000000000001"),
    time=datetime(2026, 11, 15, 12, 0, 0, 123_999, tzinfo=UTC),
    operation="look_up",
    result="ok",
    actor=Actor(ORGANISATION, "4fJq0ZtB"),
    request=Requested(UUID("019a8000-0000-7000-8000-000000000002"), "POST /v1/lookups"),
    nonce=bytes(range(16)),
    purpose="company_number",
    case="HR-118",
    count={"submitted": 1, "charged": 1, "contact_observed": 1},
    policy="2026-12",
    disclosed=[bytes(32)],
)


def mapped(event: Event, index: int | None = 7) -> dict[str, Any]:
    """The line, held against the schema, and its captions against its numbers."""
    line = api_activity(event.body(), index)
    assert b"\n" not in line
    found: dict[str, Any] = json.loads(line)
    assert_api_activity(found)
    return found


def every_operation() -> set[str]:
    """The names of all operations, as the audit log keeps them."""
    for module in pkgutil.iter_modules(registry.operations.__path__, "registry.operations."):
        importlib.import_module(module.name)
    found: list[Any] = [Operation]
    for one in found:
        found += one.__subclasses__()
    return {str(one.name) for one in found if hasattr(one, "name") and one.__module__.startswith("registry.")}


def test_events_can_be_asked_for_by_the_name_of_every_operation() -> None:
    assert {name.value for name in OperationName} == every_operation() | {HOLD_FLOOD}


def test_the_check_finds_what_does_not_fit() -> None:
    found = mapped(EVENT)
    del found["time"]
    found |= {"activity_id": 5, "colour": "red", "src_endpoint": {"type_id": 0}, "status_code": 7}
    assert set(problems(found, {"attributes": SCHEMA["class"]}, "event")) == {
        "event.time is required",
        "event.activity_id is none of the enumeration",
        "event.colour is no attribute",
        "event.status_code is no string_t",
        f"event.src_endpoint has none of {SCHEMA['objects']['network_endpoint']['constraints']['at_least_one']}",
    }


def test_a_lookup_is_a_read_by_a_service_of_its_organisation() -> None:
    assert mapped(EVENT) == {
        "activity_id": 2,
        "activity_name": "Read",
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": 6003,
        "class_name": "API Activity",
        "type_uid": 600302,
        "type_name": "API Activity: Read",
        "severity_id": 1,
        "severity": "Informational",
        "status_id": 1,
        "status": "Success",
        "status_code": "ok",
        "time": 1_794_744_000_123,
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "Demand Registry", "vendor_name": "Demand Registry"},
            "uid": "aa52c080-6bde-5d56-9f30-deb50202e2cc",
            "original_event_uid": "019a8000-0000-7000-8000-000000000001",
            "original_time": "2026-11-15T12:00:00.123999Z",
            "event_code": "look_up",
            "correlation_uid": "019a8000-0000-7000-8000-000000000002",
            "log_name": "audit",
            "log_version": "1",
            "sequence": 7,
        },
        "actor": {
            "user": {"uid": "4fJq0ZtB", "type_id": 4, "type": "Service", "org": {"uid": str(ORGANISATION)}},
        },
        "api": {
            "operation": "look_up",
            "request": {"uid": "019a8000-0000-7000-8000-000000000002"},
            "service": {"name": "Demand Registry"},
        },
        "src_endpoint": {"name": "unknown", "type_id": 0, "type": "Unknown"},
        "unmapped": {
            "index": 7,
            "route": "POST /v1/lookups",
            "purpose": "company_number",
            "case": "HR-118",
            "count": {"submitted": 1, "charged": 1, "contact_observed": 1},
            "policy": "2026-12",
            "subjects": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
        },
    }


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_is_a_failure_that_keeps_its_code(code: Code) -> None:
    found = mapped(replace(EVENT, result=code))
    assert (found["status_id"], found["status_code"]) == (2, code)
    assert found["api"]["response"] == {"error": code}


def test_an_event_that_is_not_sealed_has_no_place_yet() -> None:
    found = mapped(EVENT, index=None)
    assert "sequence" not in found["metadata"]
    assert "index" not in found["unmapped"]
    assert mapped(EVENT, index=0)["metadata"]["sequence"] == 0


def test_the_command_line_is_an_application_and_no_user() -> None:
    event = replace(EVENT, actor=Actor(), request=Requested(EVENT.request.id, "cli keys issue"))
    assert mapped(event)["actor"] == {"app_name": "demand-registry"}


def test_what_the_registry_holds_back_by_itself_is_its_own_doing() -> None:
    event = replace(EVENT, actor=Actor(), operation=HOLD_FLOOD, request=Requested(EVENT.request.id, "POST /v1/hits"))
    assert mapped(event)["actor"] == {"app_name": "demand-registry"}


@pytest.mark.parametrize(
    ("actor", "user"),
    [
        (Actor(), {"name": "unknown", "type_id": 0, "type": "Unknown"}),
        (Actor(key="4fJq0ZtB"), {"uid": "4fJq0ZtB", "type_id": 4, "type": "Service"}),
    ],
)
def test_of_a_caller_that_was_not_admitted_no_more_is_said_than_is_known(actor: Actor, user: dict[str, Any]) -> None:
    assert mapped(replace(EVENT, actor=actor, result=Code.UNAUTHORIZED))["actor"] == {"user": user}


def test_who_is_acted_for_and_under_which_generation_is_not_lost() -> None:
    actor = replace(EVENT.actor, on_behalf_of=ORGANISATION)
    unmapped = mapped(replace(EVENT, actor=actor, generation=2))["unmapped"]
    assert (unmapped["on_behalf_of"], unmapped["generation"]) == (str(ORGANISATION), 2)


def test_every_operation_says_what_it_does() -> None:
    names = every_operation()
    assert {"look_up", "record_hits", "export_events", "drop_event_bodies"} <= names
    assert {name for name in names if mapped(replace(EVENT, operation=name))["activity_id"] == 99} == set()


@pytest.mark.parametrize(
    ("operation", "activity"),
    [
        ("record_hits", 1),
        ("import_hits", 1),
        ("import_hits_dry_run", 2),
        ("drop_event_bodies", 4),
        ("drop_event_bodies_dry_run", 2),
        ("remove_exclusion", 4),
        ("retract_hit", 3),
        ("retract_hits", 3),
        ("retract_hits_dry_run", 2),
        ("list_keys", 2),
        (HOLD_FLOOD, 3),
        ("what_nobody_knows", 99),
    ],
)
def test_operations_are_what_their_names_say(operation: str, activity: int) -> None:
    assert mapped(replace(EVENT, operation=operation))["activity_id"] == activity


def test_the_same_event_has_the_same_identity_in_every_export_and_another_one_another() -> None:
    first = mapped(EVENT)["metadata"]["uid"]
    assert mapped(EVENT, index=None)["metadata"]["uid"] == first
    assert mapped(replace(EVENT, id=EVENT.request.id))["metadata"]["uid"] != first
