"""GET /v1/private/parameters and POST /v1/private/evaluations: asking without showing the numbers
(docs/private-checks.md).
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY, ASKING, CHARGED_ONCE
from api.resources.encoded import BlindedBatch, EncodedBytes, encode
from api.resources.model import AnswerModel, AuditId, CaseRef, RequestModel, Whole
from api.vectors import TEST_SEED
from registry.db.private_sets import PrivateSet
from registry.domain.credentials import Purpose, Scope
from registry.domain.errors import Code
from registry.domain.generations import Generations
from registry.domain.private_sets import EPOCH_SECONDS
from registry.domain.tags import BATCH_MOST, CHAIN_PREFIX, INPUT_PREFIX, SET_ID_BYTES, SUITE, set_id, tel_input
from registry.keys import KEY_INFO, SecretKey
from registry.operations.download_private_set import ViewPrivateParameters
from registry.operations.evaluate_blinded import EvaluateBlinded, distinct
from registry.operations.operation import Answered
from registry.tagging import Evaluated

router = APIRouter(prefix="/v1/private", tags=["Private checks"], route_class=ProtectedRoute)
_TEST_GENERATION: Final = 1
_TEST_NUMBERS: Final = ("+12065550100", "+12065550177", "+14165550199")
_MOST_GENERATIONS: Final = 16


class ChainLink(AnswerModel):
    generation: int
    public_key: EncodedBytes


class SetParameters(AnswerModel):
    etag: str = Field(description="The entity tag of the whole set.")
    entries: int
    bytes: int
    prefix_bits: int = Field(description="Bits that the ids of one bucket share; 0: there are no buckets.")
    bucket_entries: int = Field(description="Ids in every bucket, dummies included.")
    epoch: datetime = Field(description="Since when the set is as it is.")


class GenerationParameters(AnswerModel):
    generation: int
    suite: str
    public_key: EncodedBytes
    input_prefix: str = Field(description="Stands before a number, `+` and digits.")
    chain: list[ChainLink] = Field(
        description="Generations to evaluate under first, oldest first: each one's tag is the next one's input."
    )
    chain_prefix: str = Field(description="Stands before the tag of the generation before, 32 bytes.")
    batch_max: int
    set: SetParameters


class TestKey(AnswerModel):
    """Published, so that a client can check itself. Never used for anything else."""

    generation: int
    seed: str = Field(description="Hexadecimal; of DeriveKeyPair with `info`.")
    info: str
    public_key: EncodedBytes


class TestVector(AnswerModel):
    number: str
    input: str
    tag: EncodedBytes
    set_id: str = Field(description="Hexadecimal.")


class PrivateParameters(AnswerModel):
    generations: list[GenerationParameters] = Field(description="Those under which questions are asked, newest first.")
    served_regions: list[str] = Field(description="Numbers of others are `indeterminate`, and are not to be sent.")
    accept_fictional: bool
    normaliser_version: str
    epoch_seconds: int
    test_key: TestKey
    test_vectors: list[TestVector]
    audit_id: AuditId


class EvaluationRequest(RequestModel):
    purpose: Purpose = Field(description="Why you ask. Goes to the audit log.")
    case_ref: CaseRef | None = None
    blinded: BlindedBatch
    generations: list[Annotated[Whole, Field(ge=1, le=32_767)]] | None = Field(
        None,
        min_length=1,
        max_length=_MOST_GENERATIONS,
        description="Without it: for every active generation the one that its evaluation begins with.",
    )


class EvaluationModel(AnswerModel):
    generation: int
    evaluated: EncodedBytes = Field(description="As many elements of 32 bytes as were sent, in their order.")
    proof: EncodedBytes = Field(description="RFC 9497's proof for the whole batch: c and s, 32 bytes each.")


class EvaluationAnswer(AnswerModel):
    evaluations: list[EvaluationModel]
    audit_id: AuditId


@router.get(
    "/parameters",
    operation_id="getPrivateParameters",
    summary="What a private check needs to know",
    response_model=PrivateParameters,
    responses=responses(*ANY),
)
def get_private_parameters(call: Annotated[Call, Depends(call_for(Scope.PRIVATE, ViewPrivateParameters))]) -> Response:
    """Pin the public key of each generation when you first see it: one that changes is not this registry's."""
    registry = call.registry

    def render(answered: Answered[dict[int, PrivateSet]]) -> PrivateParameters:
        return PrivateParameters(
            generations=[_generation(registry.generations, one) for one in answered.result.values()],
            served_regions=sorted(registry.settings.served_regions),
            accept_fictional=registry.settings.mode == "sandbox",
            normaliser_version=registry.normaliser.version,
            epoch_seconds=EPOCH_SECONDS,
            test_key=_test_key(),
            test_vectors=_test_vectors(),
            audit_id=answered.audit_id,
        )

    return call.read(ViewPrivateParameters(), render)


@router.post(
    "/evaluations",
    operation_id="createPrivateEvaluation",
    summary="Have blinded numbers evaluated",
    response_model=EvaluationAnswer,
    responses=responses(
        *ASKING,
        *CHARGED_ONCE,
        Code.EMPTY_LIST,
        Code.TOO_MANY_ITEMS,
        Code.INVALID_ENCODING,
        Code.INVALID_ELEMENT,
        Code.UNKNOWN_GENERATION,
        Code.RETIRED_GENERATION,
    ),
)
def create_private_evaluation(
    call: Annotated[Call, Depends(call_for(Scope.PRIVATE, EvaluateBlinded))], question: EvaluationRequest
) -> Response:
    """One batch, evaluated and proved under every generation asked for. The registry cannot tell what it evaluates.

    Every element is charged as one number, however many generations there are, before anything is computed.
    """
    generations = None if question.generations is None else distinct(question.generations)

    def render(answered: Answered[list[Evaluated]]) -> EvaluationAnswer:
        return EvaluationAnswer(
            evaluations=[
                EvaluationModel(generation=one.generation, evaluated=encode(one.elements), proof=encode(one.proof))
                for one in answered.result
            ],
            audit_id=answered.audit_id,
        )

    return call.read(EvaluateBlinded(question.blinded, question.purpose, question.case_ref, generations), render)


def _generation(generations: Generations, found: PrivateSet) -> GenerationParameters:
    *ancestors, number = generations.chain(found.generation)
    known = generations.known
    return GenerationParameters(
        generation=number,
        suite=SUITE,
        public_key=encode(known[number].public_key),
        input_prefix=INPUT_PREFIX.decode(),
        chain=[ChainLink(generation=one, public_key=encode(known[one].public_key)) for one in ancestors],
        chain_prefix=CHAIN_PREFIX.decode(),
        batch_max=BATCH_MOST,
        set=SetParameters(
            etag=found.etag,
            entries=found.entries,
            bytes=found.entries * SET_ID_BYTES,
            prefix_bits=found.prefix_bits,
            bucket_entries=found.bucket_entries,
            epoch=found.epoch,
        ),
    )


@cache
def _test_key() -> TestKey:
    return TestKey(
        generation=_TEST_GENERATION,
        seed=TEST_SEED.hex(),
        info=KEY_INFO.decode(),
        public_key=encode(SecretKey(TEST_SEED).public_key),
    )


@cache
def _test_vectors() -> list[TestVector]:
    key = SecretKey(TEST_SEED)
    return [
        TestVector(
            number=number,
            input=tel_input(number).decode(),
            tag=encode(key.tag(number)),
            set_id=set_id(_TEST_GENERATION, key.tag(number)).hex(),
        )
        for number in _TEST_NUMBERS
    ]
