"""The document that explains every problem to people: openapi/problems.md, which the API also serves."""

import json
from typing import Final

from api.problems.catalogue import CATALOGUE, Place, ProblemType
from api.problems.documents import MEDIA_TYPE, PROBLEMS_PATH, anchor, example_document, item_problem
from registry.domain.errors import Code

_INTRODUCTION: Final = f"""\
# Problems

When the registry cannot do what was asked of it, it says why, in a problem. This page explains every one: what
happened, and what to do about it.

**A problem is not an answer about a number.** It does not mean that a contact was observed, and it does not mean that
none was. Nothing may be concluded from it about the person who uses the number.

**How a problem looks.** The whole answer is a JSON document of the type `{MEDIA_TYPE}` (RFC 9457). It never repeats a
number, a key or any other text that was sent.

| member | meaning |
| --- | --- |
| `type` | the address of the explanation on this page: `{PROBLEMS_PATH}#` and the heading |
| `title` | the problem's name, always the same |
| `status` | the HTTP status |
| `detail` | what happened this time, for people; its wording may change |
| `instance` | the request's id: quote it when you ask the operator about the answer |
| `code` | the problem's name for programs: decide by this one |
| `errors` | each thing wrong in the request: `pointer` (where in the body, RFC 6901), `code`, `detail`; may be empty |
| `violated-policies` | with `quota_exceeded` only: the names of the limits that were reached |

If everything in `errors` has one and the same code, the document as a whole carries that code too. If there are
several different ones, its code is `invalid_request`.

**When many numbers are sent at once**, one bad item does not stop the others: each is answered in its place, and a
refused one carries its own `problem`, such as

```json
%(item)s
```

In a file of results, the column `problem` holds the `code`.

**All problems**

| code | status | what it says |
| --- | --- | --- |
"""


def render_markdown() -> str:
    """All of problems.md. The text depends on the catalogue alone."""
    item = item_problem(Code.WITHHELD, "/items/1/number", CATALOGUE[Code.WITHHELD].example)
    introduction = _INTRODUCTION % {"item": json.dumps(item)}
    overview = "".join(f"| [`{p.code}`](#{anchor(p.code)}) | {p.status} | {p.title} |\n" for p in CATALOGUE.values())
    return introduction + overview + "".join(_section(problem_type) for problem_type in CATALOGUE.values())


def _section(problem_type: ProblemType) -> str:
    places = ", ".join(place.value for place in Place if place in problem_type.places)
    header = f" The answer carries the header `{problem_type.header}`." if problem_type.header else ""
    again = "may work later" if problem_type.retryable else "does not help"
    example = json.dumps(example_document(problem_type.code), indent=2)
    return f"""
## {anchor(problem_type.code)}

**{problem_type.title}.** Code `{problem_type.code}`, status {problem_type.status}.

**What happened.** {problem_type.happened}

**What to do.** {problem_type.advice}

Where: {places}. Sending the same request again, unchanged, {again}.{header}

```json
{example}
```
"""
