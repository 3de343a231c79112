"""What an investigator's telephony providers sign their requests with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY, WRITING
from api.resources.model import AnswerModel, AuditId, Flag, RequestModel, Text
from registry.db.provider_credentials import StoredCredential
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.policy import Provider
from registry.operations.manage_credentials import (
    AddProviderCredential,
    ListProviderCredentials,
    Retired,
    RetireProviderCredential,
)
from registry.operations.manage_decoys import LABEL_LENGTH
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/provider-credentials", tags=["Intake"], route_class=ProtectedRoute)

_MEMBER_LENGTH = 512
Member = Annotated[Text, Field(max_length=_MEMBER_LENGTH)]
LabelText = Annotated[Text, Field(min_length=1, max_length=LABEL_LENGTH, examples=["Main account, lines 1 to 4"])]


class ProviderCredentialRequest(RequestModel):
    """Twilio: `account_sid` and `auth_token`. Telnyx: `public_key`. Generic: `secret`. The others are left out."""

    provider: Provider
    label: LabelText | None = Field(None, description="Yours, to tell several apart. Without numbers or secrets.")
    account_sid: Member | None = Field(None, description="Of the very account, or subaccount, that has the number.")
    auth_token: Member | None = Field(
        None, description="Its auth token; or the secret of a shared key, where Twilio signs with one."
    )
    public_key: Member | None = Field(None, description="Ed25519, base64, from Telnyx's portal.")
    secret: Member | None = Field(None, description="Standard Webhooks: `whsec_` and 16 to 64 bytes in base64.")
    again: Flag = Field(
        default=False,
        description="Register it although your organisation has retired the same secret: it has not leaked.",
    )


class ProviderCredentialRetirement(RequestModel):
    at_once: Flag = Field(
        default=False,
        description=(
            "For a secret that has leaked: nothing that was signed with it is taken any more, and all others of your "
            "organisation's that are the same secret are retired with it. Otherwise it is taken for an hour more."
        ),
    )


_WITH_GRACE: Final = ProviderCredentialRetirement()


class ProviderCredentialModel(AnswerModel):
    """What it signs with is never shown."""

    id: UUID
    provider: Provider
    label: str | None
    created_at: datetime
    retired_at: datetime | None
    verifies_until: datetime | None = Field(description="Of a retired one: until then what it signed is taken.")

    @classmethod
    def of(cls, stored: StoredCredential) -> "ProviderCredentialModel":
        return cls(
            id=stored.id,
            provider=Provider(stored.provider),
            label=stored.label,
            created_at=stored.created_at,
            retired_at=stored.retired_at,
            verifies_until=stored.verifies_until,
        )


class ProviderCredentialAnswer(ProviderCredentialModel):
    audit_id: AuditId


class RetirementAnswer(ProviderCredentialAnswer):
    also_retired: list[UUID] = Field(
        description="At once: the others that were the same secret and still took requests. Else empty."
    )


class ProviderCredentialList(AnswerModel):
    data: list[ProviderCredentialModel]
    next_cursor: None = None
    audit_id: AuditId


def _answer(answered: Answered[StoredCredential]) -> ProviderCredentialAnswer:
    return ProviderCredentialAnswer(**dict(ProviderCredentialModel.of(answered.result)), audit_id=answered.audit_id)


@router.post(
    "",
    operation_id="addProviderCredential",
    summary="Register what a provider signs with",
    response_model=ProviderCredentialAnswer,
    status_code=201,
    responses=responses(*WRITING, Code.NUMBER_IN_TEXT, Code.CREDENTIAL_IN_USE, Code.CREDENTIAL_RETIRED),
)
def add_provider_credential(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, AddProviderCredential))],
    credential: ProviderCredentialRequest,
) -> Response:
    """It is kept sealed, and nobody is shown it again. Several can be in use at once: to rotate one, register the new
    one first, and retire the old one when the provider signs with the new. One secret is in use once, and one that was
    retired comes back only with `again`.
    """
    given = credential.model_dump(exclude={"provider", "label", "again"}, exclude_none=True)
    members = {name: str(value) for name, value in given.items()}
    operation = AddProviderCredential(credential.provider, members, label=credential.label, again=credential.again)
    return call.write(operation, _answer, 201)


@router.get(
    "",
    operation_id="listProviderCredentials",
    summary="List what providers sign with",
    response_model=ProviderCredentialList,
    responses=responses(*ANY),
)
def list_provider_credentials(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, ListProviderCredentials))],
) -> Response:
    """Oldest first, retired ones too."""

    def render(answered: Answered[Sequence[StoredCredential]]) -> ProviderCredentialList:
        found = [ProviderCredentialModel.of(stored) for stored in answered.result]
        return ProviderCredentialList(data=found, audit_id=answered.audit_id)

    return call.read(ListProviderCredentials(), render)


@router.post(
    "/{credential_id}/retirement",
    operation_id="retireProviderCredential",
    summary="Retire what a provider signed with",
    response_model=RetirementAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def retire_provider_credential(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, RetireProviderCredential))],
    credential_id: UUID,
    retirement: Annotated[ProviderCredentialRetirement, Body()] = _WITH_GRACE,
) -> Response:
    """For an hour, requests that were signed with it are still taken, since some may be on their way; not so with
    `at_once`, which retires all that are the same secret.
    """

    def render(answered: Answered[Retired]) -> RetirementAnswer:
        shown = ProviderCredentialModel.of(answered.result.credential)
        return RetirementAnswer(**dict(shown), also_retired=list(answered.result.also), audit_id=answered.audit_id)

    return call.write(RetireProviderCredential(credential_id, retirement.at_once), render)
