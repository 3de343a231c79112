"""How problems appear in the OpenAPI document: the models of their JSON, and the `responses=` of a route."""

from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.problems.catalogue import CATALOGUE, ProblemType
from api.problems.documents import EXAMPLE_REQUEST_ID, MEDIA_TYPE, PROBLEMS_PATH, example_document, type_uri
from registry.domain.errors import Code

_SCHEMAS: Final = "#/components/schemas/"
_EXAMPLE: Final = CATALOGUE[Code.WITHHELD]
_POINTER: Final = (
    "Where in the request body, as a JSON pointer (RFC 6901). Empty if it is not a place in the body; then `detail` "
    "says what is meant."
)

_HEADERS: Final[dict[str, dict[str, object]]] = {
    "Allow": {"description": "The methods that this path takes.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Whole seconds after which the same request may succeed.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"description": "How to authenticate: `Bearer`.", "schema": {"type": "string"}},
}


class FieldError(BaseModel):
    """One thing wrong at one place of the request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pointer: str = Field(description=_POINTER, examples=["/number"])
    code: Code = Field(description="Which problem. Decide by this, not by the texts.", examples=[_EXAMPLE.code])
    detail: str = Field(description="What is wrong here, for people.", examples=[_EXAMPLE.example])
    index: int | None = Field(
        default=None, ge=0, description="Which element, where the place holds a row of them in one text."
    )


class ItemProblem(BaseModel):
    """Why one item of a request was refused while the others were answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code = Field(description="Which problem. Decide by this, not by the texts.", examples=[_EXAMPLE.code])
    pointer: str = Field(description=_POINTER, examples=["/items/1/number"])
    detail: str = Field(description="What is wrong with this item, for people.", examples=[_EXAMPLE.example])


class ProblemDetails(BaseModel):
    """A refusal (RFC 9457). It never repeats what was sent, and never means that a number is listed or is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(
        description="Where this problem is explained: what happened and what to do.",
        examples=[type_uri(PROBLEMS_PATH, _EXAMPLE.code)],
        json_schema_extra={"format": "uri-reference"},
    )
    title: str = Field(description="The problem's name, the same each time.", examples=[_EXAMPLE.title])
    status: int = Field(description="The HTTP status of this answer.", ge=400, le=599, examples=[_EXAMPLE.status])
    detail: str = Field(description="What happened this time, for people.", examples=[_EXAMPLE.example])
    instance: str = Field(
        description="The request's id. Quote it when asking the operator about this answer.",
        examples=[f"urn:uuid:{EXAMPLE_REQUEST_ID}"],
        json_schema_extra={"format": "uri-reference"},
    )
    code: Code = Field(description="Which problem. Decide by this, not by the texts.", examples=[_EXAMPLE.code])
    errors: list[FieldError] = Field(description="Each thing wrong in the request, where that can be told.")
    audit_id: UUID | None = Field(
        default=None,
        description="The receipt of this refusal in the audit log, once it is on record.",
        examples=[EXAMPLE_REQUEST_ID],
    )
    violated_policies: list[str] = Field(
        alias="violated-policies",
        default_factory=list,
        description="With `quota_exceeded` only: the names of the limits that were reached.",
        examples=[["org-day"]],
    )


def component_schemas() -> dict[str, dict[str, Any]]:
    """The entries of `components.schemas` that `responses` refers to, by name.

    FastAPI would publish a response model as `application/json`, so `responses` names the schema instead, and the
    builder of the document adds these.
    """
    schema = ProblemDetails.model_json_schema(ref_template=_SCHEMAS + "{model}")
    definitions: dict[str, dict[str, Any]] = schema.pop("$defs")
    return {**definitions, ProblemDetails.__name__: schema}


def responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that can be refused with these codes: one entry a status, one example a code."""
    by_status: dict[int, list[ProblemType]] = {}
    for problem_type in CATALOGUE.values():
        if problem_type.code in codes:
            by_status.setdefault(problem_type.status, []).append(problem_type)
    return {status: _response(by_status[status]) for status in sorted(by_status)}


def _response(problem_types: list[ProblemType]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": _SCHEMAS + ProblemDetails.__name__},
        "examples": {
            p.code.value: {"summary": p.title, "description": p.happened, "value": example_document(p.code)}
            for p in problem_types
        },
    }
    response: dict[str, Any] = {
        "description": "Refused: " + ", ".join(f"`{p.code.value}`" for p in problem_types) + ".",
        "content": {MEDIA_TYPE: content},
    }
    headers = sorted({p.header for p in problem_types if p.header is not None})
    if headers:
        response["headers"] = {name: _HEADERS[name] for name in headers}
    return response
