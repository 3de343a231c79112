from collections.abc import Callable

import pytest
from audit_trail import AuditTrail
from house import House, example_number
from members import Member, hit
from shapes import EVIDENCE, LOOKUP, refusal_of

NUMBER_PROBLEMS = [
    ("", "US", "empty", "/number"),
    (" - ", "US", "not_a_number", "/number"),
    ("1" * 65, "US", "too_long", "/number"),
    ("ask reception", "US", "not_a_number", "/number"),
    ("555-0177", "US", "too_short", "/number"),
    ("+1 206 555 01771 2345 6", "US", "too_many_digits", "/number"),
    ("206 555 0177 555 0178", "US", "too_many_digits", "/number"),
    ("+1 206 055 0177", None, "not_valid", "/number"),
    ("72345", "US", "short_code", "/number"),
    ("MYBANK", "US", "sender_name", "/number"),
    ("Anonymous", "US", "withheld", "/number"),
    ("restricted", None, "withheld", "/number"),
    ("UNAVAILABLE", None, "withheld", "/number"),
    *((digits, None, "withheld", "/number") for digits in ("+266696687", "+7378742833", "+2562533", "+8656696")),
    ("+86282452253", None, "withheld", "/number"),
    ("2065550177", None, "unknown_region", "/number"),
    ("2065550177", "XX", "unknown_region", "/region"),
    ("2065550177", "USA", "unknown_region", "/region"),
]
SPELLINGS = [
    ("+12065550177", None),
    ("+1 206 555 0177", None),
    ("(206) 555-0177", "US"),
    ("206.555.0177", "US"),
    ("1-206-555-0177", "US"),
    ("001 206 555 0177", None),
    ("011 1 206 555 0177", None),
    ("tel:+1-206-555-0177", None),
    ("٢٠٦٥٥٥٠١٧٧", "US"),
    ("\uff12\uff10\uff16\uff15\uff15\uff15\uff10\uff11\uff17\uff17", "US"),
    ("\u202a+1 206 555 0177\u202c", None),
    ("206 555 0177", "us"),
    ("206 555 0177", "CA"),
]


def test_a_number_that_nobody_saw_is_none(employer: Member, number: str) -> None:
    answer = employer.look_up(number)
    assert answer == {
        "number": number,
        "outcome": "none",
        "reason": None,
        "notes": [],
        "evidence": None,
        "guidance": "/guidance",
        "audit_id": answer["audit_id"],
    }


def test_one_text_message_is_a_single_contact(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"))
    answer = employer.look_up(number)
    assert answer.keys() == LOOKUP
    assert (answer["outcome"], answer["reason"]) == ("contact_observed", None)
    assert answer["evidence"].keys() == EVIDENCE
    assert answer["evidence"] == {
        "grade": "single",
        "contacts": 1,
        "decoys": 1,
        "organisations": 1,
        "first_contact": "2026-11-01",
        "last_contact": "2026-11-01",
        "channels": ["sms"],
        "policy": "2026-12.4",
    }


def test_an_answer_holds_no_decoy_no_organisation_and_no_hour(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, "2026-11-01T10:17:43Z"))
    name = investigator.get("/v1/account").json()["organisation"]
    text = employer.post("/v1/lookups", {"number": number, "purpose": "company_number"}).text
    assert '"contact_observed"' in text
    for secret in (decoy, name, str(investigator.id), "10:17", "A line"):
        assert secret not in text


@pytest.mark.parametrize(("written", "region"), SPELLINGS)
def test_every_spelling_of_a_number_is_the_same_number(employer: Member, written: str, region: str | None) -> None:
    answer = employer.look_up(written, region=region)
    assert (answer["number"], answer["notes"]) == ("+12065550177", [])


def test_an_extension_is_dropped_with_a_note(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number))
    answer = employer.look_up(f"{number} ext. 23")
    assert (answer["number"], answer["outcome"]) == (number, "contact_observed")
    assert answer["notes"] == ["extension_ignored"]


@pytest.mark.parametrize(("written", "region", "code", "pointer"), NUMBER_PROBLEMS)
def test_a_text_that_is_no_number_is_refused_with_its_own_code(
    employer: Member, trail: AuditTrail, written: str, region: str | None, code: str, pointer: str
) -> None:
    body = {"number": written, "region": region, "purpose": "company_number", "case_ref": "HR-2026-118"}
    answer = employer.post("/v1/lookups", body)
    problem = refusal_of(answer, 422, code, pointer)
    digits = "".join(filter(str.isdigit, written))
    assert not digits or digits not in "".join(filter(str.isdigit, problem["detail"]))
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("look_up", code)
    assert event["count"] == {"submitted": 1, "charged": 1}
    assert (event["purpose"], event["case"]) == ("company_number", "HR-2026-118")


