"""GET /v1/audit/events: who sees which events, in which order, and what an event shows."""

import hashlib
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import rfc8785
from audit_trail import MEMBERS, AuditTrail
from log_scene import READING, LogScene, opened_log_scene
from members import Member
from shapes import PAGE, refusal_of
from statements import counted

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope

PATH = "/v1/audit/events"


@pytest.fixture(scope="module")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[LogScene]:
    with opened_log_scene(cluster, template) as opened:
        yield opened


@pytest.fixture
def reader(scene: LogScene) -> Member:
    """An organisation of nobody else's, which has done nothing yet."""
    return scene.house.member("employer", scopes=READING)


def ids(page: Any) -> list[str]:
    return [event["id"] for event in page["data"]]


def at(scene: LogScene, moment: datetime, member: Member) -> str:
    """The id of a lookup at this moment of the registry's clock."""
    before, scene.house.clock.now = scene.house.clock.now, moment
    try:
        return str(member.look_up("+12065550177")["audit_id"])
    finally:
        scene.house.clock.now = before


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_an_organisation_sees_its_own_events_newest_first(scene: LogScene, reader: Member) -> None:
    first, second = scene.ask(reader), scene.ask(reader, case_ref="HR-2026-118")
    scene.ask(scene.other)
    page = scene.events(reader)
    assert page.keys() == PAGE
    assert ids(page) == [second, first]
    assert [event["case"] for event in page["data"]] == ["HR-2026-118", None]
    assert {event["actor"]["organisation"] for event in page["data"]} == {str(reader.id)}


def test_an_event_shows_the_members_of_its_body_which_are_the_bytes_that_its_leaf_hashes(
    scene: LogScene, reader: Member
) -> None:
    id_ = scene.ask(reader)
    (event,) = scene.events(reader)["data"]
    assert event.keys() == MEMBERS | {"index"}
    assert event["index"] is None
    scene.seal()
    scene.house.clock.advance(seconds=1)
    (sealed,) = scene.events(reader, operation="look_up")["data"]
    index, leaf = scene.row(
        "SELECT l.idx, l.hash FROM audit.event e JOIN audit.leaf l USING (xid, id) WHERE e.event_id = %s", id_
    )
    assert sealed == {**event, "index": index}
    del sealed["index"]
    assert hashlib.sha256(b"\x00" + rfc8785.dumps(sealed)).digest() == leaf


def test_the_operator_sees_what_everybody_did_and_can_ask_for_one_organisation(scene: LogScene) -> None:
    asked = [scene.ask(member) for member in (scene.employer, scene.other, scene.operator)]
    everything = scene.events(scene.operator, limit=500)["data"]
    assert [event["id"] for event in everything if event["id"] in asked] == asked[::-1]
    assert None in {event["actor"]["organisation"] for event in everything}, "the command line's are among them"
    for member, id_ in zip((scene.employer, scene.other), asked, strict=False):
        assert ids(scene.events(scene.operator, organisation=str(member.id)))[0] == id_
    assert ids(scene.events(scene.operator, organisation=str(uuid4()))) == []


def test_another_organisations_events_are_no_more_there_than_those_of_none(scene: LogScene) -> None:
    scene.ask(scene.other)
    foreign, nobody = (scene.employer.get(PATH, params={"organisation": str(id_)}) for id_ in (scene.other.id, uuid4()))
    for answer in (foreign, nobody):
        assert answer.status_code == 200
        assert {**answer.json(), "audit_id": None} == {"data": [], "next_cursor": None, "audit_id": None}
    own = ids(scene.events(scene.employer, organisation=str(scene.employer.id)))
    assert own
    assert own[-1] == ids(scene.events(scene.employer))[-1]


def test_nothing_of_who_was_behind_a_request_is_listed(scene: LogScene, reader: Member) -> None:
    reader.look_up("+12065550177")
    answer = scene.operator.get(PATH, params={"limit": 500})
    nonce, address, user_agent = AuditTrail(scene.house.superuser).private(ids(scene.events(reader))[-1])
    for private in (address, user_agent, nonce.hex()):
        assert private
        assert private not in answer.text
    assert "2065550177" not in answer.text


def test_refused_requests_are_events_too(scene: LogScene, reader: Member) -> None:
    answer = reader.post("/v1/lookups", {"number": "no number at all", "purpose": "company_number"})
    (event,) = scene.events(reader)["data"]
    assert (event["id"], event["result"]) == (answer.json()["audit_id"], "not_a_number")


def test_to_list_is_an_event_that_the_next_list_shows(scene: LogScene, reader: Member) -> None:
    scene.ask(reader)
    scene.house.clock.advance(seconds=1)
    first = reader.get(PATH)
    scene.house.clock.advance(seconds=1)
    (event, _) = scene.events(reader)["data"]
    assert (event["id"], event["operation"], event["result"]) == (first.json()["audit_id"], "list_events", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0, "listed": 1}
    assert event["request"]["route"] == "GET /v1/audit/events"
    assert AuditTrail(scene.house.superuser).only(first)["subjects"] is None


def test_one_operation_is_asked_for_by_its_name(scene: LogScene, reader: Member) -> None:
    asked = [scene.ask(reader) for _ in range(2)]
    reader.get("/v1/account")
    assert ids(scene.events(reader, operation="look_up")) == asked[::-1]
    assert [event["operation"] for event in scene.events(reader, operation="view_account")["data"]] == ["view_account"]
    assert ids(scene.events(reader, operation="hold_flood")) == []


