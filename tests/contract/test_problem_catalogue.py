import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.problems import (
    CATALOGUE,
    FIXED_DETAIL,
    ItemProblem,
    Place,
    ProblemDetails,
    ProblemType,
    component_schemas,
    example_document,
    item_problem,
    problem_document,
    render_markdown,
    responses,
    type_uri,
)
from api.problems.__main__ import PROBLEMS_MD, main
from api.problems.log_wording import LOG_WORDING
from api.problems.number_wording import NUMBER_WORDING
from api.problems.private_wording import PRIVATE_WORDING
from api.problems.request_wording import REQUEST_WORDING
from api.problems.state_wording import STATE_WORDING
from registry.domain.errors import Code, FieldProblem, Refused

MEMBERS = ["type", "title", "status", "detail", "instance", "code", "errors", "violated-policies"]
REQUEST_ID = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"
UUID_TEXT = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
LIKE_A_NUMBER = re.compile(r"\+?\d(?:[\s().,/-]*\d){6,}")
FICTIONAL_NUMBER = re.compile(r"555\D?01\d\d")
ROUND_FIGURE = re.compile(r"\d{1,3}(?:,000)+")

every_code = pytest.mark.parametrize("code", list(Code))

field_problems = st.builds(FieldProblem, pointer=st.text(), code=st.sampled_from(Code), detail=st.text())
refusals = st.builds(
    Refused,
    code=st.sampled_from(Code),
    detail=st.text(),
    errors=st.lists(field_problems, max_size=3).map(tuple),
    retry_after=st.none() | st.floats(min_value=0, max_value=1e6),
    violated=st.lists(st.sampled_from(["key", "org-day"]), max_size=2).map(tuple),
)


def texts(problem_type: ProblemType) -> list[str]:
    return [problem_type.title, problem_type.happened, problem_type.advice, problem_type.example]


def test_the_catalogue_explains_every_code_once() -> None:
    assert list(CATALOGUE) == list(Code)
    assert all(problem_type.code is code for code, problem_type in CATALOGUE.items())
    assert sum(map(len, (NUMBER_WORDING, REQUEST_WORDING, PRIVATE_WORDING, LOG_WORDING, STATE_WORDING))) == len(Code)


@every_code
def test_every_status_is_an_error_and_only_faults_of_the_registry_are_5xx(code: Code) -> None:
    ours = {
        Code.DATABASE_UNAVAILABLE,
        Code.OVERLOADED,
        Code.KEYS_OUT_OF_DATE,
        Code.SIGNER_UNAVAILABLE,
        Code.INTERNAL,
    }
    assert CATALOGUE[code].status // 100 == (5 if code in ours else 4)


def test_statuses_tell_nobody_that_a_key_is_valid_but_may_not_do_this() -> None:
    assert [p.code for p in CATALOGUE.values() if p.status == 401] == [Code.UNAUTHORIZED]
    # Of requests that come without any key, and the same whether there is such a line or not.
    assert [p.code for p in CATALOGUE.values() if p.status == 403] == [Code.SIGNATURE_REFUSED]


@every_code
def test_every_text_is_short_prose_that_ends_like_a_sentence(code: Code) -> None:
    problem_type = CATALOGUE[code]
    assert len(problem_type.title) <= 70
    assert not problem_type.title.endswith(".")
    for prose in (problem_type.happened, problem_type.advice, problem_type.example):
        assert prose.endswith(".")
        assert 1 <= len(re.findall(r"\.(?:\s|$)", prose)) <= 4
        assert "  " not in prose


def test_titles_tell_codes_apart() -> None:
    assert len({problem_type.title for problem_type in CATALOGUE.values()}) == len(Code)


@every_code
def test_a_code_can_be_a_whole_answer_and_has_an_example_place_if_it_stands_in_errors(code: Code) -> None:
    problem_type = CATALOGUE[code]
    assert Place.ANSWER in problem_type.places  # by `headline`, whatever stands alone in `errors` becomes the whole
    assert (problem_type.pointer is not None) == (Place.ERRORS in problem_type.places)


@every_code
def test_answers_that_ask_to_wait_say_how_long(code: Code) -> None:
    problem_type = CATALOGUE[code]
    assert (problem_type.header == "Retry-After") == (problem_type.status in {429, 503} or code is Code.NOT_SEALED)
    assert ("Retry-After" in problem_type.advice) == (problem_type.header == "Retry-After")
    assert problem_type.retryable or problem_type.header != "Retry-After"


