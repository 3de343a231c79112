"""Problems (RFC 9457): the catalogue of what can be refused, and its rendering as JSON, OpenAPI and prose.

Data and pure rendering only. It must never touch a request, a log or the database.
"""

from api.problems.catalogue import CATALOGUE, FIXED_DETAIL, Place, ProblemType
from api.problems.documents import (
    MEDIA_TYPE,
    PROBLEMS_PATH,
    example_document,
    item_problem,
    problem_document,
    type_uri,
)
from api.problems.markdown import render_markdown
from api.problems.openapi_fragments import FieldError, ItemProblem, ProblemDetails, component_schemas, responses

__all__ = [
    "CATALOGUE",
    "FIXED_DETAIL",
    "MEDIA_TYPE",
    "PROBLEMS_PATH",
    "FieldError",
    "ItemProblem",
    "Place",
    "ProblemDetails",
    "ProblemType",
    "component_schemas",
    "example_document",
    "item_problem",
    "problem_document",
    "render_markdown",
    "responses",
    "type_uri",
]