def test_since_is_in_the_window_and_until_is_not(scene: LogScene, reader: Member) -> None:
    noon = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
    millisecond = timedelta(milliseconds=1)
    moments = [noon - millisecond, noon, noon + millisecond, noon + timedelta(hours=1)]
    before, first, second, last = (at(scene, moment, reader) for moment in moments)

    def between(**window: datetime) -> list[str]:
        return ids(scene.events(reader, operation="look_up", **{name: written(end) for name, end in window.items()}))

    assert between(since=noon) == [last, second, first]
    assert between(until=noon) == [before]
    assert between(since=noon, until=moments[3]) == [second, first]
    assert between(since=noon, until=noon) == []
    # Windows side by side hold each once, also where they meet within a millisecond.
    within = noon + millisecond / 2
    assert between(until=within) + between(since=within) == [first, before, last, second]
    offset = scene.events(reader, operation="look_up", since="2026-11-10T07:00:00.001-05:00")
    assert ids(offset) == [last, second]


def test_pages_hold_every_event_once_while_new_ones_arrive(scene: LogScene, reader: Member) -> None:
    """Each page asked for is an event itself, and somebody else of the organisation goes on working."""
    asked = [scene.ask(reader) for _ in range(7)]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    for _ in range(4):
        page = scene.events(reader, **query)
        found += ids(page)
        scene.ask(reader)
        query["cursor"] = page["next_cursor"]
    assert query["cursor"] is None
    assert found == asked[::-1]


def test_pages_of_a_window_stay_in_it(scene: LogScene, reader: Member) -> None:
    day = datetime(2026, 10, 1, tzinfo=UTC)
    inside = [at(scene, day + timedelta(hours=hour), reader) for hour in range(3)]
    at(scene, day - timedelta(hours=1), reader)
    at(scene, day + timedelta(days=1), reader)
    window = {"since": written(day), "until": written(day + timedelta(days=1)), "limit": 2}
    first = scene.events(reader, **window)
    second = scene.events(reader, **window, cursor=first["next_cursor"])
    assert (ids(first) + ids(second), second["next_cursor"]) == (inside[::-1], None)


def test_a_cursor_is_a_place_and_no_right(scene: LogScene, reader: Member) -> None:
    """Another organisation's leads to one's own events."""
    own, _ = scene.ask(reader), [scene.ask(scene.other) for _ in range(2)]
    foreign = scene.events(scene.other, limit=1)["next_cursor"]
    assert ids(scene.events(reader, cursor=foreign)) == [own]


def test_a_page_costs_a_bounded_number_of_statements(scene: LogScene) -> None:
    scene.events(scene.operator)
    for limit in (1, 20):
        with counted() as sent:
            scene.events(scene.operator, limit=limit)
        # Admission, the sealer's role, the page, the role's end, and the event.
        assert len(sent) == 5, [one.beginning for one in sent]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "invalid_value"),
        ({"limit": 501}, "invalid_value"),
        ({"limit": "many"}, "invalid_value"),
        ({"organisation": "everybody"}, "invalid_value"),
        ({"operation": "Look Up"}, "invalid_value"),
        ({"operation": "x" * 41}, "invalid_value"),
        ({"operation": "a\0"}, "invalid_value"),
        ({"operation": "there_is_none"}, "invalid_value"),
        ({"since": "yesterday"}, "invalid_value"),
        ({"since": "2026-11-10"}, "invalid_value"),
        ({"since": "2026-11-10T12:00:00"}, "invalid_value"),
        ({"until": "1969-12-31T00:00:00Z"}, "invalid_value"),
        ({"until": "2026-13-01T00:00:00Z"}, "invalid_value"),
        ({"until": "9999-01-01T00:00:00Z"}, "invalid_value"),
        ({"since": "2026-11-10T12:00:00.001Z", "until": "2026-11-10T12:00:00Z"}, "window_reversed"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "x" * 65}, "invalid_value"),
    ],
)
def test_a_bad_parameter_is_refused_and_recorded(
    scene: LogScene, reader: Member, query: dict[str, object], code: str
) -> None:
    answer = reader.get(PATH, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code
    if "operation" in query:
        (error,) = answer.json()["errors"]
        assert error["detail"].startswith("Parameter operation: ")
    event = AuditTrail(scene.house.superuser).only(answer)
    assert (event["operation"], event["result"]) == ("list_events", code)


def test_a_key_without_the_scope_and_none_at_all_see_nothing(scene: LogScene) -> None:
    unscoped = scene.house.member("employer")
    refusal_of(unscoped.get(PATH), 401, "unauthorized")
    refusal_of(scene.house.client.get(PATH), 401, "unauthorized")
    administering = scene.house.member("operator", scopes=frozenset({Scope.OPERATOR}))
    refusal_of(administering.get(PATH), 401, "unauthorized")


def test_a_suspended_organisation_sees_nothing_until_it_is_resumed(scene: LogScene, reader: Member) -> None:
    own = scene.ask(reader)
    account = f"/v1/organisations/{reader.id}"
    assert scene.operator.post(f"{account}/suspension").status_code == 200
    refusal_of(reader.get(PATH), 401, "unauthorized")
    assert scene.operator.post(f"{account}/resumption").status_code == 200
    assert own in ids(scene.events(reader))


def test_the_list_is_read_and_nothing_else(scene: LogScene) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = scene.house.client.request(method, PATH, headers=scene.operator.headers)
        refusal_of(answer, 405, "method_not_allowed")
