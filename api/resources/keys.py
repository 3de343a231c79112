"""API keys. For the operator."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY, WRITING
from api.resources.model import AnswerModel, AuditId, Moment, RequestModel
from registry.db.api_keys import StoredKey
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.operations.list_records import ListKeys
from registry.operations.manage_keys import ExpireKey, IssuedKey, IssueKey, RevokeKey
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1", tags=["Operator"], route_class=ProtectedRoute)

KeyId = Annotated[str, Path(pattern="^[0-9A-Za-z]{8}$", description="The public part of a key.")]


class KeyRequest(RequestModel):
    scopes: list[Scope] | None = Field(
        None, min_length=1, max_length=len(Scope), description="Null: what the organisation's kind gets by default."
    )
    expires_at: Moment | None = None


class KeyChange(RequestModel):
    expires_at: Moment | None = Field(description="Null lifts the expiry.")


class KeyModel(AnswerModel):
    id: str = Field(description="The public part of the key.")
    organisation_id: UUID
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Exact to a minute.")

    @classmethod
    def of(cls, key: StoredKey) -> "KeyModel":
        return cls(
            id=key.id,
            organisation_id=key.organisation_id,
            scopes=[Scope(scope) for scope in key.scopes],
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class KeyAnswer(KeyModel):
    audit_id: AuditId


class IssuedKeyAnswer(KeyAnswer):
    key: str | None = Field(
        description="The key. It is shown this once; a repeated request gets null, since it is stored nowhere."
    )


class KeyList(AnswerModel):
    data: list[KeyModel]
    next_cursor: None = None
    audit_id: AuditId


def _answer(answered: Answered[StoredKey]) -> KeyAnswer:
    return KeyAnswer(**dict(KeyModel.of(answered.result)), audit_id=answered.audit_id)


@router.post(
    "/organisations/{organisation_id}/keys",
    operation_id="issueKey",
    summary="Issue a key",
    response_model=IssuedKeyAnswer,
    status_code=201,
    responses=responses(*WRITING, Code.NOT_FOUND, Code.EMPTY_LIST, Code.TOO_MANY_ITEMS),
)
def issue_key(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, IssueKey))], organisation_id: UUID, request: KeyRequest
) -> Response:
    scopes = None if request.scopes is None else frozenset(request.scopes)

    def shown(answered: Answered[IssuedKey]) -> IssuedKeyAnswer:
        issued = answered.result
        return IssuedKeyAnswer(**dict(KeyModel.of(issued.stored)), key=issued.text, audit_id=answered.audit_id)

    return call.write(
        IssueKey(organisation_id, scopes, request.expires_at),
        shown,
        201,
        stored=lambda answered: shown(answered).model_copy(update={"key": None}),
    )


@router.get(
    "/organisations/{organisation_id}/keys",
    operation_id="listKeys",
    summary="List an organisation's keys",
    response_model=KeyList,
    responses=responses(*ANY, Code.NOT_FOUND),
)
def list_keys(call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ListKeys))], organisation_id: UUID) -> Response:
    return call.read(
        ListKeys(organisation_id),
        lambda done: KeyList(data=[KeyModel.of(key) for key in done.result], audit_id=done.audit_id),
    )


@router.post(
    "/keys/{key_id}/revocation",
    operation_id="revokeKey",
    summary="Revoke a key at once and for ever",
    response_model=KeyAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def revoke_key(call: Annotated[Call, Depends(call_for(Scope.OPERATOR, RevokeKey))], key_id: KeyId) -> Response:
    return call.write(RevokeKey(key_id), _answer)


@router.patch(
    "/keys/{key_id}",
    operation_id="expireKey",
    summary="Set a key's expiry",
    response_model=KeyAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def expire_key(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ExpireKey))], key_id: KeyId, change: KeyChange
) -> Response:
    return call.write(ExpireKey(key_id, change.expires_at), _answer)