def test_a_number_of_a_region_that_is_not_served_is_indeterminate(employer: Member, trail: AuditTrail) -> None:
    answer = employer.post("/v1/lookups", {"number": "+44 20 7946 0123", "purpose": "company_number"})
    told = answer.json()
    assert (told["number"], told["outcome"], told["reason"]) == ("+442079460123", "indeterminate", "region_not_served")
    assert told["evidence"] is None
    event = trail.only(answer)
    assert (event["result"], event["subjects"], event["count"]["indeterminate"]) == ("ok", None, 1)


@pytest.mark.parametrize(
    ("since", "until", "code", "pointer"),
    [
        ("2026-03-02", "2026-03-01", "window_reversed", "/possessed_until"),
        ("2026-11-17", None, "date_in_future", "/possessed_since"),
        (None, "2026-11-17", "date_in_future", "/possessed_until"),
        ("2026-11-10", "2030-01-01", "date_in_future", "/possessed_until"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    employer: Member, number: str, since: str | None, until: str | None, code: str, pointer: str
) -> None:
    asked = {"number": number, "purpose": "company_number", "possessed_since": since, "possessed_until": until}
    refusal_of(employer.post("/v1/lookups", asked), 422, code, pointer)


def test_today_and_the_zones_ahead_of_it_are_not_the_future(employer: Member, number: str) -> None:
    """The clock stands at noon UTC of 15 November; it is the 16th already in the Pacific."""
    assert employer.look_up(number, possessed_since="2026-11-16")["outcome"] == "none"
    assert employer.look_up(number, possessed_since="2026-11-15", possessed_until="2026-11-15")["outcome"] == "none"


@pytest.mark.parametrize("purpose", ["company_number", "investigation", "subject_request", "partner_screening"])
def test_every_purpose_goes_to_the_audit_log(employer: Member, trail: AuditTrail, number: str, purpose: str) -> None:
    answer = employer.post("/v1/lookups", {"number": number, "purpose": purpose, "case_ref": "HR-2026-118"})
    event = trail.only(answer)
    assert (event["purpose"], event["case"]) == (purpose, "HR-2026-118")


@pytest.mark.parametrize("purpose", [None, "curiosity", ""])
def test_a_question_without_a_known_purpose_is_refused(employer: Member, number: str, purpose: str | None) -> None:
    body: dict[str, object] = {"number": number}
    if purpose is not None:
        body["purpose"] = purpose
    code = "missing_field" if purpose is None else "invalid_value"
    refusal_of(employer.post("/v1/lookups", body), 422, code, "/purpose")


@pytest.mark.parametrize("reference", ["call 2065550177", "2065550177", "HR 17", "-17", "", "x" * 65, "ünïcode"])
def test_a_case_reference_that_could_hold_a_number_or_a_name_is_refused(
    employer: Member, number: str, reference: str
) -> None:
    body = {"number": number, "purpose": "company_number", "case_ref": reference}
    answer = employer.post("/v1/lookups", body)
    refusal_of(answer, 422, "number_in_text" if "206" in reference else "invalid_value", "/case_ref")
    assert "2065550177" not in answer.text


def test_an_investigator_and_an_operator_may_ask_too(
    investigator: Member, operator: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    seen = fresh_number()
    investigator.record(hit(decoy, seen))
    assert investigator.look_up(seen, purpose="investigation")["outcome"] == "contact_observed"
    assert operator.look_up(seen, purpose="subject_request")["outcome"] == "contact_observed"


def test_every_answer_links_to_the_guidance_which_is_served(employer: Member, number: str) -> None:
    page = employer.client.get(employer.look_up(number)["guidance"])
    assert page.status_code == 200
    assert "sole basis" in page.text


def test_the_operator_can_set_where_the_guidance_is_and_which_mode_answers(other_house: House) -> None:
    asker = other_house.member("employer")
    answer = asker.post("/v1/lookups", {"number": example_number("CA"), "purpose": "company_number"})
    assert answer.json()["outcome"] == "none"
    assert answer.json()["guidance"] == "https://registry.example/what-now"
    assert answer.headers["demand-registry-mode"] == "live"


def test_a_live_registry_refuses_a_fictional_number(other_house: House) -> None:
    asker = other_house.member("employer")
    body = {"number": "+1 206 555 0177", "purpose": "company_number"}
    refusal_of(asker.post("/v1/lookups", body), 422, "fictional", "/number")
