"""Problem documents (RFC 9457): what a refusal looks like as JSON.

Pure rendering. It must never add a member that is not listed here, look at an exception's cause, or repeat a value
that was refused; sending the document, its headers and its status is the exception handlers' work.
"""

from typing import Final

from api.problems.catalogue import CATALOGUE, FIXED_DETAIL, Place
from registry.domain.errors import Code, FieldProblem, Refused

MEDIA_TYPE: Final = "application/problem+json"
PROBLEMS_PATH: Final = "/problems"
"""Where the API serves the explanations. A relative `type` is a full path, as RFC 9457, section 3.1.1, asks."""
_EXAMPLE_INDEX: Final = 17
EXAMPLE_REQUEST_ID: Final = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"


def type_uri(base: str, code: Code) -> str:
    """The `type` of a code: the address of its explanation, `base` being that of the whole document."""
    return f"{base}#{anchor(code)}"


def anchor(code: Code) -> str:
    """The heading of a code in problems.md. Hyphens, so that heading, GitHub's anchor and fragment are one text."""
    return code.value.replace("_", "-")


def problem_document(refused: Refused, *, instance: str, base: str = PROBLEMS_PATH) -> dict[str, object]:
    """The problem document of a refusal, its members in the order in which every answer has them.

    instance: the request id, a UUID as text. It becomes `urn:uuid:...`, since `instance` is a URI reference and a bare
    id would be read as a path beside the request's own.
    `errors` is always there and may be empty, an entry's `index` where one of a row of elements is meant; `audit_id`
    is there once the refusal is on record, except with `unauthorized`, where it would tell a guesser that the key
    exists; `violated-policies` with `quota_exceeded` only.
    """
    code = refused.headline
    problem_type = CATALOGUE[code]
    entries = () if code in FIXED_DETAIL else refused.errors
    document: dict[str, object] = {
        "type": type_uri(base, code),
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": _detail(refused, code),
        "instance": f"urn:uuid:{instance}",
        "code": code.value,
        "errors": [_entry(entry) for entry in entries],
    }
    if refused.audit_id is not None and code is not Code.UNAUTHORIZED:
        document["audit_id"] = str(refused.audit_id)
    if code is Code.QUOTA_EXCEEDED:
        document["violated-policies"] = list(refused.violated)
    return document


def _entry(problem: FieldProblem) -> dict[str, object]:
    entry: dict[str, object] = {
        "pointer": problem.pointer,
        "code": problem.code.value,
        "detail": problem.detail,
    }
    return entry if problem.index is None else {**entry, "index": problem.index}


def item_problem(code: Code, pointer: str, detail: str) -> dict[str, str]:
    """The problem of one item, beside the answers of the other items of its request."""
    return {"code": code.value, "pointer": pointer, "detail": detail}


def example_document(code: Code, *, base: str = PROBLEMS_PATH) -> dict[str, object]:
    """A problem document with this code as a caller would get it, for the OpenAPI document and problems.md."""
    problem_type = CATALOGUE[code]
    entries: tuple[FieldProblem, ...] = ()
    if code is Code.INVALID_REQUEST:
        entries = (_example_entry(Code.MISSING_FIELD), _example_entry(Code.WINDOW_REVERSED))
    elif Place.ERRORS in problem_type.places:
        entries = (_example_entry(code),)
    refused = Refused(code, problem_type.example, entries, violated=("org-day",))
    return problem_document(refused, instance=EXAMPLE_REQUEST_ID, base=base)


def _example_entry(code: Code) -> FieldProblem:
    index = _EXAMPLE_INDEX if code is Code.INVALID_ELEMENT else None
    return FieldProblem(CATALOGUE[code].pointer or "", code, CATALOGUE[code].example, index)


def _detail(refused: Refused, code: Code) -> str:
    if code in FIXED_DETAIL:
        return CATALOGUE[code].example
    if code is not refused.code and len(refused.errors) == 1:
        # The refusal's own words speak of a code that the document does not carry; the entry's speak of this one.
        return refused.errors[0].detail
    return refused.detail