def test_nobody_is_called_by_a_word_that_a_contact_does_not_prove() -> None:
    forbidden = re.compile("buy" + "er", re.IGNORECASE)
    everything = [*(text for p in CATALOGUE.values() for text in texts(p)), render_markdown(), str(component_schemas())]
    assert not [text for text in everything if forbidden.search(text)]


def test_no_text_shows_a_phone_number_that_could_be_somebodys() -> None:
    everything = [render_markdown(), *(json.dumps(example_document(code)) for code in Code), str(component_schemas())]
    for text in everything:
        rest = ROUND_FIGURE.sub("", FICTIONAL_NUMBER.sub("", UUID_TEXT.sub("", text)))
        assert LIKE_A_NUMBER.search(rest) is None


def test_the_search_for_phone_numbers_would_find_one() -> None:
    assert all(LIKE_A_NUMBER.search(text) for text in ("+1 (206) 555-0177", "2065550177", "206.555.0177"))


@every_code
def test_every_type_leads_to_a_heading_of_the_explanations(code: Code) -> None:
    page, _, fragment = type_uri("/problems", code).partition("#")
    assert page == "/problems"
    # GitHub makes a heading's anchor by lowering it and hyphenating its spaces: these headings are already that.
    assert re.fullmatch(r"[a-z0-9-]+", fragment)
    assert f"\n## {fragment}\n" in PROBLEMS_MD.read_text(encoding="utf-8")


def test_the_explanations_have_one_heading_and_one_line_of_overview_per_code() -> None:
    text = render_markdown()
    anchors = [type_uri("", code).removeprefix("#") for code in Code]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == anchors
    assert re.findall(r"^\| \[`\w+`\]\(#(.*?)\)", text, re.MULTILINE) == anchors


def test_every_json_in_the_explanations_is_what_the_registry_would_answer() -> None:
    item, *documents = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", render_markdown(), re.DOTALL)]
    ItemProblem.model_validate_json(json.dumps(item), strict=True)
    assert documents == [example_document(code) for code in Code]


def test_problems_md_is_in_step_with_the_catalogue() -> None:
    assert PROBLEMS_MD.read_bytes() == render_markdown().encode()


def test_the_command_writes_the_file_and_notices_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "problems.md"
    assert main(["--check"], target) == 1
    assert "python -m api.problems --write" in capsys.readouterr().err
    assert main(["--write"], target) == 0
    assert main(["--check"], target) == 0
    target.write_bytes(target.read_bytes() + b"\n")
    assert main(["--check"], target) == 1


@given(refusals)
def test_a_document_has_the_documented_members_in_order_and_no_other(refused: Refused) -> None:
    refused.add_note("a note for the log")
    refused.__cause__ = ValueError("a cause")
    document = problem_document(refused, instance=REQUEST_ID)
    code = refused.headline
    assert list(document) == (MEMBERS if code is Code.QUOTA_EXCEEDED else MEMBERS[:-1])
    assert document["status"] == CATALOGUE[code].status
    assert document["title"] == CATALOGUE[code].title
    assert document["type"] == type_uri("/problems", code)
    # What a client reads is what the OpenAPI document promises, and every value is plain JSON.
    parsed = ProblemDetails.model_validate_json(json.dumps(document), strict=True)
    assert parsed.code is code
    assert code in FIXED_DETAIL or len(parsed.errors) == len(refused.errors)


def test_the_instance_is_an_absolute_uri_of_the_request_id() -> None:
    document = problem_document(Refused(Code.WITHHELD, "withheld"), instance=REQUEST_ID)
    assert document["instance"] == UUID(REQUEST_ID).urn


def test_the_base_of_types_can_be_set() -> None:
    document = problem_document(Refused(Code.TOO_SHORT, "short"), instance=REQUEST_ID, base="https://example.org/p")
    assert document["type"] == "https://example.org/p#too-short"


def test_a_single_entry_gives_the_document_its_code_and_its_words() -> None:
    entry = FieldProblem("/number", Code.TOO_SHORT, "The number is too short.")
    refused = Refused(Code.INVALID_REQUEST, "The request is not valid.", (entry,))
    document = problem_document(refused, instance=REQUEST_ID)
    assert (document["code"], document["detail"]) == ("too_short", "The number is too short.")
    assert document["errors"] == [{"pointer": "/number", "code": "too_short", "detail": "The number is too short."}]


