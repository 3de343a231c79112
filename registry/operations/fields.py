"""Saying where in a request a refusal belongs."""

from collections.abc import Generator
from contextlib import contextmanager

from registry.domain.errors import FieldProblem, Refused


@contextmanager
def at_field(pointer: str) -> Generator[None, None, None]:
    """A refusal raised inside is raised again with this RFC 6901 pointer into the request body."""
    try:
        yield
    except Refused as refused:
        problem = FieldProblem(pointer, refused.code, refused.detail)
        raise Refused(refused.code, refused.detail, (problem,)) from None
