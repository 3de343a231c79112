import io
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import httpx
import pytest
from rich.console import Console

from registry.demo import intake_report
from registry.demo.answers import Recorded, read_answer
from registry.demo.company import CompanyRow
from registry.demo.employer_report import masked, show_check
from registry.demo.files import (
    COMPANY_HEADER,
)
from registry.demo.http import DemoApi, Problem
from registry.demo.live import Live
from registry.demo.samples import Samples, generate
from registry.demo.script import run
from registry.demo.twilio import Delivery

TODAY = date(2026, 11, 21)


def test_an_answered_file_is_read_without_its_blank_lines() -> None:
    columns = (
        "outcome;reason;grade;contacts;decoys;organisations;first_contact;last_contact;channels;policy;notes;problem"
    )
    text = (
        f"{';'.join(COMPANY_HEADER)};{columns}\r\n"
        "Handset;+12065550101;;;;contact_observed;;single;1;1;1;2026-03-01;2026-03-01;sms;2026-12;;\r\n"
        ";;;;;;;;;;;;;;;;\r\n"
        "\r\n"
        "Tablet;n/a;;;;;;;;;;;;;;;not_a_number\r\n"
    )
    observed, unusable = read_answer(text)
    assert (observed.grade, observed.contacts, observed.last_contact) == ("single", "1", "2026-03-01")
    assert (unusable.outcome, unusable.problem) == ("", "not_a_number")


def test_counts_of_several_requests_add_up_and_ids_keep_their_places() -> None:
    first = Recorded(submitted=3, recorded=2, refused=1, ids={0: "a", 2: "b"})
    first.refusals.add("withheld", "The number was withheld.")
    second = Recorded(submitted=2, recorded=1, duplicate=1, ids={1: "c"})
    second.refusals.add("withheld", "The number was withheld.", 4)
    first.merge(second)
    assert (first.submitted, first.recorded, first.duplicate, first.refused) == (5, 3, 1, 1)
    assert first.ids == {0: "a", 2: "b", 4: "c"}
    assert first.refusals.count == {"withheld": 5}


def test_a_masked_number_shows_its_last_two_digits_only() -> None:
    assert masked("+12065550177") == "\u2022\u2022\u202277"
    assert masked(None) == ""


def test_the_employers_report_prints_no_number_and_takes_no_markup_from_the_file() -> None:
    answer = ["contact_observed", "", "single", "1", "1", "1", "2026-03-01", "2026-03-01", "sms", "2026-12", "", ""]
    rows = [CompanyRow("[bold]Handset[/bold]", "(206) 555-0177", "US", "", "", "+12065550177", None) for _ in range(3)]
    columns = (
        "outcome;reason;grade;contacts;decoys;organisations;first_contact;last_contact;channels;policy;notes;problem"
    )
    lines = [f"{';'.join(COMPANY_HEADER)};{columns}"]
    lines += [";".join([row.device, row.phone, row.country, "", "", *answer]) for row in rows]
    nothing = Live((), (), (), Delivery("SM1", "a line", "+12065550101", "+12065550101"))
    asked = Samples(run="krtbmw", submissions=(), employer="Elmwood", company=tuple(rows), live=nothing)
    printed = text_of(lambda out: show_check(out, asked, read_answer("\r\n".join(lines))))
    assert "555" not in printed
    assert "\u2022\u202277" in printed
    assert "[bold]Handset[/bold]" in printed
    assert "single" in printed


def text_of(show: Callable[[Console], None]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=200))
    return out.getvalue()


def refusing(response: httpx.Response) -> str:
    """What the demo prints when the registry's first answer is this one."""

    def play(out: Console) -> None:
        api = DemoApi("http://registry.test/", "drk_test_key", transport=httpx.MockTransport(lambda _request: response))
        with api, pytest.raises(SystemExit) as end:
            run(api, out, TODAY)
        assert end.value.code == 1

    return text_of(play)


def test_a_problem_is_shown_with_its_title_detail_code_and_errors() -> None:
    document = {
        "type": "/problems#invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "See errors.",
        "code": "invalid_request",
        "errors": [{"pointer": "/name", "code": "missing_field", "detail": "A name is needed."}],
    }
    media_type = {"Content-Type": "application/problem+json"}
    printed = refusing(httpx.Response(422, json=document, headers=media_type))
    assert "The request is not valid (invalid_request)" in printed
    assert "See errors." in printed
    assert "/name: A name is needed." in printed


@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_not_a_registrys_is_said_to_be_none(status: int) -> None:
    printed = refusing(httpx.Response(status, text="<html>hello</html>"))
    assert f"HTTP {status}" in printed
    assert "Is the address right?" in printed


@pytest.mark.parametrize(
    ("error", "said"),
    [(httpx.ConnectError("refused"), "Is the registry running?"), (httpx.ReadTimeout("slow"), "took over 60 seconds")],
)
def test_a_registry_that_does_not_answer_is_reported_as_such(error: httpx.TransportError, said: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    def play(out: Console) -> None:
        with (
            DemoApi("http://registry.test", "key", transport=httpx.MockTransport(fail)) as api,
            pytest.raises(SystemExit),
        ):
            run(api, out, TODAY)

    assert said in text_of(play)


def test_the_report_of_signed_requests_says_what_came_how_and_prints_no_number() -> None:
    samples = generate(Random("krtbmw"), TODAY, "krtbmw")  # noqa: S311 - sample data: repeatable, not secret
    forged = Problem("Not signed", "The request is not signed as it must be.", "signature_refused")
    taken = intake_report.Taken(recorded=55, withheld=3, forged=forged)
    printed = text_of(lambda out: intake_report.show_deliveries(out, samples, taken))
    for said in ("Text message", "TN-Validation-Passed-A ", "-Diverted", "TN-Validation-Failed-A", "number withheld"):
        assert said in printed
    assert "55 were recorded as contacts, 3 were counted as withheld" in printed
    assert "(signature_refused)" in printed
    printed += text_of(lambda out: intake_report.show_exclusions(out, samples, 8, "contact_observed", "none"))
    assert "a file of 8 numbers" in printed
    outcomes = {one.number.e164: one.expected.outcome for one in samples.live.told}
    printed += text_of(lambda out: intake_report.show_employers_share(out, samples, outcomes))
    assert "10 made the contacts" in printed
    assert "4 contact_observed, 6 none" in printed
    assert "are excluded: 2 none" in printed
    assert "555" not in printed


@pytest.mark.parametrize(("share", "said"), [(0.039, "an estimated 3.9% of the contacts"), (None, "No baseline")])
def test_the_baseline_is_shown_with_its_intervals(share: float | None, said: str) -> None:
    days = {"estimate": 0.08, "low": 0.04, "high": 0.15}
    control = {"lines": 1, "line_days": 90, "contacts": 10, "rate": 0.111, "proportion": days}
    nothing: dict[str, Any] = {"lines": 0, "line_days": 0, "contacts": 0, "rate": None, "proportion": None}
    answer = {"total": {"control": control, "advertised": nothing, "baseline": share}}
    printed = text_of(lambda out: intake_report.show_baseline(out, answer))
    assert "8% (4% to 15%)" in printed
    assert said in printed
    assert ("estimated" in printed) == (share is not None)