def test_several_entries_of_one_code_give_the_document_that_code_and_the_refusals_words() -> None:
    entries = tuple(FieldProblem(f"/{name}", Code.MISSING_FIELD, "required") for name in ("purpose", "number"))
    refused = Refused(Code.INVALID_REQUEST, "2 fields are missing.", entries)
    document = problem_document(refused, instance=REQUEST_ID)
    assert (document["code"], document["detail"]) == ("missing_field", "2 fields are missing.")


def test_entries_of_several_codes_leave_the_refusal_its_own_code() -> None:
    entries = (FieldProblem("/purpose", Code.MISSING_FIELD, "a"), FieldProblem("/number", Code.EMPTY, "b"))
    assert Refused(Code.INVALID_REQUEST, "2 problems.", entries).headline is Code.INVALID_REQUEST
    assert Refused(Code.NOT_FOUND, "nothing").headline is Code.NOT_FOUND


@pytest.mark.parametrize("code", sorted(FIXED_DETAIL))
def test_answers_that_could_betray_something_are_the_same_whatever_the_cause(code: Code) -> None:
    entry = FieldProblem("/key", code, "the secret does not match")
    causes = [Refused(code, "expired on Monday"), Refused(code, "password=hunter2"), Refused(code, "", (entry,))]
    answers = [problem_document(refused, instance=REQUEST_ID) for refused in causes]
    assert answers == [example_document(code)] * len(causes)


def test_the_limits_that_were_reached_are_named_with_quota_exceeded_only() -> None:
    violated = ("key", "org-day")
    quota = problem_document(Refused(Code.QUOTA_EXCEEDED, "used up", violated=violated), instance=REQUEST_ID)
    assert quota["violated-policies"] == ["key", "org-day"]
    busy = problem_document(Refused(Code.OVERLOADED, "busy", violated=violated), instance=REQUEST_ID)
    assert "violated-policies" not in busy


def test_an_items_problem_names_code_place_and_reason() -> None:
    problem = item_problem(Code.WITHHELD, "/hits/1/number", "The number was withheld.")
    assert list(problem) == ["code", "pointer", "detail"]
    assert ItemProblem.model_validate_json(json.dumps(problem), strict=True).code is Code.WITHHELD


@every_code
def test_examples_carry_their_own_code_and_fit_the_published_schema(code: Code) -> None:
    parsed = ProblemDetails.model_validate_json(json.dumps(example_document(code)), strict=True)
    assert parsed.code is code
    if code is Code.INVALID_REQUEST:
        assert len({entry.code for entry in parsed.errors}) > 1
    else:
        assert [entry.code for entry in parsed.errors] == [code] * (Place.ERRORS in CATALOGUE[code].places)


def test_responses_group_codes_by_status_with_one_example_each() -> None:
    fragment = responses(Code.WITHHELD, Code.QUOTA_EXCEEDED, Code.TOO_SHORT, Code.UNAUTHORIZED, Code.TOO_SHORT)
    assert list(fragment) == [401, 422, 429]
    content = fragment[422]["content"]
    assert list(content) == ["application/problem+json"]
    assert list(content["application/problem+json"]["examples"]) == ["too_short", "withheld"]
    assert list(fragment[401]["headers"]) == ["WWW-Authenticate"]
    assert list(fragment[429]["headers"]) == ["Retry-After"]
    assert "headers" not in fragment[422]


def test_responses_of_every_code_document_the_catalogues_headers() -> None:
    fragment = responses(*Code)
    assert sorted(int(status) for status in fragment) == sorted({p.status for p in CATALOGUE.values()})
    for problem_type in CATALOGUE.values():
        if problem_type.header is not None:
            assert problem_type.header in fragment[problem_type.status]["headers"]


def test_fastapi_publishes_problems_in_their_own_media_type_only_and_all_references_resolve() -> None:
    app = FastAPI()

    @app.get("/things/{thing}", responses=responses(*Code))
    def read_thing(thing: int) -> ItemProblem:
        raise NotImplementedError

    assert app.url_path_for("read_thing", thing=1) == "/things/1"
    document = app.openapi()
    published = document["paths"]["/things/{thing}"]["get"]["responses"]
    assert all(list(r["content"]) == ["application/problem+json"] for s, r in published.items() if s != "200")
    schemas = component_schemas()
    # FastAPI and `component_schemas` describe what they share alike, so either may be merged into the other.
    for name, schema in document["components"]["schemas"].items():
        assert schemas.get(name, schema) == schema
    known = {**document["components"]["schemas"], **schemas}
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps([document, schemas]))
    assert {"ProblemDetails", "FieldError", "Code"} <= set(references)
    assert set(references) <= set(known)
