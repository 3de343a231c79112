"""Every operation leaves exactly one event, committed with what it did, whatever became of it."""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from audit_trail import AuditTrail
from audited_scene import CSV, Scene
from blinding import Batch, encoded
from holders import tags as tags_of
from house import House, opened_database, opened_house
from members import NOW, Member, hit
from private_asker import ASKING, PrivateAsker

from registry.db.embedded import EmbeddedUrls


@pytest.fixture
def scene(
    house: House,
    investigator: Member,
    employer: Member,
    asker: PrivateAsker,
    operator: Member,
    decoy: str,
    fresh_number: Callable[[], str],
) -> Scene:
    seen = fresh_number()
    recorded = investigator.record(hit(decoy, seen))["results"][0]["id"]
    return Scene(house, investigator, employer, asker.member, operator, decoy, recorded, seen, fresh_number())


def suspended(scene: Scene) -> Member:
    member = scene.house.member("partner")
    scene.operator.post(f"/v1/organisations/{member.id}/suspension")
    return member


def a_dispute(scene: Scene) -> str:
    return str(scene.operator.post("/v1/disputes", {"number": scene.number}).json()["id"])


def a_line(scene: Scene) -> str:
    """Of the investigator's, that no other test needs."""
    return scene.investigator.register_decoy(scene.number)


def an_exclusion(scene: Scene) -> tuple[str, str]:
    """The investigator's: its id and its number."""
    told = scene.investigator.post("/v1/exclusions", {"number": scene.number, "reason": "own_staff"}).json()
    return str(told["id"]), scene.number


