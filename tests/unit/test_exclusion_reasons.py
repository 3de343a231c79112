"""Who may say why a number is never listed."""

from registry.domain.exclusions import GIVEN_REASONS, INVESTIGATORS_REASONS, ExclusionReason, reasons_of


def test_investigators_answer_for_their_own_work_and_the_operator_for_everything_that_is_given() -> None:
    assert (
        set(reasons_of(operator=False)) == set(INVESTIGATORS_REASONS) == {"outreach", "own_staff", "advertised_number"}
    )
    assert set(reasons_of(operator=True)) == set(GIVEN_REASONS) > set(INVESTIGATORS_REASONS)


def test_a_flood_is_only_the_registrys_own_to_say() -> None:
    assert set(ExclusionReason) - set(GIVEN_REASONS) == {ExclusionReason.FLOOD}
