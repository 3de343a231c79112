"""Pages for people: the interactive documentation, the explanation of every problem, and the default guidance.

All of it works without another host: Swagger UI's files come from an installed package.
"""

import html
from importlib.resources import files
from itertools import pairwise
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markdown_it import MarkdownIt

from api.openapi import rendered_once
from api.problems import render_markdown
from registry.domain.errors import Code, Refused

router = APIRouter(include_in_schema=False)

_ASSETS: Final = files("fastapi_offline") / "static"
_SERVED: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_DAY: Final = "public, max-age=86400"

_DOCS: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demand Registry API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"><link rel="icon" href="/docs/assets/favicon.png">
</head><body><div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset].filter(Boolean),
});
"""
_STYLE: Final = "body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto}"

GUIDANCE: Final = """# What to do with an answer

An answer says what was observed about a *phone number*, never what a person did.

- **contact_observed** means that this caller ID contacted a decoy advertisement within the dates given. Caller IDs can
  be forged, numbers change hands, and people misdial.
- **none** means that nothing was observed. It is no clearance.
- **indeterminate** means that the registry cannot honestly say: the entry is disputed, the only contacts fall on the
  first or last day on which you held the number, or the number's region is not served.

Before anything else:

1. Check that the number was yours on the dates given, and who used it then. Shared lines, forwarded lines and old
   devices are common.
2. Talk to human resources and to legal counsel. Follow your own policy and the law where you are.
3. Never let an answer be the sole basis of a decision against somebody. Hear the person first.
4. Keep the `audit_id`. With it the operator can show what was disclosed, to whom, and why.
5. The person concerned can ask the operator what was disclosed about their number, and can dispute it.
"""


@router.get("/")
async def home() -> Response:
    return Response(status_code=307, headers={"Location": "/docs"})


@router.get("/docs")
async def docs() -> HTMLResponse:
    return HTMLResponse(_DOCS, headers={"Content-Security-Policy": _PAGE_POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(_START, media_type="text/javascript; charset=utf-8", headers={"Cache-Control": _DAY})


@router.get("/docs/assets/{name}")
async def asset(name: str) -> Response:
    kind = _SERVED.get(name)
    if kind is None:
        raise Refused(Code.NOT_FOUND, "There is nothing at this address.")
    return Response((_ASSETS / name).read_bytes(), media_type=kind, headers={"Cache-Control": _DAY})


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    return Response(rendered_once(request.app), media_type="application/json")


@router.get("/problems")
async def problems() -> HTMLResponse:
    """Every problem type; `type` of a problem document points here."""
    return _page("Problems", render_markdown())


@router.get("/guidance")
async def guidance() -> HTMLResponse:
    """What to do with an answer, unless the operator has set an address of their own."""
    return _page("Guidance", GUIDANCE)


def _page(title: str, markdown: str) -> HTMLResponse:
    reader = MarkdownIt("commonmark").enable("table")
    tokens = reader.parse(markdown)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", inline.content)
    body = reader.renderer.render(tokens, reader.options, {})
    content = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    return HTMLResponse(content, headers={"Content-Security-Policy": _PAGE_POLICY})
