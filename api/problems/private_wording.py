"""What is written about private checks: blinded batches, and the generations they are evaluated under."""

from collections.abc import Mapping
from typing import Final

from api.problems.wording import Wording
from registry.domain.errors import Code

PRIVATE_WORDING: Final[Mapping[Code, Wording]] = {
    Code.INVALID_ENCODING: Wording(
        title="The value is not rightly encoded",
        happened=(
            "A value that carries bytes is not base64 (RFC 4648, section 4, with padding), or holds another number of "
            "bytes than it must: elements and tags have 32 bytes each. Nothing was evaluated and nothing was charged."
        ),
        advice="Encode the bytes with a base64 library; put the elements of a batch one behind the other first.",
        example="This is base64 of elements of 32 bytes each.",
        pointer="/blinded",
    ),
    Code.INVALID_ELEMENT: Wording(
        title="An element of the batch is none of the group",
        happened=(
            "One of the 32-byte elements is not the canonical encoding of an element of ristretto255 (RFC 9496), or is "
            "the identity, which blinds nothing. The whole batch was refused; `index` says which element it was. Its "
            "numbers stay charged, since they were taken before the batch was looked at."
        ),
        advice=(
            "Blind with a library that implements RFC 9497, and check your encoding against the test vectors of "
            "`GET /v1/private/parameters`. Under an Idempotency-Key, the same batch is not charged again."
        ),
        example="Element 17 is not an element of the group, or is its identity.",
        pointer="/blinded",
    ),
    Code.UNKNOWN_GENERATION: Wording(
        title="There is no such generation",
        happened="The request names a generation of keys that this registry never had.",
        advice="Ask for `GET /v1/private/parameters`: it lists the generations that questions are evaluated under.",
        example="There is no generation of this number.",
    ),
    Code.RETIRED_GENERATION: Wording(
        title="The generation is retired",
        happened=(
            "The request names a generation of keys under which nothing is stored any more. It will not come back."
        ),
        advice=(
            "Ask for `GET /v1/private/parameters`, drop what you kept of the old generation, and evaluate your numbers "
            "under one that is listed there."
        ),
        example="This generation is retired.",
    ),
}
