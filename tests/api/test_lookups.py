from members import Member, hit


def test_a_number_that_nobody_saw_is_none(employer: Member) -> None:
    answer = employer.look_up("+1 206 555 0177")
    assert answer["outcome"] == "none"
    assert answer["number"] == "+12065550177"
    assert answer["evidence"] is None


def test_one_text_message_is_a_single_contact(investigator: Member, employer: Member) -> None:
    decoy = investigator.register_decoy("+1 206 555 0199")
    investigator.record(hit(decoy, "(206) 555-0177"))
    answer = employer.look_up("2065550177", region="US")
    assert answer["outcome"] == "contact_observed"
    assert answer["evidence"]["grade"] == "single"