Act = Callable[[Scene], Any]
CASES: dict[str, tuple[str, str, dict[str, int], Act]] = {
    "look_up": (
        "employer",
        "POST /v1/lookups",
        {"submitted": 1, "charged": 1, "contact_observed": 1},
        lambda s: s.ask("/v1/lookups", number=s.seen),
    ),
    "check": (
        "employer",
        "POST /v1/checks",
        {"submitted": 2, "charged": 2, "contact_observed": 1, "none": 1, "indeterminate": 0, "refused": 0},
        lambda s: s.ask("/v1/checks", items=[{"number": s.seen}, {"number": s.number}]),
    ),
    "check_file": (
        "employer",
        "POST /v1/checks/files",
        {"submitted": 1, "charged": 1, "contact_observed": 1, "none": 0, "indeterminate": 0, "refused": 0},
        lambda s: s.file(s.employer, "/v1/checks/files?purpose=company_number&case_ref=HR-7", f"Phone\n{s.seen}\n"),
    ),
    "evaluate_blinded": (
        "asker",
        "POST /v1/private/evaluations",
        {"submitted": 2, "charged": 2, "evaluated": 2, "generations": 1},
        lambda s: s.ask(
            "/v1/private/evaluations", s.asker, blinded=encoded(Batch.of_numbers([s.seen, s.number]).blinded)
        ),
    ),
    "disclose": (
        "asker",
        "POST /v1/private/disclosures",
        {"submitted": 2, "charged": 2, "contact_observed": 1, "none": 1, "indeterminate": 0, "refused": 0},
        lambda s: s.ask(
            "/v1/private/disclosures", s.asker, items=[{"tag": encoded(s.tag)}, {"tag": encoded(bytes(32))}]
        ),
    ),
    "view_private_parameters": (
        "asker",
        "GET /v1/private/parameters",
        {"submitted": 0, "charged": 0},
        lambda s: s.act(s.asker, "GET", "/v1/private/parameters"),
    ),
    "register_decoy": (
        "investigator",
        "POST /v1/decoys",
        {"submitted": 1, "charged": 1, "registered": 1},
        lambda s: s.act(s.investigator, "POST", "/v1/decoys", {"label": "a", "number": s.number, "role": "test"}),
    ),
    "quarantine_decoy": (
        "investigator",
        "POST /v1/decoys/{decoy_id}/quarantine",
        {"submitted": 0, "charged": 0, "quarantined": 1},
        lambda s: s.act(s.investigator, "POST", f"/v1/decoys/{a_line(s)}/quarantine"),
    ),
    "release_decoy": (
        "investigator",
        "POST /v1/decoys/{decoy_id}/release",
        {"submitted": 0, "charged": 0, "released": 0},
        lambda s: s.act(s.investigator, "POST", f"/v1/decoys/{s.decoy}/release"),
    ),
    "read_baseline": (
        "investigator",
        "GET /v1/statistics/baseline",
        {"submitted": 0, "charged": 0, "lines": 0},
        lambda s: s.act(s.investigator, "GET", "/v1/statistics/baseline?region=AR"),
    ),
    "change_decoy": (
        "investigator",
        "PATCH /v1/decoys/{decoy_id}",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.investigator, "PATCH", f"/v1/decoys/{s.decoy}", {"label": "b"}),
    ),
    "record_hits": (
        "investigator",
        "POST /v1/hits",
        {"submitted": 1, "charged": 1, "recorded": 1, "duplicate": 0, "refused": 0},
        lambda s: s.act(s.investigator, "POST", "/v1/hits", {"hits": [hit(s.decoy, s.number)]}),
    ),
    "import_hits": (
        "investigator",
        "POST /v1/hits/imports",
        {"submitted": 1, "charged": 1, "recorded": 0, "duplicate": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/hits/imports", "number,occurred_at\nx,y\n"),
    ),
    "import_hits_dry_run": (
        "investigator",
        "POST /v1/hits/imports",
        {"submitted": 1, "charged": 1, "recorded": 0, "duplicate": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/hits/imports?dry_run=true", "number,occurred_at\nx,y\n"),
    ),
    "retract_hit": (
        "investigator",
        "POST /v1/hits/{hit_id}/retraction",
        {"submitted": 0, "charged": 0, "retracted": 1},
        lambda s: s.act(s.investigator, "POST", f"/v1/hits/{s.hit}/retraction", {"reason": "other"}),
    ),
    "retract_hits": (
        "investigator",
        "POST /v1/hits/retractions",
        {"submitted": 0, "charged": 0, "retracted": 1},
        lambda s: s.act(s.investigator, "POST", "/v1/hits/retractions", {"decoy_id": s.decoy, "reason": "other"}),
    ),
    "retract_hits_dry_run": (
        "operator",
        "POST /v1/hits/retractions",
        {"submitted": 0, "charged": 0, "retracted": 1},
        lambda s: s.act(
            s.operator, "POST", "/v1/hits/retractions", {"decoy_id": s.decoy, "reason": "other", "dry_run": True}
        ),
    ),
    "view_account": (
        "employer",
        "GET /v1/account",
        {"submitted": 0, "charged": 0},
        lambda s: s.act(s.employer, "GET", "/v1/account"),
    ),
    "create_organisation": (
        "operator",
        "POST /v1/organisations",
        {"submitted": 0, "charged": 0, "created": 1},
        lambda s: s.act(s.operator, "POST", "/v1/organisations", {"name": "One of a kind", "kind": "partner"}),
    ),
    "suspend_organisation": (
        "operator",
        "POST /v1/organisations/{organisation_id}/suspension",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/organisations/{s.house.member('partner').id}/suspension"),
    ),
    "resume_organisation": (
        "operator",
        "POST /v1/organisations/{organisation_id}/resumption",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/organisations/{suspended(s).id}/resumption"),
    ),
    "set_limits": (
        "operator",
        "PATCH /v1/organisations/{organisation_id}/limits",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.operator, "PATCH", f"/v1/organisations/{s.employer.id}/limits", {"numbers_per_day": 10**7}),
    ),
    "issue_key": (
        "operator",
        "POST /v1/organisations/{organisation_id}/keys",
        {"submitted": 0, "charged": 0, "issued": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/organisations/{s.employer.id}/keys", {}),
    ),
    "revoke_key": (
        "operator",
        "POST /v1/keys/{key_id}/revocation",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/keys/{s.house.member('partner').key[9:17]}/revocation"),
    ),
    "expire_key": (
        "operator",
        "PATCH /v1/keys/{key_id}",
        {"submitted": 0, "charged": 0, "changed": 1},
        lambda s: s.act(s.operator, "PATCH", f"/v1/keys/{s.employer.key[9:17]}", {"expires_at": None}),
    ),
    "add_exclusion": (
        "operator",
        "POST /v1/exclusions",
        {"submitted": 1, "charged": 1, "added": 1},
        lambda s: s.act(s.operator, "POST", "/v1/exclusions", {"number": s.number, "reason": "other"}),
    ),
    "remove_exclusion": (
        "investigator",
        "POST /v1/exclusions/removals",
        {"submitted": 1, "charged": 1, "removed": 1},
        lambda s: s.act(s.investigator, "POST", "/v1/exclusions/removals", {"number": an_exclusion(s)[1]}),
    ),
    "end_exclusion": (
        "operator",
        "POST /v1/exclusions/{exclusion_id}/removal",
        {"submitted": 0, "charged": 0, "removed": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/exclusions/{an_exclusion(s)[0]}/removal"),
    ),
    "import_exclusions": (
        "investigator",
        "POST /v1/exclusions/imports",
        {"submitted": 1, "charged": 1, "added": 0, "extended": 0, "already": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/exclusions/imports", "number,reason\nx,outreach\n"),
    ),
    "import_exclusions_dry_run": (
        "investigator",
        "POST /v1/exclusions/imports",
        {"submitted": 1, "charged": 1, "added": 0, "extended": 0, "already": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/exclusions/imports?dry_run=true", "number,reason\nx,outreach\n"),
    ),
    "remove_exclusions": (
        "investigator",
        "POST /v1/exclusions/removals/files",
        {"submitted": 1, "charged": 1, "ended": 0, "not_excluded": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/exclusions/removals/files", "number\nx\n"),
    ),
    "remove_exclusions_dry_run": (
        "investigator",
        "POST /v1/exclusions/removals/files",
        {"submitted": 1, "charged": 1, "ended": 0, "not_excluded": 0, "refused": 1},
        lambda s: s.file(s.investigator, "/v1/exclusions/removals/files?dry_run=true", "number\nx\n"),
    ),
    "open_dispute": (
        "operator",
        "POST /v1/disputes",
        {"submitted": 1, "charged": 1, "opened": 1},
        lambda s: s.act(s.operator, "POST", "/v1/disputes", {"number": s.number}),
    ),
    "close_dispute": (
        "operator",
        "POST /v1/disputes/{dispute_id}/closure",
        {"submitted": 0, "charged": 0, "closed": 1},
        lambda s: s.act(s.operator, "POST", f"/v1/disputes/{a_dispute(s)}/closure", {"resolution": "withdrawn"}),
    ),
}
TELLING = frozenset({"look_up", "check", "check_file", "disclose"})
QUESTIONS = TELLING | {"evaluate_blinded"}
NO_NUMBERS = frozenset(
    {
        *("change_decoy", "quarantine_decoy", "release_decoy", "read_baseline"),
        *("retract_hit", "retract_hits", "retract_hits_dry_run"),
    }
)
UNDER_POLICY = TELLING | NO_NUMBERS | {"record_hits", "import_hits", "import_hits_dry_run"}
UNDER_KEYS = (UNDER_POLICY - NO_NUMBERS) | {
    *("add_exclusion", "remove_exclusion", "end_exclusion", "import_exclusions", "import_exclusions_dry_run"),
    *("remove_exclusions", "remove_exclusions_dry_run"),
    *("open_dispute", "evaluate_blinded", "view_private_parameters"),
}


@pytest.mark.parametrize("operation", CASES)
def test_an_operation_leaves_one_event_that_says_who_did_what_and_why(
    scene: Scene, trail: AuditTrail, operation: str
) -> None:
    kind, route, count, act = CASES[operation]
    answer = act(scene)
    assert answer.status_code in {200, 201}, answer.text
    (event,) = trail.of(answer)
    asks = operation in QUESTIONS
    actor: Member = getattr(scene, kind)
    assert event == {
        "v": 1,
        "id": event["id"],
        "time": event["time"],
        "operation": operation,
        "result": "ok",
        "actor": {"organisation": str(actor.id), "key": actor.key[9:17], "on_behalf_of": None},
        "purpose": "company_number" if asks else None,
        "case": "HR-7" if asks else None,
        "request": {"id": answer.headers["x-request-id"], "route": route},
        "count": count,
        "policy": "2026-12.4" if operation in UNDER_POLICY else None,
        "generation": 1 if operation in UNDER_KEYS else None,
        "subjects": event["subjects"],
        "private": event["private"],
        "nonce": event["nonce"],
    }
    assert event["id"] in answer.text
    assert UUID(event["id"]).version == 7
    assert datetime.fromisoformat(event["time"]) == NOW
    assert len(bytes.fromhex(event["nonce"])) == 16
    tells = operation in TELLING
    assert trail.disclosed(event["id"]) == ([scene.tag] if tells else [])
    assert (event["subjects"] is None) is not tells
    nonce, address, agent = trail.private(event["id"])
    assert (len(nonce), address, agent) == (16, "192.0.2.7", "acceptance/1.0")
    assert nonce.hex() != event["nonce"]


def test_a_set_leaves_an_event_though_its_answer_has_no_room_for_a_receipt(scene: Scene, trail: AuditTrail) -> None:
    answer = scene.act(scene.asker, "GET", "/v1/private/set?generation=1")
    (event,) = trail.of(answer)
    assert (event["operation"], event["request"]["route"]) == ("download_private_set", "GET /v1/private/set")
    assert event["count"] == {"submitted": 0, "charged": 0, "entries": len(answer.content) // 8}
    missed = scene.act(scene.asker, "GET", "/v1/private/set/000?generation=1")
    assert missed.status_code == 404
    event = trail.only(missed)
    assert (event["operation"], event["result"]) == ("download_private_bucket", "not_found")
    assert event["request"]["route"] == "GET /v1/private/set/{prefix}"


LISTS = {
    "list_decoys": ("investigator", "/v1/decoys"),
    "list_hits": ("investigator", "/v1/hits"),
    "list_organisations": ("operator", "/v1/organisations"),
    "list_keys": ("operator", "/v1/organisations/{organisation_id}/keys"),
    "list_exclusions": ("operator", "/v1/exclusions"),
    "list_disputes": ("operator", "/v1/disputes"),
}


@pytest.mark.parametrize("operation", LISTS)
def test_a_list_leaves_an_event_with_how_many_were_shown(scene: Scene, trail: AuditTrail, operation: str) -> None:
    kind, path = LISTS[operation]
    actor: Member = getattr(scene, kind)
    answer = actor.get(path.format(organisation_id=scene.employer.id))
    event = trail.only(answer)
    assert (event["operation"], event["request"]["route"]) == (operation, f"GET {path}")
    assert event["count"] == {"submitted": 0, "charged": 0, "listed": len(answer.json()["data"])}


def test_events_are_bound_to_nonces_that_never_come_again(scene: Scene, trail: AuditTrail) -> None:
    answers = [scene.ask("/v1/lookups", number=scene.seen) for _ in range(5)]
    events = [trail.only(answer) for answer in answers]
    for member in ("id", "nonce", "private"):
        assert len({event[member] for event in events}) == 5
    assert len({event["subjects"] for event in events}) == 1


def test_a_user_agent_is_cut_and_a_number_in_it_is_masked(scene: Scene, trail: AuditTrail) -> None:
    agent = f"Mozilla/5.0 (phone; {scene.number}) " + "x" * 300
    headers = {**scene.employer.headers, "User-Agent": agent}
    answer = scene.employer.client.get("/v1/account", headers=headers)
    _, _, kept = trail.private(trail.only(answer)["id"])
    assert kept is not None
    assert kept.startswith("Mozilla/")
    assert "...) xxx" in kept
    assert scene.number[-7:] not in kept
    assert len(kept) <= 200


@pytest.fixture
def mute_house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A registry whose audit log takes no events any more."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        yield house


def test_what_cannot_be_recorded_is_neither_answered_nor_done(mute_house: House) -> None:
    investigator, employer = mute_house.member("investigator"), mute_house.member("employer", scopes=ASKING)
    decoy, number = investigator.register_decoy("+12065550199"), "+12065550177"
    investigator.record(hit(decoy, number))
    mute_house.superuser.execute("REVOKE INSERT ON audit.event FROM registry_app")
    mute_house.superuser.execute("REVOKE INSERT (body) ON audit.event FROM registry_app")
    question = {"number": number, "purpose": "company_number"}
    file = {"content": f"Phone\n{number}\n", "headers": CSV}
    blinded = encoded(Batch.of_numbers([number]).blinded)
    tag = encoded(tags_of(mute_house.registry, number)[0])
    for answer in (
        employer.post("/v1/lookups", question),
        employer.post("/v1/checks", {"purpose": "company_number", "items": [{"number": number}]}),
        employer.post("/v1/checks/files?purpose=company_number", **file),
        investigator.post("/v1/hits", {"hits": [hit(decoy, number, "2026-11-02T10:00:00Z")]}),
        investigator.get("/v1/hits"),
        employer.get("/v1/private/parameters"),
        employer.get("/v1/private/set?generation=1"),
        employer.post("/v1/private/evaluations", {"purpose": "company_number", "blinded": blinded}),
        employer.post("/v1/private/disclosures", {"purpose": "company_number", "items": [{"tag": tag}]}),
    ):
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal"
        assert "contact_observed" not in answer.text
    mute_house.superuser.execute("GRANT INSERT (body) ON audit.event TO registry_app")
    assert employer.look_up(number)["evidence"]["contacts"] == 1
