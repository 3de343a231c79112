"""Several generations of tag keys at once: a question is evaluated under every one that is active."""

from collections.abc import Generator
from dataclasses import dataclass

import pytest
from audit_trail import AuditTrail
from holders import tags as tags_of
from house import House, opened_database, opened_house
from members import KEYS, Member, hit
from shapes import refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile

BOTH_KEYS = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)
SEEN, EXCLUDED, SEEN_AND_EXCLUDED, DISPUTED, RETRACTED, SEEN_WEAKLY, REPEATED_EVENT = (
    f"+1206555010{last}" for last in range(7)
)
EARLY, LATE = "2026-11-01T10:00:00Z", "2026-11-08T10:00:00Z"


@dataclass
class Rotated:
    """A registry to which a second key was added. Everything below was made under the first one."""

    old: House
    """The process that was started with the first key alone, and still runs."""
    new: House
    investigator: Member
    employer: Member
    operator: Member
    decoy: str
    retracted: str
    """The id of a hit."""

    def __post_init__(self) -> None:
        self.trail = AuditTrail(self.new.superuser)
        for member in (self.investigator, self.employer, self.operator):
            member.client = self.new.client

    def tags(self, number: str) -> tuple[bytes, ...]:
        return tags_of(self.new.registry, number)


@pytest.fixture(scope="module")
def rotated(cluster: EmbeddedUrls, template: str) -> Generator[Rotated]:
    with opened_database(cluster, template) as urls, opened_house(urls) as old:
        investigator, employer, operator = (old.member(kind) for kind in ("investigator", "employer", "operator"))
        decoy = investigator.register_decoy("+12065550199")
        for number in (EXCLUDED, SEEN_AND_EXCLUDED):
            assert operator.post("/v1/exclusions", {"number": number, "reason": "police"}).status_code == 201
        assert operator.post("/v1/disputes", {"number": DISPUTED}).status_code == 201
        recorded = investigator.record(
            hit(decoy, SEEN, EARLY),
            hit(decoy, SEEN_AND_EXCLUDED, EARLY),
            hit(decoy, SEEN_WEAKLY, EARLY, channel="voice"),
            hit(decoy, RETRACTED, EARLY),
            hit(decoy, REPEATED_EVENT, EARLY),
        )
        assert recorded["recorded"] == 5
        with opened_house(urls, keys=BOTH_KEYS) as new:
            yield Rotated(old, new, investigator, employer, operator, decoy, recorded["results"][3]["id"])


def test_hits_of_both_generations_count_together(rotated: Rotated) -> None:
    assert rotated.employer.look_up(SEEN)["evidence"]["contacts"] == 1
    rotated.investigator.record(hit(rotated.decoy, SEEN, LATE))
    answer = rotated.employer.post("/v1/lookups", {"number": SEEN, "purpose": "company_number"})
    evidence = answer.json()["evidence"]
    assert (evidence["grade"], evidence["contacts"], evidence["decoys"]) == ("repeated", 2, 1)
    assert (evidence["first_contact"], evidence["last_contact"]) == ("2026-11-01", "2026-11-08")
    assert rotated.employer.look_up(SEEN, possessed_since="2026-11-02")["evidence"]["contacts"] == 1
    event = rotated.trail.only(answer)
    assert event["generation"] == 2
    assert rotated.trail.disclosed(event["id"]) == [rotated.tags(SEEN)[0]]  # the older contact was carried there


def test_weak_contacts_of_both_generations_add_up(rotated: Rotated) -> None:
    assert rotated.employer.look_up(SEEN_WEAKLY)["outcome"] == "none"
    rotated.investigator.record(hit(rotated.decoy, SEEN_WEAKLY, LATE, channel="voice"))
    assert rotated.employer.look_up(SEEN_WEAKLY)["evidence"]["grade"] == "repeated"


def test_new_hits_are_stored_under_the_new_key_alone(rotated: Rotated) -> None:
    number = "+12065550150"
    rotated.investigator.record(hit(rotated.decoy, number))
    statement = "SELECT tag, generation FROM registry.hits WHERE tag = ANY (%s)"
    rows = rotated.new.superuser.execute(statement, (list(rotated.tags(number)),)).fetchall()
    assert rows == [(rotated.tags(number)[0], 2)]


