"""A refusal as an HTTP response, with the headers that belong to its status."""

import json
import math
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import Response

from api.problems import CATALOGUE, MEDIA_TYPE, problem_document
from registry.domain.errors import Code, Refused

_DEFAULT_WAIT_SECONDS: Final = 5.0


def problem_response(refused: Refused, request_id: UUID, headers: Mapping[str, str] | None = None) -> Response:
    """headers: more of them, such as the limits and what remains of them."""
    code = refused.headline
    status = CATALOGUE[code].status
    sent = dict(headers or {})
    if code is Code.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    wait = refused.retry_after
    if wait is None and status == 503:  # noqa: PLR2004 - Service Unavailable always says when to come back
        wait = _DEFAULT_WAIT_SECONDS
    if wait is not None:
        sent["Retry-After"] = str(max(1, math.ceil(wait)))
    body = json.dumps(problem_document(refused, instance=str(request_id)), ensure_ascii=False)
    return Response(body, status, sent, MEDIA_TYPE)
