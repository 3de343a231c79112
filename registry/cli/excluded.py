"""Exclusions on the database itself, for the operator, whose side the command line is on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from registry.cli.failures import plainly
from registry.cli.output import fields
from registry.cli.session import session
from registry.domain.exclusions import ExclusionReason
from registry.operations.list_records import ListExclusions
from registry.operations.manage_exclusions import AddExclusion, EndExclusion, RemoveExclusion
from registry.operations.operation import Answered


class OnTheDatabase:
    """The documents are those of the API."""

    def add(self, number: str, reason: str, region: str | None, expires: datetime | None) -> Mapping[str, Any]:
        with plainly(), session() as opened:
            answered = opened.run(AddExclusion(number, ExclusionReason(reason), region, expires))
        return {**fields(answered.result), "reason": reason, "audit_id": answered.audit_id}

    def remove(
        self, number: str, region: str | None, organisation: str | None, *, every: bool, mistaken: bool
    ) -> Mapping[str, Any]:
        with plainly(), session() as opened:
            whose = None if organisation is None else opened.organisation(organisation).id
            return _ended(opened.run(RemoveExclusion(number, region, whose, every, mistaken)))

    def end(self, id_: UUID, *, mistaken: bool) -> Mapping[str, Any]:
        with plainly(), session() as opened:
            return _ended(opened.run(EndExclusion(id_, mistaken)))

    def listed(self, organisation: str | None, *, active: bool | None) -> Mapping[str, Any]:
        with plainly(), session() as opened:
            whose = None if organisation is None else opened.organisation(organisation).id
            now = datetime.now(UTC)
            found, audit_ids = opened.every(lambda after, limit: ListExclusions(after, limit, whose, active))
        return {"data": [{**fields(one), "expired": one.expired(now)} for one in found], "audit_ids": audit_ids}


def _ended(answered: Answered[dict[UUID, bool]]) -> Mapping[str, Any]:
    ids = list(answered.result)
    given_back = [one for one in ids if answered.result[one]]
    return {"id": ids[0], "ids": ids, "given_back": given_back, "audit_id": answered.audit_id}