@pytest.mark.parametrize("number", [EXCLUDED, SEEN_AND_EXCLUDED])
def test_an_exclusion_under_the_old_key_holds_for_hits_recorded_under_the_new_one(
    rotated: Rotated, number: str
) -> None:
    rotated.investigator.record(hit(rotated.decoy, number, LATE), hit(rotated.decoy, number, "2026-11-09T10:00:00Z"))
    for window in ({}, {"possessed_since": "2026-10-01"}):
        answer = rotated.employer.look_up(number, **window)
        assert (answer["outcome"], answer["evidence"], answer["reason"]) == ("none", None, None)


def test_an_old_exclusion_can_be_removed_under_the_new_key(rotated: Rotated) -> None:
    number = "+12065550151"
    rotated.operator.post("/v1/exclusions", {"number": number, "reason": "outreach"})
    rotated.investigator.record(hit(rotated.decoy, number))
    assert rotated.employer.look_up(number)["outcome"] == "none"
    removal = {"number": number, "mistaken": True}
    assert rotated.operator.post("/v1/exclusions/removals", removal).status_code == 200
    assert rotated.employer.look_up(number)["outcome"] == "contact_observed"


def test_a_dispute_under_the_old_key_holds_for_hits_recorded_under_the_new_one(rotated: Rotated) -> None:
    rotated.investigator.record(hit(rotated.decoy, DISPUTED, LATE))
    assert rotated.employer.look_up(DISPUTED)["reason"] == "disputed"
    (dispute,) = rotated.operator.get("/v1/disputes").json()["data"]
    closed = rotated.operator.post(f"/v1/disputes/{dispute['id']}/closure", {"resolution": "confirmed"})
    assert closed.status_code == 200
    assert rotated.employer.look_up(DISPUTED)["outcome"] == "contact_observed"


def test_a_hit_of_the_old_generation_can_be_retracted(rotated: Rotated) -> None:
    assert rotated.employer.look_up(RETRACTED)["outcome"] == "contact_observed"
    answer = rotated.investigator.post(f"/v1/hits/{rotated.retracted}/retraction", {"reason": "spoofed"})
    assert answer.status_code == 200
    assert rotated.employer.look_up(RETRACTED)["outcome"] == "none"


def test_an_event_that_was_recorded_under_the_old_key_is_a_duplicate_under_the_new_one(rotated: Rotated) -> None:
    told = rotated.investigator.record(hit(rotated.decoy, REPEATED_EVENT, EARLY))
    assert (told["recorded"], told["duplicate"]) == (0, 1)
    assert rotated.employer.look_up(REPEATED_EVENT)["evidence"]["contacts"] == 1


def test_a_decoy_of_the_old_generation_is_found_by_its_number(rotated: Rotated) -> None:
    number = "+12065550152"
    log = (
        "From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction,Price,PriceUnit\n"
        f"{number},+12065550199,hello,received,2026-11-02 10:00:00 UTC,2010-04-01,1,,AC1,SM1,inbound,,USD\n"
    )
    answer = rotated.investigator.post("/v1/hits/imports", content=log, headers={"Content-Type": "text/csv"})
    assert answer.json()["recorded"] == 1
    assert rotated.employer.look_up(number)["outcome"] == "contact_observed"


def test_a_decoys_number_that_is_registered_under_the_old_key_is_taken(rotated: Rotated) -> None:
    body = {"label": "Again", "number": "+12065550199", "role": "advertisement"}
    refusal_of(rotated.investigator.post("/v1/decoys", body), 409, "decoy_number_taken")


def test_the_process_that_lacks_the_new_key_refuses_rather_than_overlooks(rotated: Rotated) -> None:
    employer = Member(rotated.employer.id, rotated.employer.key, rotated.old.client)
    answer = employer.post("/v1/lookups", {"number": SEEN, "purpose": "company_number"})
    refusal_of(answer, 503, "keys_out_of_date")
    assert answer.headers["retry-after"] == "30"
    assert rotated.trail.only(answer)["result"] == "keys_out_of_date"
    ready = rotated.old.client.get("/health/ready")
    assert ready.status_code == 503
    told = ready.json()
    assert [told[name] for name in ("ready", "database", "migrations", "keys")] == [False, True, True, False]
    assert rotated.new.client.get("/health/ready").status_code == 200
